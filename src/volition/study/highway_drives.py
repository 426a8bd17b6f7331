"""How those who learned drive: episodes, here and in highway-env, and their scores."""

import importlib.util
import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from volition.env import HostStep, driving, host_env
from volition.evaluation import (
    Estimate,
    mean_over,
    play,
    rate_of_none,
    ratio_over,
    share_of_none,
)
from volition.policy import AbstractPolicy, host_episodes
from volition.reward import HighwayReward

REAL = "highway_env:highway-fast-v0"
N_COPIES = 8  # side by side
SPEED_RANGE = 80.0  # m/s, by which highway-env divides velocities


class Score(eqx.Module):
    """How a car drives somewhere; intervals over seeds, of baselines over episodes.

    Args:
        returns: of highway-env's own reward, undiscounted, per episode.
        collisions: per hour of driving.
        speed: mean, m/s.
        crashed: share of the episodes that end in a crash.
    """

    returns: Estimate
    collisions: Estimate
    speed: Estimate
    crashed: Estimate

    def record(self) -> dict:
        """As JSON values."""
        names = ("returns", "collisions", "speed", "crashed")
        return {name: getattr(self, name).record() for name in names}


def real_is_there() -> bool:
    """Whether highway-env is installed."""
    return importlib.util.find_spec("highway_env") is not None


Rows = dict[str, np.ndarray]  # each [seed, episode]


def drive(
    policy: AbstractPolicy,
    road: driving.AbstractDriving,
    key: PRNGKeyArray,
    n_episodes: int,
    shape: tuple[int, ...],
) -> list[Rows]:
    """Episodes of several drivers on one road, with several seeds each.

    Args:
        policy: leaves `[driver * seed]`.
        road: where.
        key: the same episodes for everybody.
        n_episodes: of each.
        shape: drivers and seeds, or drivers alone.

    Returns:
        What each driver's episodes come to, `[seed, episode]`; of one without seeds
        `[episode, 1]`, so that intervals are over episodes.
    """
    names, n_steps = road.feature_names, int(road.course.time_limit)
    reward = HighwayReward()
    playing = lambda one: play(
        key, road, one, reward, n_episodes=n_episodes, n_steps=n_steps
    )
    seen = eqx.filter_vmap(playing)(policy)
    features = np.asarray(seen.features)
    columns = {
        "returns": np.asarray(seen.returns),
        "seconds": np.asarray(seen.lengths, dtype=float),
        "metres": features[..., names.index("speed")],
        "crashes": features[..., names.index("collision")],
    }
    rows = {name: each.reshape(*shape, -1) for name, each in columns.items()}
    if len(shape) == 1:
        rows = {name: each[..., None] for name, each in rows.items()}
    return [{name: each[i] for name, each in rows.items()} for i in range(shape[0])]


def joined(rows: list[Rows]) -> Rows:
    """The episodes of several roads, seed by seed; without seeds in one row."""
    axis = 1 if rows[0]["returns"].shape[1] > 1 else 0
    return {
        name: np.concatenate([row[name] for row in rows], axis=axis) for name in rows[0]
    }


def score(rows: Rows) -> Score:
    """What episodes come to, with intervals over the first axis."""
    n, n_each = rows["returns"].shape
    over = "seeds" if n_each > 1 else "episodes"
    seconds, crashes = rows["seconds"].sum(axis=1), rows["crashes"].sum(axis=1)
    hours = seconds / 3600.0
    if crashes.sum() > 0:
        # Ratios of sums: each seed or episode counts by the time that it drove.
        collisions = ratio_over(crashes, hours, over).within(0.0, math.inf)
        crashed = mean_over(crashes / n_each, over).within(0.0, 1.0)
    else:
        collisions = rate_of_none(float(hours.sum()), n, over)
        crashed = share_of_none(n * n_each, n, "episodes")
    return Score(
        returns=mean_over(rows["returns"].mean(axis=1), over),
        collisions=collisions,
        speed=ratio_over(rows["metres"].sum(axis=1), seconds, over),
        crashed=crashed,
    )


def drive_for_real(policies: list[AbstractPolicy], n_real: int, seed: int) -> Rows:
    """The same policies, of one seed each, in highway-env itself, as they are.

    Args:
        policies: who drives.
        n_real: episodes, divided among them.
        seed: of the episodes.
    """
    n_episodes = -(-n_real // len(policies))
    env = host_env(REAL, min(N_COPIES, n_episodes))
    rows: dict[str, list[np.ndarray]] = {}
    for number, policy in enumerate(policies):
        seen = host_episodes(
            jax.random.key(number),
            env,
            policy,
            n_episodes=n_episodes,
            seed=seed,
            measure_fn=_speed,
        )
        episodes = {
            "returns": seen.returns,
            "seconds": seen.lengths.astype(float),
            "metres": seen.measured,
            "crashes": seen.terminated.astype(float),
        }
        for name, values in episodes.items():
            rows.setdefault(name, []).append(values)
    stacked = {name: np.stack(each) for name, each in rows.items()}
    if len(policies) == 1:
        stacked = {name: values.reshape(-1, 1) for name, values in stacked.items()}
    return stacked


def _speed(step: HostStep) -> np.ndarray:
    """Of the car in each copy, m/s: the velocity ahead that it observes of itself."""
    return np.asarray(step.next_observation)[:, 0, 3] * SPEED_RANGE
