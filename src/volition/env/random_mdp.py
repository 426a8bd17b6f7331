"""Random finite MDPs of any size."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from volition.env.mdp import FiniteMDP

# Rows filled at a time: its scratch arrays (n_successors x 2^16 doubles) stay in cache
# size and out of the peak.
_BLOCK = 2**16
_ALIGNMENT = 64  # bytes: what XLA demands of a buffer on the CPU


def random_mdp(
    key: PRNGKeyArray,
    n_states: int,
    n_actions: int,
    n_successors: int,
    *,
    discount: float = 0.99,
) -> FiniteMDP:
    """A Garnet: every state and action leads to a few states drawn at random.

    The successors of one state and action are distinct, every set of them equally
    likely; their probabilities are what cuts at `n_successors - 1` uniform points leave
    of `[0, 1]` (a flat Dirichlet). Nothing is terminal, episodes begin anywhere, all
    alike, and there are no features: rewards read the state's number.

    Args:
        key: decides everything. Its data seed a NumPy generator, so the same key gives
            the same MDP for one version of NumPy.
        n_states: at least 1; a million are made in seconds.
        n_actions: at least 1.
        n_successors: of each state and action, in `1 .. n_states`.
        discount: in `[0, 1]`, per step.

    Returns:
        The MDP.

    Raises:
        ValueError: where a number is out of its range.

    Example:
        >>> mdp = random_mdp(jax.random.key(0), 5, 2, 3)
        >>> mdp.successor.shape, bool(mdp.terminal.any())
        ((5, 2, 3), False)

    Source: T. W. Archibald, K. I. M. McKinnon, L. C. Thomas, "On the generation of
    Markov decision processes", J. Oper. Res. Soc. 46 (1995), 354-361.

    Differs: rewards are not part of it; ergodicity is likely, not forced.
    """
    if n_states < 1 or n_actions < 1:
        raise ValueError(
            "a random MDP needs at least one state and one action, not "
            f"{n_states} and {n_actions}."
        )
    if not 1 <= n_successors <= n_states:
        raise ValueError(
            f"n_successors = {n_successors} must be in 1 .. {n_states}, as the "
            "successors are distinct states."
        )
    seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
    generator = np.random.default_rng(seed)
    n_rows = n_states * n_actions
    successor = aligned((n_rows, n_successors), np.dtype(np.int32))
    probability = aligned((n_rows, n_successors), jnp.result_type(float))
    for first in range(0, n_rows, _BLOCK):
        rows = slice(first, min(first + _BLOCK, n_rows))
        n_here = rows.stop - rows.start
        successor[rows] = distinct(generator, n_states, n_here, n_successors).T
        # Independent exponentials over their sum are a flat Dirichlet.
        drawn = generator.standard_exponential((n_here, n_successors))
        probability[rows] = drawn / drawn.sum(axis=1, keepdims=True)
    shape = (n_states, n_actions, n_successors)
    return FiniteMDP(
        successor.reshape(shape),
        probability.reshape(shape),
        terminal=np.zeros(n_states, dtype=bool),
        initial=np.full(n_states, 1.0 / n_states),
        discount=discount,
    )


def distinct(
    generator: np.random.Generator, n_states: int, n_rows: int, n_drawn: int
) -> np.ndarray:
    """Rows of distinct state numbers, every set equally likely, `[drawn, row]`.

    Source: R. W. Floyd's algorithm (J. Bentley, "Programming Pearls", Comm. ACM 30
    (1987), 754-757), all rows at once.

    Example:
        >>> sorted(distinct(np.random.default_rng(0), 3, 1, 3)[:, 0].tolist())
        [0, 1, 2]
    """
    drawn = np.empty((n_drawn, n_rows), dtype=np.int32)
    for place in range(n_drawn):
        largest = n_states - n_drawn + place
        picked = generator.integers(0, largest + 1, n_rows, dtype=np.int32)
        taken = (drawn[:place] == picked).any(axis=0)
        drawn[place] = np.where(taken, largest, picked)
    return drawn


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array that JAX can take over on the CPU without a copy.

    Example:
        >>> aligned((2, 3), np.dtype(float)).shape
        (2, 3)
    """
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = np.empty(n_bytes + _ALIGNMENT, dtype=np.uint8)
    skip = -raw.ctypes.data % _ALIGNMENT
    return raw[skip : skip + n_bytes].view(dtype).reshape(shape)
