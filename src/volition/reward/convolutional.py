"""Rewards that are a small convolutional network over pictures."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Box, Transition
from volition.env.inputs import inputs
from volition.reward.contract import AbstractReward
from volition.reward.network import Layer, he_scale


class Filters(eqx.Module):
    """What is looked for around each place of a picture.

    Args:
        weight: `[row, column, input, filter]`.
        bias: `[filter]`.
    """

    weight: Float[Array, "*batch row column input filter"]
    bias: Float[Array, "*batch filter"]

    def __call__(
        self, seen: Float[Array, "row column input"]
    ) -> Float[Array, "row column filter"]:
        """How much of each there is; beyond the edge is nothing."""
        found = jax.lax.conv_general_dilated(
            seen[None],
            self.weight,
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return found[0] + self.bias[None, None]


class ConvolutionalNetwork(AbstractReward):
    """Filters over the picture that a step leads to, then rectified units.

    Each filter layer looks at 3 x 3 places, keeps the size of the picture, and halves
    it by the mean of 2 x 2 where it can. What was done, and whether the outcome ended
    the episode, join behind the filters. As with `Network`, nothing is centred.

    Args:
        env: a world whose observations are `[row, column]` or `[row, column, channel]`,
            scaled by the bounds of their space.
        filters: of each filter layer, at least one.
        widths: units of each hidden layer behind them.
        key: of the random weights; `jax.random.key(0)` if left out.

    Raises:
        ValueError: where observations are no pictures, or a layer has no units.

    Example:
        >>> from volition.env import Highway
        >>> road = Highway()  # what it sees is a table of vehicles and numbers
        >>> reward = ConvolutionalNetwork(road, filters=(4, 8), widths=(16,))
        >>> [kernel.weight.shape for kernel in reward.kernels]
        [(3, 3, 1, 4), (3, 3, 4, 8)]
        >>> [layer.weight.shape for layer in reward.layers]
        [(14, 16), (16, 1)]

    Source: P. Christiano et al., "Deep reinforcement learning from human preferences",
    2017, appendix A.2 (there four layers of 16 filters over 84 x 84 pixels). Differs:
    smaller, no batch norm and no dropout; the action is an input.
    """

    env: AbstractEnvironment
    kernels: tuple[Filters, ...]
    layers: tuple[Layer, ...]
    shape: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        env: AbstractEnvironment,
        filters: tuple[int, ...] = (16, 16),
        widths: tuple[int, ...] = (32,),
        *,
        key: PRNGKeyArray | None = None,
    ):
        space = env.observation_space
        if not isinstance(space, Box) or len(space.shape) not in (2, 3):
            raise ValueError(
                f"observations are {space}, no pictures [row, column, channel]: take "
                "Network(StepInputs(env))."
            )
        if not filters or min(*filters, *widths, 1) < 1:
            raise ValueError(
                f"each layer has at least one unit, not {filters} and {widths}, and "
                "there is at least one layer of filters."
            )
        key = jax.random.key(0) if key is None else key
        kernel_key, layer_key = jax.random.split(key)
        rows, columns = space.shape[:2]
        n_channels = space.shape[2] if len(space.shape) == 3 else 1
        self.shape = (rows, columns, n_channels)
        channels = (n_channels, *filters)
        kernels = []
        for number, (before, after) in enumerate(pairwise(channels)):
            one_key = jax.random.fold_in(kernel_key, number)
            weight = _drawn(one_key, (3, 3, before, after))
            kernels.append(Filters(weight, _nothing(after)))
            rows, columns = _halved(rows), _halved(columns)
        n_done = inputs(env.action_space).size + 1
        sizes = (rows * columns * channels[-1] + n_done, *widths, 1)
        self.env = env
        self.kernels = tuple(kernels)
        self.layers = tuple(
            Layer(
                _drawn(jax.random.fold_in(layer_key, number), shape), _nothing(shape[1])
            )
            for number, shape in enumerate(pairwise(sizes))
        )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The output for one transition."""
        look = inputs(self.env.observation_space)
        seen = look(self.env.observe(transition.next_state)).reshape(self.shape)
        for kernel in self.kernels:
            seen = _pooled(jax.nn.relu(kernel(seen)))
        done = inputs(self.env.action_space)(transition.action)
        ended = jnp.asarray(transition.terminated).astype(jnp.float32)
        x = jnp.concatenate([seen.ravel(), done, ended[None]])
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)[0].astype(float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it looks at states."""
        return ()

    def learned(self) -> PyTree[bool]:
        """Filters and layers; nothing of the world."""
        nothing = jax.tree.map(lambda leaf: False, self)
        parts = (self.kernels, self.layers)
        marks = jax.tree.map(eqx.is_inexact_array, parts)
        return eqx.tree_at(lambda one: (one.kernels, one.layers), nothing, marks)

    @property
    def single_precision(self) -> bool:
        """It does: twice as many numbers a second."""
        return True

    def last(self) -> PyTree[bool]:
        """The output layer."""
        nothing = jax.tree.map(lambda leaf: False, self)
        output = jax.tree.map(eqx.is_inexact_array, self.layers[-1])
        return eqx.tree_at(lambda marks: marks.layers[-1], nothing, output)

    def prior_scale(self) -> Float[Array, " parameter"]:
        """As of `Network`: weights by what they add up, biases 1."""
        each = []
        for layer in (*self.kernels, *self.layers):
            n_inputs = int(np.prod(layer.weight.shape[:-1]))
            each += [np.full(layer.weight.size, he_scale(n_inputs))]
            each += [np.ones(layer.bias.size)]
        return jnp.asarray(np.concatenate(each), dtype=float)


def _drawn(key: PRNGKeyArray, shape: tuple[int, ...]) -> Array:
    scale = np.float32(he_scale(int(np.prod(shape[:-1]))))
    return scale * jax.random.normal(key, shape, jnp.float32)


def _nothing(n: int) -> Array:
    return jnp.zeros(n, dtype=jnp.float32)


def _halved(size: int) -> int:
    return max(size // 2, 1)


def _pooled(seen: Float[Array, "row column filter"]) -> Array:
    """The mean of 2 x 2 places; an odd row or column at the end is left out."""
    rows, columns, n = seen.shape
    high, wide = min(rows, 2), min(columns, 2)
    kept = seen[: rows // high * high, : columns // wide * wide]
    parts = kept.reshape(rows // high, high, columns // wide, wide, n)
    return jnp.mean(parts, axis=(1, 3))
