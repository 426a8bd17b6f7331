"""How much drivers differ, and whether what was seen of one helps to predict him."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from volition.env.driving import NAMES
from volition.evaluation import Estimate, clustered_mean
from volition.evaluation.exchange import N_DRAWS
from volition.feedback import Dataset
from volition.human import Positive
from volition.inference import (
    MAP,
    Groups,
    Normal,
    People,
    fit,
    fit_groups,
    fit_people,
)
from volition.reward import Linear
from volition.study.driver_choices import Choices, choice_answers
from volition.study.driver_history import History
from volition.study.driver_learners import PRIOR_SCALE, drivers_choose, spread
from volition.study.driver_predictions import measures, ranked

FEWEST = 10  # drivers seen again, below which nothing is said of how they differ
DIFFER = 0.3  # nats by which a usual spread of a feature moves two drivers apart
N_STARTS = 3  # of the search for groups in each fold
N_PEOPLE = 128  # who could be; with 1,024 spreads change by about a tenth
GENERAL, UNKNOWN = "the same for all", "a driver not seen before"
OWN, ALONE = "per driver", "each driver alone"


@dataclasses.dataclass(frozen=True)
class PeopleResult:
    """How drivers differ.

    Args:
        spread: of each weight from driver to driver, a standard deviation, reward units
            per unit of the feature; 95 % by the posterior.
        evidence: by how many nats the choices speak for it that drivers differ.
        scores: of predictions of the later moments of drivers, by measure.
        ahead: by how much a measure is below that of `GENERAL`, in pairs.
        n_drivers: whose later moments were predicted from earlier ones.
        n_moments: those later ones.
        notes: how inference went.
    """

    spread: dict[str, Estimate]
    evidence: float
    scores: dict[str, dict[str, Estimate]]
    ahead: dict[str, dict[str, Estimate]]
    n_drivers: int
    n_moments: int
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Drivers:
    """Choices of drivers who are numbered from 0, each option by its mean features.

    Args:
        features: in their usual spread, `[moment, option, once, feature]`.
        width: that spread.
        chosen: the option.
        driver: number of the driver.
    """

    features: Float[np.ndarray, "moment option once feature"]
    width: Float[np.ndarray, " feature"]
    chosen: Int[np.ndarray, " moment"]
    driver: Int[np.ndarray, " moment"]

    @classmethod
    def of(cls, choices: Choices) -> "Drivers":
        """All of them."""
        width = spread(choices.features)
        features = choices.features.mean(axis=2, keepdims=True) / width
        _, driver = np.unique(choices.driver, return_inverse=True)
        return cls(features, width, choices.chosen, driver)

    @property
    def n_drivers(self) -> int:
        """How many there are."""
        return int(self.driver.max()) + 1

    def answers(self, rows: Bool[np.ndarray, " moment"]) -> Dataset:
        """The choices at some moments."""
        return choice_answers(self.features[rows], self.chosen[rows], self.driver[rows])


def differing(
    choices: Choices,
    history: History,
    fold: Int[np.ndarray, " moment"],
    general: Float[np.ndarray, "moment option"],
    n_groups: int,
    key: Array,
    step_fn: Callable[[str], None],
) -> PeopleResult:
    """How much drivers differ, and what knowing them is worth.

    Spreads are learned from moments that share nothing (`History.apart`): others would
    make drivers differ by what chance did to them once. Predictions are for drivers who
    were not learned from, at their later moments, given their earlier ones.

    Args:
        choices: of all.
        history: with at least `FEWEST` drivers seen again.
        fold: of each moment; all of a driver's are in one.
        general: what options are worth to everybody, out of fold.
        n_groups: that drivers are put into, at least 2, for comparison.
        key: of draws and starts.
        step_fn: told of each step.
    """
    drivers, later = Drivers.of(choices), history.later
    whole = _people(drivers, history.apart, history.apart, key)
    shared = {
        name: np.zeros((int(later.sum()), general.shape[1]))
        for name in (UNKNOWN, OWN, _grouped(n_groups))
    }
    past = drivers.answers(history.earlier & history.apart)
    seen_driver = drivers.driver[later]
    options = drivers.features[later][:, :, 0]
    n_folds = int(fold.max()) + 1
    for number in range(n_folds):
        step_fn(f"drivers one by one: fold {number + 1} of {n_folds}")
        here = fold[later] == number
        learned = history.apart & (fold != number)
        people = _people(drivers, history.apart, learned, key)
        found = _find(drivers, history.apart, learned, n_groups, key)
        nobody = np.full(
            (drivers.n_drivers, len(people.offset)), 1 / len(people.offset)
        )
        alike = np.asarray(people.resemblance(past, drivers.n_drivers))
        assert isinstance(people.rewards, Linear)
        assert isinstance(found.rewards, Linear)
        each = np.asarray(people.rewards.weights)
        few = np.asarray(found.rewards.weights)
        member = np.asarray(found.belonging(past, drivers.n_drivers))
        for name, weights, share in (
            (UNKNOWN, each, nobody),
            (OWN, each, alike),
            (_grouped(n_groups), few, member),
        ):
            chance = _mixed(options[here], weights, share[seen_driver[here]])
            shared[name][here] = np.log(chance)
    step_fn("drivers one by one: each alone")
    worth = {GENERAL: general[later], **shared}
    worth[ALONE] = _alone(drivers, history, later)
    part = choices.subset(later)
    measured = {name: measures(ranked(part, one)) for name, one in worth.items()}
    scores = {
        name: {
            measure: clustered_mean(values, part.driver)
            for measure, values in one.items()
        }
        for name, one in measured.items()
    }
    ahead = {
        name: {
            measure: clustered_mean(values - measured[GENERAL][measure], part.driver)
            for measure, values in one.items()
        }
        for name, one in measured.items()
        if name != GENERAL
    }
    same = fit(
        Linear(NAMES),
        drivers_choose(),
        drivers.answers(history.apart),
        prior=Normal(PRIOR_SCALE),
        throw=False,
    )
    evidence = whole.result.diagnostics["log_evidence"]
    evidence -= same.result.diagnostics["log_evidence"]
    notes = ()
    if not whole.result.converged:
        notes = (f"how drivers differ did not converge: {whole.result.message}",)
    return PeopleResult(
        spread=_spreads(whole, drivers, key),
        evidence=float(evidence),
        scores=scores,
        ahead=ahead,
        n_drivers=len(np.unique(part.driver)),
        n_moments=len(part.driver),
        notes=notes,
    )


def _grouped(n_groups: int) -> str:
    return f"{n_groups} groups of drivers"


def _part(
    drivers: Drivers, rows: Bool[np.ndarray, " moment"], learned: np.ndarray
) -> Dataset:
    """Choices at moments that are learned from, in a shape that all folds share."""
    answers = drivers.answers(rows)
    keep = np.zeros(answers.capacity, dtype=bool)
    keep[: rows.sum()] = learned[rows]
    return answers.subset(jnp.asarray(keep))


def _people(drivers: Drivers, rows, learned, key: Array) -> People:
    answers, human = _part(drivers, rows, learned), drivers_choose()
    prior = Normal(PRIOR_SCALE)
    same = fit(Linear(NAMES), human, answers, MAP(), prior=prior, throw=False)
    return fit_people(
        same.mean,
        human,
        answers,
        prior=prior,
        spread=Positive(DIFFER, spread=1.0),
        n_draws=N_PEOPLE,
        key=key,
        throw=False,
    )


def _find(drivers: Drivers, rows, learned, n_groups: int, key: Array) -> Groups:
    return fit_groups(
        Linear(NAMES),
        drivers_choose(),
        _part(drivers, rows, learned),
        n_groups,
        prior=Normal(PRIOR_SCALE),
        n_starts=N_STARTS,
        key=key,
    )


def _mixed(
    options: Float[np.ndarray, "moment option feature"],
    weights: Float[np.ndarray, "who feature"],
    share: Float[np.ndarray, "moment who"],
) -> Float[np.ndarray, "moment option"]:
    """The chance of each option, if the driver is one of some, so probably each."""
    worth = np.einsum("mof,wf->wmo", options, weights, optimize=True)
    worth -= np.logaddexp.reduce(worth, axis=2, keepdims=True)
    return np.einsum("wmo,mw->mo", np.exp(worth), share, optimize=True)


def _alone(
    drivers: Drivers, history: History, later: np.ndarray
) -> Float[np.ndarray, "moment option"]:
    """What options are worth by a driver's own earlier moments, and a prior."""
    rows = history.earlier & history.apart
    weights = np.zeros((drivers.n_drivers, len(NAMES)))
    for number in np.unique(drivers.driver[later]):
        own = _part(drivers, rows, drivers.driver == number)
        found = fit(
            Linear(NAMES),
            drivers_choose(),
            own,
            MAP(),
            prior=Normal(PRIOR_SCALE),
            throw=False,
        )
        assert isinstance(found.mean, Linear)
        weights[number] = np.asarray(found.mean.weights)
    options = drivers.features[later][:, :, 0]
    return np.einsum("mof,mf->mo", options, weights[drivers.driver[later]])


def _spreads(people: People, drivers: Drivers, key: Array) -> dict[str, Estimate]:
    belief = people.log_spread
    draws = np.exp(np.asarray(belief.sample(key, N_DRAWS))) / drivers.width
    value = np.exp(np.asarray(belief.location)) / drivers.width
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    told = zip(NAMES, value, low, high, strict=True)
    return {
        name: Estimate(
            float(v), float(a), float(b), drivers.n_drivers, "95 % by the posterior"
        )
        for name, v, a, b in told
    }
