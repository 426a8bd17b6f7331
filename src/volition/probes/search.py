"""Search for the best episodes that break a rule, and that keep it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from volition.env import AbstractEnvironment
from volition.policy import Segment, act_out
from volition.probes.rules import Rule, robustness
from volition.reward import AbstractReward

HELD = 5  # steps for which an action is kept in the first sequences
KEPT = 4  # one in so many sequences has offspring
CHANGES = 2.0  # actions of a sequence that are changed in its offspring, in the mean


class Pair(eqx.Module):
    """The best sequences of actions from some starts, with a rule broken and kept.

    Args:
        actions: `[start, kind, time]`: the one that breaks the rule, the one that keeps
            it.
        worth: reward units, `[start, kind]`; `-inf` where none was found.
    """

    actions: Int[Array, "start kind time"]
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
    known: Int[Array, "start known time"],
    *,
    n_sequences: int = 48,
    n_generations: int = 24,
) -> Pair:
    """Search for what a reward pays most for, with a rule broken and with it kept.

    An evolution of sequences of actions for each start and each of the two: the better
    quarter stays, the others are mixed of two of them and changed a little. It shows
    what can be had at least, not at most.

    Args:
        key: consumed.
        starts: keys of the episodes; the turns of chance of a start are the same for
            all sequences.
        env: the world, whose actions are numbered.
        reward: what is audited.
        rule: what an episode may not do.
        usual: mean reward of a step, for those behind a cut.
        known: sequences to begin with, beside random ones, such as those of policies.
        n_sequences: that live at a time, a multiple of 4.
        n_generations: how often they have offspring.
    """
    n_actions = jnp.int32(env.action_space.n)  # pyright: ignore[reportAttributeAccessIssue]
    discount = jnp.asarray(env.discount)
    n_steps = known.shape[-1]

    def scored(start, actions) -> tuple[Array, Bool[Array, ""]]:
        seen = act_out(start, env, actions)
        broken = robustness(rule, seen, env.feature_names) < 0.0
        return worth(seen, reward, discount, usual), broken

    def evolve(key, start, known, breaks):
        def fitness(population):
            value, broken = jax.vmap(lambda one: scored(start, one))(population)
            return jnp.where(broken == breaks, value, -jnp.inf)

        def generation(carry, key):
            population, fit = carry
            order = jnp.argsort(-fit)
            parents = population[order][: n_sequences // KEPT]
            n_new = n_sequences - n_sequences // KEPT
            keys = jax.random.split(key, 5)
            pick = lambda key: jax.random.randint(key, (n_new,), 0, parents.shape[0])
            first, second = parents[pick(keys[0])], parents[pick(keys[1])]
            cut = jax.random.randint(keys[2], (n_new, 1), 0, n_steps)
            mixed = jnp.where(jnp.arange(n_steps)[None] < cut, first, second)
            other = jax.random.randint(keys[3], mixed.shape, 0, n_actions, mixed.dtype)
            changed = jax.random.uniform(keys[4], mixed.shape) < CHANGES / n_steps
            young = jnp.where(changed, other, mixed)
            population = jnp.concatenate([parents, young])
            fit = jnp.concatenate([fit[order][: parents.shape[0]], fitness(young)])
            return (population, fit), None

        first_key, later_key = jax.random.split(key)
        n_blocks = -(-n_steps // HELD)
        blocks = jax.random.randint(first_key, (n_sequences, n_blocks), 0, n_actions)
        random = jnp.repeat(blocks, HELD, axis=1)[:, :n_steps]
        population = jnp.concatenate([known, random.astype(known.dtype)])[:n_sequences]
        start_at = (population, fitness(population))
        keys = jax.random.split(later_key, n_generations)
        (population, fit), _ = jax.lax.scan(generation, start_at, keys)
        best = jnp.argmax(fit)
        return population[best], fit[best]

    kinds = jnp.array([True, False])
    keys = jax.random.split(key, (starts.shape[0], 2))
    each = jax.vmap(evolve, (0, None, None, 0))
    actions, value = jax.vmap(each, (0, 0, 0, None))(keys, starts, known, kinds)
    return Pair(actions, value)
