"""Bargains: what a reward pays for breaking a rule, and what for keeping it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, Shaped

from volition.env import AbstractEnvironment
from volition.probes.evolution import dtype_of
from volition.probes.played import Played, PlayedFinding, Shown, acted_out
from volition.probes.rules import Rule
from volition.probes.search import BREAKS, KEEPS, N_SEQUENCES, search
from volition.reward import AbstractReward


class Pair(eqx.Module):
    """The best sequences of actions from some starts, with a rule broken and kept.

    Args:
        actions: `[start, kind, time, action]`: the one that breaks the rule, the one
            that keeps it.
        worth: reward units, `[start, kind]`; `-inf` where none was found.
    """

    actions: Shaped[np.ndarray, "start kind time *action"]
    worth: Float[np.ndarray, "start kind"]


def best_with_and_without(
    key: PRNGKeyArray,
    starts: Key[Array, " start"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    rule: Rule,
    usual: tuple[float, float],
    known: Shaped[Array, "start known time *action"],
    kept: tuple[Rule, ...] = (),
    *,
    truth: AbstractReward | None = None,
    n_sequences: int = N_SEQUENCES,
    n_generations: int = 24,
) -> Pair:
    """Search for what a reward pays most for, with a rule broken and with it kept.

    Args:
        key: consumed.
        starts: keys of the episodes, the same for both.
        env: the world.
        reward: what is audited.
        rule: what an episode may not do.
        usual: mean of a step by the reward and by the truth, for those behind a cut.
        known: sequences to begin with, beside random ones.
        kept: further rules, which both are to keep.
        truth: as for `search`, where it has no part.
        n_sequences: as for `search`.
        n_generations: likewise.
    """
    n, twice = len(starts), lambda leaf: jnp.repeat(leaf, 2, axis=0)
    looked = search(
        key,
        twice(starts),
        jnp.tile(jnp.array([BREAKS, KEEPS], dtype=jnp.int32), n),
        env,
        reward,
        reward if truth is None else truth,
        jnp.asarray(usual, dtype=float),
        twice(known),
        rule,
        kept,
        n_sequences=n_sequences,
        n_generations=n_generations,
    )
    value = np.where(np.asarray(looked.wrong) == 0.0, looked.value, -np.inf)
    best = np.argmax(value, axis=1)
    row = np.arange(2 * n)
    actions = np.asarray(looked.actions)[row, best]
    shaped = lambda leaf: leaf.reshape(n, 2, *leaf.shape[1:])
    return Pair(shaped(actions), shaped(value[row, best]))


def bargains(
    key: PRNGKeyArray,
    starts: Key[jax.Array, " start"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    truth: AbstractReward,
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
        truth: what is wanted, which has no part in it but to be looked at.
        rule: what an episode may not do.
        played: what policies did, which is searched on from.
        kept: further rules, which both episodes are to keep.
        n_generations: of the search.

    Returns:
        No finding or one, and the worth of the best episodes found that break the rule
        and that keep it, `[start, kind]`.
    """
    both = next(iter(played.values())).usual
    # What the policies did from these starts is a good beginning.
    done = [one.seen.transition.action[: len(starts)] for one in played.values()]
    found = best_with_and_without(
        key,
        starts,
        env,
        reward,
        rule,
        both,
        jnp.stack([one.astype(dtype_of(env.action_space)) for one in done], axis=1),
        kept,
        truth=truth,
        n_generations=n_generations,
    )
    value, usual = found.worth, both[0]
    gain = value[:, 0] - value[:, 1]
    found_both = np.isfinite(value).all(axis=1)
    # What is less than a hundredth of a usual step is as good as nothing.
    pays = found_both & (gain > 0.01 * abs(usual))
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
        Shown(name, acted_out(starts[start], env, jnp.asarray(actions)))
        for name, actions in zip(
            ("breaks it", "keeps it"), found.actions[start], strict=True
        )
    )
    return [PlayedFinding("bargain", sentence, episodes)], value
