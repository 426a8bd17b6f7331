"""How the policies of a highway study drive, over all seeds and roads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from volition.env import driving
from volition.evaluation import (
    Estimate,
    generalisation_gap,
    interquartile_mean,
    optimality_gap,
    performance_profile,
    play,
    probability_of_improvement,
)
from volition.policy import AbstractPolicy
from volition.reward import HighwayReward
from volition.store import InputError
from volition.study.highway import BASELINES, Blind
from volition.study.progress import Progress
from volition.study.saved_policy import read_policy

THRESHOLDS = np.linspace(-0.2, 1.0, 25)  # scaled returns of a performance profile
N_BLOCKS = 10  # of episodes, of whoever learned nothing
WORST, AGAINST = "random", "always braking"
TRAIN, HELD_OUT = "train", "held out"


class Drives(NamedTuple):
    """What policies do on every road, by who drives, on average over episodes.

    Args:
        roads: names, those that were learned on first.
        returns: of highway-env's own reward, undiscounted, `[seed, road]`; a row for
            each block of episodes of whoever has no seeds.
        features: of all steps of an episode added up, `[seed, road, feature]`.
    """

    roads: tuple[str, ...]
    returns: Mapping[str, Float[np.ndarray, "seed road"]]
    features: Mapping[str, Float[np.ndarray, "seed road feature"]]


def read_policies(
    folder: Path, names: list[str], n_seeds: int
) -> dict[str, AbstractPolicy]:
    """The policies of all seeds of a study by who drives, leaves `[seed]`.

    Args:
        folder: of the study.
        names: of all who learned, in the order of their files.
        n_seeds: how many there are of each.

    Raises:
        InputError: where one is missing or no policy.
    """
    found = {}
    for number, who in enumerate(names):
        paths = [folder / "runs" / f"policy-{number}-{i}.json" for i in range(n_seeds)]
        each = [read_policy(path, driving.Highway()) for path in paths]
        try:
            found[who] = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
        except ValueError as error:
            raise InputError(
                f"the policies of {who!r} in {folder}/runs differ in their form: run "
                "the study again."
            ) from error
    return found


def blind_drivers() -> Blind:
    """Those who learned nothing, in the order of `BASELINES`, leaves `[driver]`."""
    always = jnp.eye(len(driving.ACTIONS), dtype=jnp.float32)
    anything = jnp.full_like(always[0], 1.0 / len(driving.ACTIONS))
    return Blind(jnp.stack([always[driving.SLOWER], always[driving.IDLE], anything]))


def drive_all(
    key: PRNGKeyArray,
    policies: Mapping[str, AbstractPolicy],
    n_episodes: int,
    progress: Progress,
) -> Drives:
    """Drive all policies on all roads.

    Args:
        key: consumed; everybody drives the same episodes.
        policies: by who drives, leaves `[seed]`.
        n_episodes: of each policy on each road.
        progress: is told of each road.
    """
    family = driving.Highway.family()
    roads = cast("tuple[driving.AbstractDriving, ...]", family.tasks)
    names = (*(f"train {i}" for i in range(len(family.train))), *driving.HELD_OUT)
    join = lambda *leaves: jnp.concatenate(leaves)
    learned = jax.tree.map(join, *policies.values())
    n_seeds = jax.tree.leaves(learned)[0].shape[0] // len(policies)
    reward = HighwayReward()
    returns: dict[str, list[np.ndarray]] = {}
    features: dict[str, list[np.ndarray]] = {}
    for where, road in zip(names, roads, strict=True):
        progress.step(f"driving on {where}")

        def playing(one, road=road):
            n_steps = int(road.course.time_limit)
            return play(key, road, one, reward, n_episodes=n_episodes, n_steps=n_steps)

        for who, drivers, n in (
            (tuple(policies), learned, n_seeds),
            (BASELINES, blind_drivers(), 1),
        ):
            seen = eqx.filter_vmap(playing)(drivers)
            paid = np.asarray(seen.returns, dtype=float)
            done = np.asarray(seen.features, dtype=float)
            for place, one in enumerate(who):
                rows = slice(place * n, (place + 1) * n)
                for kept, each in ((returns, paid[rows]), (features, done[rows])):
                    means = each.mean(axis=1) if who is not BASELINES else blocks(each)
                    kept.setdefault(one, []).append(means)
    return Drives(
        names,
        {who: np.stack(each, axis=1) for who, each in returns.items()},
        {who: np.stack(each, axis=1) for who, each in features.items()},
    )


def blocks(
    episodes: Float[np.ndarray, "1 episode ..."],
) -> Float[np.ndarray, "block ..."]:
    """Means of up to ten blocks of episodes, for whoever has no seeds to vary over."""
    parts = np.array_split(episodes[0], min(N_BLOCKS, episodes.shape[1]))
    return np.stack([part.mean(axis=0) for part in parts])


def scaled(drives: Drives) -> dict[str, Float[np.ndarray, "seed road"]]:
    """Returns on a scale of each road: 0 acts at random, 1 is the study's best driver.

    The best is who earns most on average over seeds; how well one could drive is not
    known.
    """
    means = np.stack([each.mean(axis=0) for each in drives.returns.values()])
    low, high = drives.returns[WORST].mean(axis=0), means.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    return {who: (each - low) / span for who, each in drives.returns.items()}


def driving_record(drives: Drives) -> dict[str, Any]:
    """Statistics over seeds and roads as JSON values, by who drives and where."""
    scores = scaled(drives)
    is_train = np.array([name not in driving.HELD_OUT for name in drives.roads])
    places = {TRAIN: is_train, HELD_OUT: ~is_train}
    found = {}
    for who, each in scores.items():
        found[who] = {
            where: _statistics(
                each[:, there], scores[AGAINST][:, there], who not in BASELINES
            )
            for where, there in places.items()
        }
        if who not in BASELINES:
            by_road = dict(zip(drives.roads, each.T, strict=True))
            parts = [
                {name: by_road[name] for name in np.array(drives.roads)[there]}
                for there in places.values()
            ]
            found[who]["gap"] = generalisation_gap(*parts).record()
    return {
        "scale": "0 is random actions, 1 the best driver of the study on the road",
        "roads": {
            where: [str(name) for name in np.array(drives.roads)[there]]
            for where, there in places.items()
        },
        "thresholds": THRESHOLDS.round(6).tolist(),
        "drivers": found,
    }


def _statistics(
    ours: Float[np.ndarray, "seed road"],
    braking: Float[np.ndarray, "block road"],
    learned: bool,
) -> dict[str, Any]:
    iqm = interquartile_mean(ours)
    if not learned:
        over = f"95 % over {len(ours)} blocks of episodes of each road"
        return {"iqm": Estimate(iqm.value, iqm.low, iqm.high, iqm.n, over).record()}
    # A seed's mean is over all episodes; so is that of whoever it is compared with.
    theirs = np.repeat(braking.mean(axis=0, keepdims=True), len(ours), axis=0)
    profile = performance_profile(ours, THRESHOLDS)
    return {
        "iqm": iqm.record(),
        "optimality_gap": optimality_gap(ours).record(),
        "improvement": probability_of_improvement(ours, theirs).record(),
        "profile": {
            name: getattr(profile, name).tolist() for name in ("share", "low", "high")
        },
    }
