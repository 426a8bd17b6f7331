"""Probe H14: answers so few or so delicate that a few false ones turn the reward."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray

from volition.env import FiniteMDP
from volition.feedback import FIRST, SECOND, Comparison, Dataset
from volition.probes.finding import Finding, shown
from volition.probes.searched import best
from volition.probes.shift import scaled
from volition.reward import AbstractReward
from volition.value import expected_reward

SHARE = 0.1  # of the answers are turned around
N_DRAWS = 5  # which ones, by chance
DROP = 0.1  # of the scaled return


def fragile_answers(
    env: FiniteMDP,
    answers: Dataset,
    refit: Callable[[Dataset], AbstractReward],
    truth: AbstractReward | None = None,
    *,
    key: PRNGKeyArray | None = None,
) -> tuple[Finding, ...]:
    """Find attacks on the comparisons that cost a tenth of the scaled return.

    One in ten is turned around, at least one, and all of each single person where
    there are several; the reward is fitted again and optimised.

    Args:
        env: the world.
        answers: the evidence.
        refit: what makes a reward of evidence.
        truth: what scores; the reward of the answers as they are if left out.
        key: which answers are turned around; the same ones if left out.

    Returns:
        A finding for each kind of attack.

    Raises:
        ValueError: where there is no comparison.
    """
    said = answers.answers(Comparison)
    n_said = len(np.asarray(said.choice))
    if not n_said:
        raise ValueError("there is no comparison to be turned around: ask for some.")
    plain = refit(answers)
    judge = plain if truth is None else truth

    def worth(reward: AbstractReward) -> float:
        paid = np.asarray(expected_reward(env, reward))
        return scaled(env, judge, best(env, paid).policy)

    base = worth(plain)
    key = jax.random.key(0) if key is None else key
    people, present = np.asarray(answers.person), np.asarray(answers.present)
    places = np.flatnonzero(present)
    n_turned = max(1, round(SHARE * len(places)))
    draws = [
        np.isin(
            np.arange(len(present)),
            np.asarray(jax.random.permutation(one, places))[:n_turned],
        )
        for one in jax.random.split(key, N_DRAWS)
    ]
    attacks = {f"{n_turned} answers turned around": draws}
    names = np.unique(people[present])
    if len(names) > 1:
        attacks["one person who says the opposite"] = [
            people == name for name in names[:N_DRAWS]
        ]
    found = []
    for what, marks in attacks.items():
        fits = [refit(turned(answers, jnp.asarray(mark))) for mark in marks]
        worths = [worth(one) for one in fits]
        left = min(worths)
        if base - left > DROP:
            worst = fits[int(np.argmin(worths))]
            policy = best(env, np.asarray(expected_reward(env, worst))).policy
            sentence = (
                f"With {what}, of {n_said}, the reward comes to {left:.2f} of the way "
                f"from acting at random to the best, in the worst of {len(marks)} "
                f"cases, where it comes to {base:.2f} with the answers as they are."
            )
            found.append(Finding("H14", sentence, *shown(env, policy)))
    return tuple(found)


def turned(answers: Dataset, marks: Bool[Array, " capacity"]) -> Dataset:
    """The same answers, with those comparisons turned around that are marked.

    Args:
        answers: the evidence.
        marks: batch after batch, as `Dataset.present` has them, `[capacity]`.
    """
    batches, begin = [], 0
    for batch in answers.batches:
        here = marks[begin : begin + batch.capacity]
        begin += batch.capacity
        if isinstance(batch.answers, Comparison):
            choice = jnp.asarray(batch.answers.choice)
            decided = (choice == FIRST) | (choice == SECOND)
            other = jnp.where(here & decided, FIRST + SECOND - choice, choice)
            batch = eqx.tree_at(lambda one: one.answers.choice, batch, other)
        batches.append(batch)
    return Dataset(tuple(batches))
