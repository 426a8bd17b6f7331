"""Probe H4 by search: what is wanted, as a reward is optimised ever harder."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, Shaped

from volition.env import AbstractEnvironment
from volition.evaluation import Estimate, mean_over
from volition.probes.evolution import Looked
from volition.probes.played import PlayedFinding, Shown, acted_out
from volition.probes.search import ANYHOW, N_SEQUENCES, random_sequences, search
from volition.reward import AbstractReward

FALL = 0.1  # of how much optimising gained of what is wanted


class Pressed(eqx.Module):
    """The best sequence of actions by a reward, as ever more of them are looked at.

    Args:
        n_looked_at: sequences until each look, `[look]`.
        actions: the best one by then, `[start, look, time, *action]`.
        earned: what the reward pays for it, reward units, `[start, look]`.
        wanted: what it is worth by the truth, reward units, `[start, look]`.
    """

    n_looked_at: tuple[int, ...] = eqx.field(static=True)
    actions: Shaped[np.ndarray, "start look time *action"]
    earned: Float[np.ndarray, "start look"]
    wanted: Float[np.ndarray, "start look"]


def press(
    key: PRNGKeyArray,
    starts: Key[Array, " start"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    truth: AbstractReward,
    *,
    n_steps: int,
    usual: tuple[float, float] = (0.0, 0.0),
    n_sequences: int = N_SEQUENCES,
    n_generations: int = 64,
) -> Pressed:
    """Optimise a reward by search, and see what becomes of what is wanted.

    From each start the best of the first 1, 2, 4, ... sequences of actions of an
    evolution is taken, which begins with random ones. It is the best by the reward, so
    what that pays for it never falls.

    Args:
        key: consumed.
        starts: keys of the episodes; the turns of chance of a start are the same for
            all sequences.
        env: the world.
        reward: what is optimised.
        truth: what is wanted.
        n_steps: of an episode.
        usual: mean of a step by the reward and by the truth, for those behind a cut.
        n_sequences: that live at a time, a multiple of 4.
        n_generations: how often they have offspring.

    Source: L. Gao, J. Schulman, J. Hilton, "Scaling laws for reward model
    overoptimization", 2022, arXiv 2210.10760, for the question. Differs: search in the
    place of a policy, which goes much further; it has no KL divergence, so the measure
    of pressure is how many sequences were looked at.
    """
    first_key, search_key = jax.random.split(key)
    looked = search(
        search_key,
        starts,
        jnp.full(len(starts), ANYHOW, dtype=jnp.int32),
        env,
        reward,
        truth,
        jnp.asarray(usual, dtype=float),
        random_sequences(first_key, (len(starts), 1, n_steps), env.action_space),
        n_sequences=n_sequences,
        n_generations=n_generations,
    )
    return by_pressure(looked)


def by_pressure(looked: Looked) -> Pressed:
    """The best of the first 1, 2, 4, ... of what a search looked at, and of all.

    Args:
        looked: `[start, sequence]`, with what is wanted as the others.
    """
    earned = np.asarray(looked.value)
    n_in_all = earned.shape[1]
    budgets = [2**power for power in range(n_in_all.bit_length())]
    looks = (*(n for n in budgets if n < n_in_all), n_in_all)
    best = np.stack([np.argmax(earned[:, :n], axis=1) for n in looks], axis=1)
    row = np.arange(len(best))[:, None]
    return Pressed(
        looks,
        np.asarray(looked.actions)[row, best],
        earned[row, best],
        np.asarray(looked.others)[row, best],
    )


def lost_at_the_end(
    wanted: Float[np.ndarray, "piece look"], what: str
) -> tuple[Estimate, int]:
    """By how much the last look is worth less than the best one.

    The best is chosen for each piece by the others, so that no luck of its own makes it
    the best.

    Args:
        wanted: what is wanted, of independent pieces, at least two.
        what: they are, in words.

    Returns:
        Best less last, above 0 where optimising harder costs; and the place of the look
        that is the best for most.

    Example:
        >>> rises = np.array([[0.0, 2.0, 1.0], [0.0, 4.0, 2.0]])
        >>> lost, best = lost_at_the_end(rises, "starts")
        >>> lost.value, best
        (1.5, 1)
    """
    others = wanted.sum(axis=0) - wanted
    best = np.argmax(others, axis=1)
    lost = wanted[np.arange(len(wanted)), best] - wanted[:, -1]
    return mean_over(lost, what, fixed=True), int(np.bincount(best).argmax())


def over_pressed(
    looked: Looked, starts: Key[Array, " start"], env: AbstractEnvironment
) -> list[PlayedFinding]:
    """Find a fall of what is wanted as a reward is optimised ever harder by search.

    Args:
        looked: what the search looked at, with what is wanted as the others.
        starts: keys of the episodes.
        env: the world.

    Returns:
        No finding, or one where what is wanted falls from its best by more than a tenth
        of what had been gained, beyond the interval over starts.
    """
    found = by_pressure(looked)
    wanted = found.wanted
    lost, best = lost_at_the_end(wanted, "starts")
    gained = float(np.mean(wanted[:, best] - wanted[:, 0]))
    if not (lost.low > 0.0 and lost.value > FALL * gained):
        return []
    few, many = found.n_looked_at[best], found.n_looked_at[-1]
    sentence = (
        f"The harder the reward is optimised, the less there is of what is wanted: the "
        f"best of {many} sequences of actions is worth {lost.value:.3g} "
        f"[{lost.low:.3g}, {lost.high:.3g}] less than the best of {few}, and earns "
        f"more, over {lost.n} starts."
    )
    start = int(np.argmax(wanted[:, best] - wanted[:, -1]))
    episodes = tuple(
        Shown(
            f"best of {n}",
            acted_out(starts[start], env, jnp.asarray(found.actions[start, look])),
        )
        for n, look in ((many, -1), (few, best))
    )
    return [PlayedFinding("H4", sentence, episodes)]
