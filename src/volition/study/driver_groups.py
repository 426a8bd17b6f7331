"""Groups of drivers: known beforehand, such as those of a lane, and found."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from volition.env.driving import NAMES, Moment
from volition.evaluation import Estimate, clustered_mean
from volition.inference import Normal, find_groups, over_clusters
from volition.reward import Linear
from volition.study.driver_choices import Choices
from volition.study.driver_history import History
from volition.study.driver_learners import (
    PRIOR_SCALE,
    drivers_choose,
    linear,
    spread,
)
from volition.study.driver_people import FEWEST, Drivers
from volition.study.driver_predictions import ranked
from volition.study.driver_prices import (
    gaussian_draws,
    prices_of_draws,
    prices_of_posterior,
)

LONG = 8.0  # m; cars and vans are shorter
FOUND = "found"


@dataclasses.dataclass(frozen=True)
class DriverGroup:
    """What a group of drivers wants.

    Args:
        by: what groups it: "lane", "length", "kind" of vehicle, or "found".
        name: of the group.
        n_vehicles: how many; for found groups the sum of the chances to belong.
        n_moments: that its weights rest on.
        weights: reward units per unit of each feature.
        prices: in mean speed, m/s, see `Prices`.
        gain: by how many nats a moment its drivers are predicted better from others of
            the group than from everybody else; None for found groups.
    """

    by: str
    name: str
    n_vehicles: float
    n_moments: int
    weights: dict[str, Estimate]
    prices: dict[str, Estimate]
    gain: Estimate | None = None


def known_groups(moments: Sequence[Moment]) -> dict[str, Bool[np.ndarray, " moment"]]:
    """Whose moments are in which group, under `"by: name"`.

    A driver belongs to the lane that he is on at most of his moments. Groups of fewer
    than `FEWEST` drivers, or of nearly everybody, are left out.

    Args:
        moments: of all.
    """
    driver = np.array([moment.driver for moment in moments])
    told = {
        "lane": [_lane(moment) for moment in moments],
        "length": [
            f"{LONG:g} m or longer" if moment.length >= LONG else f"below {LONG:g} m"
            for moment in moments
        ],
        "kind": [moment.kind or "not told" for moment in moments],
    }
    n_drivers, found = len(np.unique(driver)), {}
    for by, each in told.items():
        of_driver = {
            number: Counter(np.array(each)[driver == number]).most_common(1)[0][0]
            for number in np.unique(driver)
        }
        label = np.array([of_driver[number] for number in driver])
        for name in sorted(set(of_driver.values())):
            size = sum(one == name for one in of_driver.values())
            if FEWEST <= size <= n_drivers - FEWEST:
                found[f"{by}: {name}"] = label == name
    return found


def _lane(moment: Moment) -> str:
    left, right = (bool((np.sign(moment.centres) == side).any()) for side in (1, -1))
    if left and right:
        return "between others"
    return "leftmost" if right else "rightmost" if left else "the only one"


def groups_by(
    found: dict[str, Bool[np.ndarray, " moment"]],
    choices: Choices,
    fold: Int[np.ndarray, " moment"],
    general: Float[np.ndarray, "moment option"],
    key: Array,
) -> tuple[DriverGroup, ...]:
    """What known groups want: the general prior, and their choices alone.

    Args:
        found: as `known_groups` gives them.
        choices: of all.
        fold: of each moment.
        general: what options are worth to everybody, out of fold.
        key: of draws.
    """
    width, groups = spread(choices.features), []
    before = ranked(choices, general).loss
    assert before is not None
    for title, rows in found.items():
        worth = np.zeros_like(general)
        for number in np.unique(fold):
            here = rows & (fold == number)
            if here.any():
                _, worth_of = linear(choices.features, choices, rows & (fold != number))
                worth[here] = worth_of(here)
        after = ranked(choices, worth).loss
        assert after is not None
        posterior, _ = linear(choices.features, choices, rows)
        clusters = np.zeros(posterior.problem.answers.capacity, dtype=np.int64)
        clusters[: len(rows)] = choices.driver
        n_vehicles = len(np.unique(choices.driver[rows]))
        robust = over_clusters(posterior, clusters)
        prices = prices_of_posterior(robust, width, n_vehicles, key)
        by, name = title.split(": ")
        groups.append(
            DriverGroup(
                by,
                name,
                float(n_vehicles),
                int(rows.sum()),
                prices.weights,
                prices.prices,
                clustered_mean((before - after)[rows], choices.driver[rows]),
            )
        )
    return tuple(groups)


def groups_found(
    choices: Choices, history: History, most: int, key: Array
) -> tuple[DriverGroup, ...]:
    """As many groups of drivers as the evidence speaks for.

    Learned from moments that share nothing: others would find groups of drivers whom
    the same chance met.

    Args:
        choices: of all.
        history: of the same moments.
        most: groups that are tried.
        key: of starts and draws.

    Returns:
        The groups, the largest first.
    """
    drivers, rows = Drivers.of(choices), history.apart
    start_key, draw_key = jax.random.split(key)
    found = find_groups(
        Linear(NAMES),
        drivers_choose(),
        drivers.answers(rows),
        most=most,
        prior=Normal(PRIOR_SCALE),
        key=start_key,
    )
    assert isinstance(found.rewards, Linear)
    groups = []
    n_moments = np.asarray(found.membership)[drivers.driver[rows]].sum(axis=0)
    size = np.asarray(found.membership).sum(axis=0)
    for number in range(found.n_groups):
        mean = np.asarray(found.rewards.weights[number])
        draws = gaussian_draws(mean, np.asarray(found.covariance[number]), draw_key)
        prices = prices_of_draws(
            mean / drivers.width, draws / drivers.width, round(float(size[number]))
        )
        groups.append(
            DriverGroup(
                FOUND,
                f"group {number + 1} of {found.n_groups}",
                float(size[number]),
                round(float(n_moments[number])),
                prices.weights,
                prices.prices,
            )
        )
    return tuple(groups)
