"""Search for the best episodes that break a rule, and that keep it."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, Shaped

from volition.env import AbstractEnvironment, Space
from volition.policy import Segment, act_out
from volition.probes.rules import Rule, robustness
from volition.reward import AbstractReward

HELD = 5  # steps for which an action is kept in some of the first sequences
KEPT = 4  # one in so many sequences has offspring
CHANGES = 2  # stretches of a sequence that are changed in its offspring
SPREADS = (1e-3, 0.3)  # of changes, as shares of the way between bounds
CHANGED = 0.5  # of the entries of an action, in a stretch that is changed


class Pair(eqx.Module):
    """The best sequences of actions from some starts, with a rule broken and kept.

    Args:
        actions: `[start, kind, time, action]`: the one that breaks the rule, the one
            that keeps it.
        worth: reward units, `[start, kind]`; `-inf` where none was found.
    """

    actions: Shaped[Array, "start kind time *action"]
    worth: Float[Array, "start kind"]


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


@eqx.filter_jit
def best_with_and_without(
    key: PRNGKeyArray,
    starts: Key[Array, " start"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    rule: Rule,
    usual: Float[Array, ""],
    known: Shaped[Array, "start known time *action"],
    kept: tuple[Rule, ...] = (),
    *,
    n_sequences: int = 48,
    n_generations: int = 24,
) -> Pair:
    """Search for what a reward pays most for, with a rule broken and with it kept.

    An evolution of sequences of actions for each start and each of the two: the better
    quarter stays, the others are mixed of two of them and changed a little, over long
    or short stretches; numbers of actions become others, real numbers are moved between
    their bounds. Of two that do not do with the rules what they are to do, the one that
    is nearer to it is the better one. It shows what can be had at least, not at most.

    Args:
        key: consumed.
        starts: keys of the episodes; the turns of chance of a start are the same for
            all sequences.
        env: the world.
        reward: what is audited.
        rule: what an episode may not do.
        usual: mean reward of a step, for those behind a cut.
        known: sequences to begin with, beside random ones, such as those of policies.
        kept: further rules, which both are to keep.
        n_sequences: that live at a time, a multiple of 4.
        n_generations: how often they have offspring.

    Source: K. Deb, "An efficient constraint handling method for genetic algorithms",
    2000, section 3, for the order of those that do not keep to the rules.
    """
    discount = jnp.asarray(env.discount)

    def scored(start, actions, breaks) -> tuple[Array, Array]:
        """What it is worth, and how far it is from doing with the rules as told."""
        seen = act_out(start, env, actions)
        margin = robustness(rule, seen, env.feature_names)
        wrong = _lack((margin < 0.0) == breaks, margin)
        for one in kept:
            margin = robustness(one, seen, env.feature_names)
            wrong += _lack(margin >= 0.0, margin).astype(wrong.dtype)
        return worth(seen, reward, discount, usual), wrong

    def evolve(key, start, known, breaks):
        def look(population):
            return jax.vmap(lambda one: scored(start, one, breaks))(population)

        def generation(carry, key):
            population, value, wrong = carry
            order = jnp.lexsort((-value, wrong))[: n_sequences // KEPT]
            parents = population[order]
            young = _offspring(
                key, parents, n_sequences - n_sequences // KEPT, env.action_space
            )
            population = jnp.concatenate([parents, young])
            looked = zip((value, wrong), look(young), strict=True)
            return (
                population,
                *(jnp.concatenate([old[order], new]) for old, new in looked),
            ), None

        first_key, later_key = jax.random.split(key)
        known = known.astype(dtype_of(env.action_space))
        population = _first(first_key, known, n_sequences, env.action_space)
        start_at = (population, *look(population))
        keys = jax.random.split(later_key, n_generations)
        (population, value, wrong), _ = jax.lax.scan(generation, start_at, keys)
        value = jnp.where(wrong == 0.0, value, -jnp.inf)
        best = jnp.argmax(value)
        return population[best], value[best]

    kinds = jnp.array([True, False])
    keys = jax.random.split(key, (starts.shape[0], 2))
    each = jax.vmap(evolve, (0, None, None, 0))
    actions, value = jax.vmap(each, (0, 0, 0, None))(keys, starts, known, kinds)
    return Pair(actions, value)


def _lack(as_told: Bool[Array, ""], margin: Float[Array, ""]) -> Float[Array, ""]:
    """0 where all is as told, else more the farther the limit of the rule is away."""
    return jnp.where(as_told, 0.0, 1.0 + jnp.abs(margin))


def _first(
    key: PRNGKeyArray,
    known: Shaped[Array, "known time *action"],
    n: int,
    space: Space,
) -> Shaped[Array, "sequence time *action"]:
    """Known sequences, and random ones that hold each action for shorter or longer.

    Of actions with several entries some are those of a known one: a car that is to
    brake need not find out how not to steer.
    """
    n_known, n_steps = known.shape[:2]
    n_new, n_blocks = max(n - n_known, 0), -(-n_steps // HELD)
    sample_key, own_key = jax.random.split(key)
    keys = jax.random.split(sample_key, (n_new, n_blocks))
    blocks = jax.vmap(jax.vmap(space.sample))(keys)
    # Every other one to the end, the others for 5, 10, 20, ... steps in turn.
    n_lengths = max(math.ceil(math.log2(n_steps / HELD)), 1)
    number = np.arange(n_new)
    held = np.where(number % 2, n_steps, HELD * 2 ** (number // 2 % n_lengths))
    block = np.arange(n_steps)[None] // held[:, None]
    random = blocks[number[:, None], block]
    own = jax.random.uniform(own_key, (n_new, 1, *random.shape[2:])) < CHANGED
    # Nothing is left of an action of one entry where that is a known one's.
    own |= math.prod(random.shape[2:]) == 1
    mixed = jnp.where(own, random, known[number % n_known])
    return jnp.concatenate([known, mixed])[:n]


def _offspring(
    key: PRNGKeyArray,
    parents: Shaped[Array, "parent time *action"],
    n: int,
    space: Space,
) -> Shaped[Array, "sequence time *action"]:
    """Mixed of two parents, and changed in some stretches."""
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
