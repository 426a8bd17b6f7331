"""Networks: their layers, and what they put out."""

import abc
from itertools import pairwise
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

# Policies saved earlier name these by this module.
from volition.env.inputs import (
    AbstractInputs as AbstractInputs,
    OneHot as OneHot,
    Scaled as Scaled,
    inputs as inputs,
)
from volition.value.bellman import quantile_huber

EPSILON = 1e-6  # below the variance of any layer that says something


class Linear(eqx.Module):
    """`x weight + bias`.

    Args:
        weight: `[input, output]`; the other way round, a batch of rows would have to be
            transposed in every layer.
        bias: `[output]`.
    """

    weight: Float[Array, "*seed input output"]
    bias: Float[Array, "*seed output"]

    def __call__(self, x: Float[Array, " input"]) -> Float[Array, " output"]:
        """The outputs for one row of inputs."""
        return x @ self.weight + self.bias


class Norm(eqx.Module):
    """Layer norm: mean 0 and variance 1 over a layer, then a scale and a shift.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv 1607.06450, equation 4.
    """

    scale: Float[Array, "*seed unit"]
    shift: Float[Array, "*seed unit"]

    def __call__(self, x: Float[Array, " unit"]) -> Float[Array, " unit"]:
        """One layer, normalised."""
        centred = x - jnp.mean(x)
        spread = jax.lax.rsqrt(jnp.mean(centred * centred) + EPSILON)
        return centred * spread * self.scale + self.shift


class Network(eqx.Module):
    """Layers of rectified units, and an output of rows.

    Args:
        layers: the hidden layers.
        norms: a layer norm behind each, before the rectifier; or none.
        rows: output, `n_rows * n_columns` numbers.
        common: what is added to every row, `n_columns` numbers, the rows then being
            centred: dueling. Or None.
        n_columns: numbers in each row.
    """

    layers: tuple[Linear, ...]
    norms: tuple[Norm, ...]
    rows: Linear
    common: Linear | None
    n_columns: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " input"]) -> Float[Array, "row column"]:
        """The output for one row of inputs."""
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if self.norms:
                x = self.norms[number](x)
            x = jax.nn.relu(x)
        rows = self.rows(x).reshape(-1, self.n_columns)
        if self.common is None:
            return rows
        rows = rows - jnp.mean(rows, axis=0, keepdims=True)
        return rows + self.common(x)[None, :]

    def times(self, factor: Float[Array, "*seed"]) -> "Network":
        """The network with its output multiplied by a number, one for each seed."""
        spread = lambda one: (*factor.shape, *(1 for _ in one.shape[factor.ndim :]))
        each = lambda one: one * factor.reshape(spread(one))
        outputs = (self.rows, self.common)
        rows, common = jax.tree.map(each, outputs)
        return Network(self.layers, self.norms, rows, common, self.n_columns)


class AbstractHead(eqx.Module):
    """What the `n` numbers in a row say of a return, and how they learn from others."""

    n: eqx.AbstractVar[int]

    @abc.abstractmethod
    def loss(
        self, numbers: Float[Array, " column"], target: Float[Array, " column"]
    ) -> Float[Array, ""]:
        """How far from the target they are."""


class Mean(AbstractHead):
    """The mean of the return alone, learned by squares."""

    n: ClassVar[int] = 1

    def loss(
        self, numbers: Float[Array, " column"], target: Float[Array, " column"]
    ) -> Float[Array, ""]:
        """Half the squared difference."""
        return 0.5 * jnp.sum((numbers - target) ** 2)


class Quantile(AbstractHead):
    """Quantiles of the return, in the middles of `n` equal shares; their mean is q.

    Differences up to the greatest absolute reward seen count by their squares.

    Args:
        n: how many.

    Source: W. Dabney et al., "Distributional Reinforcement Learning with Quantile
    Regression", AAAI 2018, arXiv 1710.10044, algorithm 1.
    """

    n: int = eqx.field(static=True, default=32)

    def loss(
        self, numbers: Float[Array, " column"], target: Float[Array, " column"]
    ) -> Float[Array, ""]:
        """Quantile regression, `quantile_huber`."""
        return quantile_huber(numbers, target)


class MLP(eqx.Module):
    """The shape of a network: hidden layers of rectified units.

    Args:
        widths: units in each hidden layer.
        layer_norm: whether each layer is normalised.
        dueling: whether the values of actions are a common value plus advantages that
            are centred.
        head: `Mean()`, or `Quantile(n)` for the distribution of returns.

    Example:
        >>> network = MLP((16,)).begin(jax.random.key(0), 4, 2)
        >>> network(jnp.zeros(4, dtype=jnp.float32)).shape
        (2, 1)

    Source: layer norm, M. Gallici et al., arXiv 2407.04811; dueling, Z. Wang et al.,
    arXiv 1511.06581, equation 9.
    """

    widths: tuple[int, ...] = eqx.field(static=True, default=(64, 64))
    layer_norm: bool = eqx.field(static=True, default=True, kw_only=True)
    dueling: bool = eqx.field(static=True, default=False, kw_only=True)
    head: AbstractHead = eqx.field(default_factory=Mean, kw_only=True)

    def begin(self, key: PRNGKeyArray, n_inputs: int, n_rows: int) -> Network:
        """A network drawn at random, all of its arrays 32-bit floats.

        Weights are uniform: hidden ones with variance `2 / inputs` (He et al. 2015,
        arXiv 1502.01852, equation 10), those of the output `1 / (3 inputs)`; biases
        are 0.
        """
        sizes = (n_inputs, *self.widths)
        n = self.head.n
        shapes = [*pairwise(sizes), (sizes[-1], n_rows * n)]
        if self.dueling:
            shapes.append((sizes[-1], n))
        # In one draw: each takes 50 to 100 ms to compile.
        drawn = jax.random.uniform(
            key, (sum(a * b for a, b in shapes),), jnp.float32, -1.0, 1.0
        )
        made, at = [], 0
        for number, (before, after) in enumerate(shapes):
            bound = np.sqrt((6.0 if number < len(self.widths) else 1.0) / before)
            weight = drawn[at : at + after * before].reshape(before, after)
            bias = jnp.zeros(after, dtype=jnp.float32)
            made.append(Linear(weight * np.float32(bound), bias))
            at += after * before
        layers = tuple(made[: len(self.widths)])
        norms = tuple(
            Norm(jnp.ones(n, dtype=jnp.float32), jnp.zeros(n, dtype=jnp.float32))
            for n in (self.widths if self.layer_norm else ())
        )
        rows, common = made[len(self.widths)], made[-1] if self.dueling else None
        return Network(layers, norms, rows, common, n)
