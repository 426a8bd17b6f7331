"""Rewards that are a network over features, or over what is seen and done."""

from collections.abc import Callable
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from volition.env import Transition
from volition.reward.contract import AbstractReward
from volition.reward.inputs import AbstractTransitionInputs, GivenInputs


class Layer(eqx.Module):
    """`x weight + bias`, of a row of inputs.

    Args:
        weight: `[input, output]`.
        bias: `[output]`.
    """

    weight: Float[Array, "*batch input output"]
    bias: Float[Array, "*batch output"]

    def __call__(self, x: Float[Array, " input"]) -> Float[Array, " output"]:
        """The outputs for one row."""
        return x @ self.weight + self.bias


class Network(AbstractReward):
    """A network of rectified units over a transition, of 32-bit floats.

    Comparisons of segments of equal length say nothing of a constant that is added to
    every step; where one of them ended early they do, as nothing is paid behind an end.
    So nothing is centred or scaled here: what the answers leave open is left to the
    prior, and a learner that wants another scale takes `Scaled`.

    Args:
        inputs: `FeatureInputs` of the named features, or `StepInputs` of what is seen
            and done.
        widths: units of each hidden layer.
        key: of the random weights; `jax.random.key(0)` if left out.

    Raises:
        ValueError: for a layer without units.

    Example:
        >>> from volition.reward import FeatureInputs
        >>> reward = Network(FeatureInputs(("speed", "collision")), (8, 4))
        >>> [layer.weight.shape for layer in reward.layers]
        [(2, 8), (8, 4), (4, 1)]

    Source: P. Christiano et al., "Deep reinforcement learning from human preferences",
    2017, section 2.2.1. Differs: the reward is not normalised to a standard deviation
    of its own, which would move the constant.
    """

    inputs: AbstractTransitionInputs
    layers: tuple[Layer, ...]

    def __init__(
        self,
        inputs: AbstractTransitionInputs,
        widths: tuple[int, ...] = (32, 32),
        *,
        key: PRNGKeyArray | None = None,
    ):
        if any(width < 1 for width in widths):
            raise ValueError(f"each layer has at least one unit, not {widths}.")
        key = jax.random.key(0) if key is None else key
        sizes = (inputs.size, *widths, 1)
        # In one draw: each takes 50 to 100 ms to compile.
        n_weights = sum(a * b for a, b in pairwise(sizes))
        drawn = jax.random.normal(key, (n_weights,), jnp.float32)
        made, at = [], 0
        for before, after in pairwise(sizes):
            weight = drawn[at : at + before * after].reshape(before, after)
            scale = np.float32(he_scale(before))
            made.append(Layer(weight * scale, jnp.zeros(after, dtype=jnp.float32)))
            at += before * after
        self.inputs = inputs
        self.layers = tuple(made)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The output for one transition."""
        x = self.inputs(transition)
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)[0].astype(float)

    def over(self, inputs: Float[Array, "*step input"]) -> Float[Array, "*step"]:
        """The outputs for many rows of inputs at once.

        Steps lie along the last axis inside, which for a few units and many steps is
        faster than `jax.vmap`.
        """
        x = inputs.reshape(-1, inputs.shape[-1]).T
        for number, layer in enumerate(self.layers):
            x = jax.nn.relu(x) if number else x
            x = layer.weight.T @ x + layer.bias[:, None]
        return x.reshape(inputs.shape[:-1]).astype(float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of its inputs."""
        return self.inputs.feature_names

    def learned(self) -> PyTree[bool]:
        """The layers; not the scale of the inputs."""
        nothing = jax.tree.map(lambda leaf: False, self)
        layers = jax.tree.map(eqx.is_inexact_array, self.layers)
        return eqx.tree_at(lambda marks: marks.layers, nothing, layers)

    def abridged(self) -> tuple[AbstractReward, Callable[[Transition], Transition]]:
        """With the inputs in place of the features."""
        given = GivenInputs(self.inputs.size)
        reads = lambda network: network.inputs
        return eqx.tree_at(reads, self, given), jax.tree_util.Partial(_given, self)

    @property
    def single_precision(self) -> bool:
        """It does: twice as many numbers a second."""
        return True

    def last(self) -> PyTree[bool]:
        """The output layer."""
        nothing = jax.tree.map(lambda leaf: False, self)
        output = jax.tree.map(eqx.is_inexact_array, self.layers[-1])
        return eqx.tree_at(lambda marks: marks.layers[-1], nothing, output)

    def with_inputs_scaled(self, steps: Transition | None) -> "Network":
        """The same network over inputs in `[-1, 1]`, where nobody scaled them."""
        scaled = self.inputs.scaled_by(steps)
        return eqx.tree_at(lambda network: network.inputs, self, scaled)

    def prior_scale(self) -> Float[Array, " parameter"]:
        """Standard deviation of each learned number under a prior for networks.

        `Normal(network.prior_scale())` is a prior under which the reward of a step is
        of order 1, whatever the widths: `sqrt(2 / inputs)` for weights, 1 for biases.

        Source: K. He et al., arXiv 1502.01852, equation 10.
        """
        each = []
        for layer in self.layers:
            before, after = layer.weight.shape
            each += [np.full(before * after, he_scale(before)), np.ones(after)]
        return jnp.asarray(np.concatenate(each), dtype=float)


def _given(network: Network, transition: Transition) -> Transition:
    inputs = network.inputs(transition)
    return eqx.tree_at(lambda step: step.features, transition, inputs)


def he_scale(n_inputs: int) -> float:
    """He et al., arXiv 1502.01852, equation 10."""
    return float(np.sqrt(2.0 / n_inputs))
