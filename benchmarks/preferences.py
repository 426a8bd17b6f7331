"""Learning from comparisons, in time: `python -m benchmarks.preferences`.

A question: which of all pairs of 100 or 1,000 trajectories tells the most, by 100 or
1,000 rewards drawn from the posterior. An update: the posterior after the 50th answer,
with at least 1,000 effective draws. And how many comparisons of long segments a network
is trained on in a second, beside imitation's (`benchmarks.preferences_networks`).
"""

import json
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import preferences_networks
from benchmarks.measure import (
    Measurement,
    arguments,
    first_and_hot,
    measurement,
    prepare,
    report,
    say,
    seconds,
)
from volition import ask, feedback, fit, human, inference, query, reward
from volition.env import Transition

LENGTH = 10  # steps of a trajectory
N_ANSWERS = 50
N_SETS = 8  # of answers, which the updates are measured on
CHOICES: dict[str, human.AbstractChoice] = {
    "without ties": human.BradleyTerry(),
    "with ties": human.Davidson(),
}
# APReL (git 13a1e7f) on one core, milliseconds: a mutual-information query over all
# pairs of 100 trajectories with 100 samples (36 to 44 s; the least is taken for the
# median); Metropolis-Hastings, 2,200 steps, after 50 answers. A query over 1,000
# trajectories was not run: extrapolated, about an hour.
RECORDED = {
    "ms_question_100": (36_000.0, 36_000.0, 44_000.0, 1),
    "ms_update_50": (7_800.0, 7_800.0, 7_800.0, 1),
}


def names(n_features: int) -> tuple[str, ...]:
    """Of features that mean nothing."""
    return tuple(f"feature {number}" for number in range(n_features))


def trajectories(seed: int, n_features: int, *shape: int) -> feedback.Segment:
    """Segments whose features sum to standard normal numbers."""
    key = jax.random.key(seed)
    features = jax.random.normal(key, (*shape, LENGTH, n_features)) / LENGTH**0.5
    ends = jnp.zeros((*shape, LENGTH), dtype=bool)
    step = Transition(None, None, None, features, ends)
    return feedback.Segment(step, jnp.ones(ends.shape), ~ends)


def believed(
    n_features: int,
    person: human.AbstractHuman,
    answers: feedback.Dataset,
    method: inference.AbstractMethod,
) -> inference.Posterior:
    """What answers say of weights whose length is 5 on average."""
    prior = inference.Normal(5.0 / n_features**0.5)
    weights = reward.Linear(names(n_features))
    return fit(weights, person, answers, method, prior=prior, throw=False)


def answers(
    seed: int, n_features: int, person: human.AbstractHuman
) -> feedback.Comparison:
    """Fifty of them to random questions, by a person of random weights of length 5."""
    truth = np.random.default_rng(seed).normal(size=n_features)
    truth = reward.Linear(names(n_features), 5.0 * truth / np.linalg.norm(truth))
    options = trajectories(seed, n_features, N_ANSWERS, 2)
    keys = jax.random.split(jax.random.key(seed), N_ANSWERS)

    @eqx.filter_jit
    def said(options, keys):
        judge = person.judge(truth)
        return jax.vmap(lambda key, pair: judge.sample(key, feedback.comparison(pair)))(
            keys, options
        )

    return said(options, keys)


def questions(repeats: int) -> list[Measurement]:
    """Milliseconds of `ask`, hot, and of its first call."""
    works: dict[str, Callable[[], Any]] = {}
    for ties, choice in CHOICES.items():
        person = human.Boltzmann(choice=choice)
        nothing = feedback.Dataset.empty()
        belief = believed(4, person, nothing, inference.Laplace())
        for n_trajectories in (100, 1_000):
            candidates = query.pairs(trajectories(0, 4, n_trajectories))
            for n_samples in (100, 1_000):
                more = "" if n_samples == 100 else f"_{n_samples}_samples"
                works[f"ms_question_{n_trajectories}{more}, {ties}"] = (
                    lambda belief=belief, candidates=candidates, n=n_samples: ask(
                        jax.random.key(0), belief, candidates, n_samples=n
                    )
                )
    first, hot = first_and_hot(works, repeats)
    found = []
    for name, taken in hot.items():
        metric, ties = name.split(", ")
        spent = [1e3 * one for one in taken]
        found.append(measurement(ties, "volition", metric, "ms", spent))
        found.append(
            measurement(ties, "volition, first", metric, "ms", [1e3 * first[name]])
        )
    return found


def updates(n_features: int, ties: str) -> list[Measurement]:
    """Milliseconds of the posterior after the 50th answer, given that after the 49th.

    Of several people, as some answers surprise and take longer.
    """
    person = human.Boltzmann(choice=CHOICES[ties])
    spent, effective = [], []
    for seed in range(N_SETS + 1):
        every = answers(seed, n_features, person)
        part = jax.tree.map(lambda leaf: np.asarray(leaf)[:-1], every)
        last = jax.tree.map(lambda leaf: np.asarray(leaf)[-1], every)
        known = feedback.Dataset.of(part)
        before = believed(n_features, person, known, inference.Sequential())
        after = known.append(last)

        result: list[inference.Posterior] = []

        def update(before=before, after=after, result=result):
            method = inference.Sequential(before)
            result.append(believed(n_features, person, after, method))

        taken = 1e3 * seconds(update)
        say(f"{n_features} features, {ties}, person {seed}: {taken:.0f} ms")
        if seed > 0:  # which compiled
            spent.append(taken)
            effective.append(result[0].result.diagnostics["n_effective"])
    case = f"{n_features} features, {ties}"
    return [
        measurement(case, "volition", "ms_update_50", "ms", spent),
        measurement(case, "volition", "effective draws", "1", effective),
    ]


def keys(lines: list[Measurement]) -> dict[str, float]:
    """Our medians by name; of questions without ties, and of 4 features with them."""
    wanted = {"without ties", "4 features, with ties"}
    return {
        line.metric: line.median
        for line in lines
        if line.who == "volition" and line.case in wanted and line.unit == "ms"
    }


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    if options.peers:
        say("APReL is not run: it is no package; its figures are recorded.")
    found = questions(options.repeats)
    for n_features in (4, 10):
        for ties in CHOICES:
            found += updates(n_features, ties)
    found += [
        Measurement("without ties", "APReL", metric, "ms", *figures, recorded=True)
        for metric, figures in RECORDED.items()
    ]
    trained = preferences_networks.measurements(options.peers, options.repeats)
    report(found + trained, options.json)
    if options.json:
        print(json.dumps(keys(found) | preferences_networks.keys(trained)))


if __name__ == "__main__":
    main()
