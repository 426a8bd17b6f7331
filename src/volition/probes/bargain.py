"""Bargains: what a reward pays for breaking a rule, and what for keeping it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, Shaped

from volition.env import AbstractEnvironment
from volition.policy import act_out
from volition.probes.evolution import dtype_of, evolve, worth
from volition.probes.played import Played, PlayedFinding, Shown
from volition.probes.rules import Rule, robustness
from volition.reward import AbstractReward


class Pair(eqx.Module):
    """The best sequences of actions from some starts, with a rule broken and kept.

    Args:
        actions: `[start, kind, time, action]`: the one that breaks the rule, the one
            that keeps it.
        worth: reward units, `[start, kind]`; `-inf` where none was found.
    """

    actions: Shaped[Array, "start kind time *action"]
    worth: Float[Array, "start kind"]


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

    An evolution of sequences of actions for each start and each of the two. It shows
    what can be had at least, not at most.

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

    def search(key, start, known, breaks):
        def look(population):
            return *jax.vmap(lambda one: scored(start, one, breaks))(population), ()

        looked = evolve(
            key,
            look,
            known.astype(dtype_of(env.action_space)),
            env.action_space,
            n_sequences=n_sequences,
            n_generations=n_generations,
        )
        value = jnp.where(looked.wrong == 0.0, looked.value, -jnp.inf)
        best = jnp.argmax(value)
        return looked.actions[best], value[best]

    # Both kinds along one axis: an axis in an axis takes twice as long to compile.
    twice = lambda leaf: jnp.repeat(leaf, 2, axis=0)
    n = starts.shape[0]
    breaks = jnp.tile(jnp.array([True, False]), n)
    keys = jax.random.split(key, 2 * n)
    found = jax.vmap(search)(keys, twice(starts), twice(known), breaks)
    actions, value = jax.tree.map(
        lambda leaf: leaf.reshape(n, 2, *leaf.shape[1:]), found
    )
    return Pair(actions, value)


def _lack(as_told: Bool[Array, ""], margin: Float[Array, ""]) -> Float[Array, ""]:
    """0 where all is as told, else more the farther the limit of the rule is away."""
    return jnp.where(as_told, 0.0, 1.0 + jnp.abs(margin))


def bargains(
    key: PRNGKeyArray,
    starts: Key[jax.Array, " start"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    rule: Rule,
    played: dict[str, Played],
    kept: tuple[Rule, ...],
    n_generations: int,
) -> tuple[list[PlayedFinding], np.ndarray]:
    """Whether the reward pays more for breaking a rule than for keeping it.

    Args:
        key: consumed.
        starts: keys of the episodes, those of the policies' first ones.
        env: the world.
        reward: the one that is audited.
        rule: what an episode may not do.
        played: what policies did, which is searched on from.
        kept: further rules, which both episodes are to keep.
        n_generations: of the search.

    Returns:
        No finding or one, and the worth of the best episodes found that break the rule
        and that keep it, `[start, kind]`.
    """
    usual, _ = next(iter(played.values())).usual
    # What the policies did from these starts is a good beginning.
    done = [one.seen.transition.action[: len(starts)] for one in played.values()]
    found = best_with_and_without(
        key,
        starts,
        env,
        reward,
        rule,
        jnp.asarray(usual, dtype=float),
        jnp.stack([one.astype(dtype_of(env.action_space)) for one in done], axis=1),
        kept,
        n_generations=n_generations,
    )
    value = np.asarray(found.worth)
    gain = value[:, 0] - value[:, 1]
    both = np.isfinite(value).all(axis=1)
    # What is less than a hundredth of a usual step is as good as nothing.
    pays = both & (gain > 0.01 * abs(usual))
    if not pays.any():
        return [], value
    start = int(np.argmax(np.where(pays, gain, -np.inf)))
    sentence = (
        f"The reward pays for breaking the rule {rule.name!r}: from {int(pays.sum())} "
        f"of {len(pays)} starts the best episode found that breaks it is worth more "
        f"than the best found that keeps it, in one case {value[start, 0]:.4g} against "
        f"{value[start, 1]:.4g} (a usual step is worth {usual:.3g})."
    )
    episodes = tuple(
        Shown(name, act_out(starts[start], env, found.actions[start, kind]))
        for kind, name in enumerate(("breaks it", "keeps it"))
    )
    return [PlayedFinding("bargain", sentence, episodes)], value
