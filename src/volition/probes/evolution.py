"""Evolution of sequences of actions: the search of worlds without a table."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Shaped

from volition.env import Space
from volition.policy import Segment
from volition.reward import AbstractReward

HELD = 5  # steps for which an action is kept in some of the first sequences
KEPT = 4  # one in so many sequences has offspring
CHANGES = 2  # stretches of a sequence that are changed in its offspring
SPREADS = (1e-3, 0.3)  # of changes, as shares of the way between bounds
CHANGED = 0.5  # of the entries of an action, in a stretch that is changed


class Looked(eqx.Module):
    """All sequences of actions that an evolution looked at, in their order.

    Args:
        actions: `[sequence, time, *action]`.
        value: the greater the better, `[sequence]`.
        wrong: how far each is from being allowed at all, not negative, `[sequence]`.
        others: whatever else was seen of each, leaves `[sequence]`.
    """

    actions: Shaped[Array, "..."]
    value: Float[Array, "*batch sequence"]
    wrong: Float[Array, "*batch sequence"]
    others: PyTree


Population = Shaped[Array, "sequence time *action"]


def evolve(
    key: PRNGKeyArray,
    look_fn: Callable[[Population], tuple[Array, Array, PyTree]],
    known: Shaped[Array, "known time *action"],
    space: Space,
    *,
    n_sequences: int,
    n_generations: int,
) -> Looked:
    """Search for good sequences of actions from one start.

    The better quarter of those that live stays, the others are mixed of two of them and
    changed a little, over long or short stretches; numbers of actions become others,
    real numbers are moved between their bounds. Of two that are not allowed the one
    that is nearer to it is the better one.

    Args:
        key: consumed.
        look_fn: value, wrong and others of sequences, as `Looked` has them.
        known: sequences to begin with, beside random ones.
        space: of the actions.
        n_sequences: that live at a time, a multiple of 4.
        n_generations: how often they have offspring, three for each that stays.

    Source: K. Deb, "An efficient constraint handling method for genetic algorithms",
    2000, section 3, for the order of those that are not allowed.
    """
    n_parents = n_sequences // KEPT
    n_young = n_sequences - n_parents
    first_key, later_key = jax.random.split(key)
    first = first_sequences(first_key, known, n_young, space)

    def generation(parents, inputs):
        key, begins = inputs
        # The first ones are looked at here as well, so that the world compiles once.
        young = jnp.where(begins, first, offspring(key, parents[0], n_young, space))
        value, wrong, others = look_fn(young)
        everybody = jax.tree.map(
            lambda *two: jnp.concatenate(two), parents, (young, value, wrong)
        )
        order = jnp.lexsort((-everybody[1], everybody[2]))[:n_parents]
        stay = jax.tree.map(lambda leaf: leaf[order], everybody)
        return stay, Looked(young, value, wrong, others)

    value, wrong, _ = jax.eval_shape(look_fn, first)
    nobody = (
        first[:n_parents],
        jnp.full(n_parents, -jnp.inf, value.dtype),
        jnp.full(n_parents, jnp.inf, wrong.dtype),
    )
    keys = jax.random.split(later_key, n_generations + 1)
    begins = jnp.arange(n_generations + 1, dtype=jnp.int32) == 0
    _, looked = jax.lax.scan(generation, nobody, (keys, begins))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), looked)


def first_sequences(
    key: PRNGKeyArray,
    known: Shaped[Array, "known time *action"],
    n: int,
    space: Space,
) -> Shaped[Array, "sequence time *action"]:
    """Known sequences, and random ones that hold each action for shorter or longer.

    Of actions with several entries some are those of a known one: a car that is to
    brake need not find out how not to steer.

    Args:
        key: consumed.
        known: may be none at all.
        n: how many there are to be, the known ones with them.
        space: of the actions.
    """
    n_known, n_steps = known.shape[:2]
    n_new, n_blocks = max(n - n_known, 0), -(-n_steps // HELD)
    sample_key, own_key = jax.random.split(key)
    keys = jax.random.split(sample_key, n_new * n_blocks)
    blocks = jax.vmap(space.sample)(keys)
    blocks = blocks.reshape(n_new, n_blocks, *blocks.shape[1:])
    # Every other one to the end, the others for 5, 10, 20, ... steps in turn.
    n_lengths = max(math.ceil(math.log2(n_steps / HELD)), 1)
    number = np.arange(n_new)
    held = np.where(number % 2, n_steps, HELD * 2 ** (number // 2 % n_lengths))
    block = np.arange(n_steps)[None] // held[:, None]
    random = blocks[number[:, None], block]
    if n_known == 0:
        return random
    own = jax.random.uniform(own_key, (n_new, 1, *random.shape[2:])) < CHANGED
    # Nothing is left of an action of one entry where that is a known one's.
    own |= math.prod(random.shape[2:]) == 1
    mixed = jnp.where(own, random, known[number % n_known])
    return jnp.concatenate([known, mixed])[:n]


def offspring(
    key: PRNGKeyArray,
    parents: Shaped[Array, "parent time *action"],
    n: int,
    space: Space,
) -> Shaped[Array, "sequence time *action"]:
    """Mixed of two parents, and changed in some stretches.

    Args:
        key: consumed.
        parents: sequences of actions.
        n: how many offspring they have.
        space: of the actions.
    """
    n_parents, n_steps = parents.shape[:2]
    mix_key, *change_keys = jax.random.split(key, 1 + CHANGES)
    one, two, cut = jax.random.uniform(mix_key, (3, n))
    early = jnp.arange(n_steps, dtype=jnp.int32)[None] < _up_to(cut, n_steps)[:, None]
    early = early.reshape(n, n_steps, *(1,) * (parents.ndim - 2))
    young = jnp.where(
        early, parents[_up_to(one, n_parents)], parents[_up_to(two, n_parents)]
    )
    for change_key in change_keys:
        keys = jax.random.split(change_key, n)
        young = jax.vmap(lambda key, row: _changed(key, row, space))(keys, young)
    return young


def _up_to(drawn: Float[Array, "*any"], n: int) -> Array:
    """A number below `n`, of one in `[0, 1)`."""
    return jnp.minimum((drawn * n).astype(jnp.int32), n - 1)


def _changed(
    key: PRNGKeyArray, actions: Shaped[Array, " time *action"], space: Space
) -> Shaped[Array, " time *action"]:
    """Another action in a stretch, and every other time the opposite in the next one.

    A car that is to change lane steers there and back: neither is worth anything alone.
    """
    n_steps = actions.shape[0]
    keys = jax.random.split(key, 3)
    begin, length, size, echo = jax.random.uniform(keys[0], (4,))
    first = _up_to(begin, n_steps)
    wide = jnp.exp(length * math.log(n_steps)).astype(jnp.int32)
    low, high = np.log(SPREADS)
    spread = jnp.exp(low + (high - low) * size)
    steps = jnp.arange(n_steps, dtype=jnp.int32)
    again = (steps >= first + wide) & (steps < first + 2 * wide) & (echo < 0.5)
    inside = (steps >= first) & (steps < first + wide)
    near = lambda value, by: space.near(keys[1], value, by)
    other = jax.vmap(near)(actions, jnp.where(again, -spread, spread))
    entries = jax.random.uniform(keys[2], actions.shape[1:]) < CHANGED
    here = (inside | again).reshape(n_steps, *(1,) * (actions.ndim - 1))
    return jnp.where(here & entries[None], other, actions)


def dtype_of(space: Space) -> np.dtype:
    """Of the actions that are drawn from a space."""
    return jax.eval_shape(space.sample, jax.random.key(0)).dtype


def worth(
    segment: Segment,
    reward: AbstractReward,
    discount: Float[Array, ""],
    usual: Float[Array, ""],
) -> Float[Array, ""]:
    """What an episode is worth, with what would follow where it is cut off.

    `sum over t of discount^t r_t`; a step behind a cut counts as a usual one, and one
    behind an end as 0.

    Args:
        segment: a single one, from its start.
        reward: what steps are worth.
        discount: per step.
        usual: mean reward of a step, for those behind a cut.
    """
    paid = jax.vmap(reward)(segment.transition)
    paid = jnp.where(segment.weight > 0, paid, 0.0)
    paid = jnp.where(segment.present, paid, usual.astype(paid.dtype))
    powers = jnp.arange(segment.length, dtype=paid.dtype)
    return jnp.sum(discount.astype(paid.dtype) ** powers * paid)
