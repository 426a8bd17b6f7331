"""The textbook's reward for a car, optimised: what it leads to, here and elsewhere."""

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from volition import record
from volition.env import Family, HostStep, driving, host_env
from volition.evaluation import Estimate, mean_over, play, ratio_over
from volition.policy import AbstractPolicy, Always, Random, host_episodes
from volition.reward import HighwayReward, Linear
from volition.study.progress import Progress
from volition.value import learn
from volition.value.deep import MLP, PQN, Rollout
from volition.value.deep.optimiser import RAdam
from volition.value.schedule import Linear as Falling

# m/s that a certain collision costs for a second. The page of the textbook says
# speed - collision: 1.
PRICES = (1.0, 30.0, 1000.0)
DISCOUNT = 0.95
N_EPISODES = 200  # for each task and seed
REAL = "highway_env:highway-fast-v0"
N_REAL = 24  # episodes for each seed: some 50 steps a second
N_COPIES = 8  # side by side
SPEED_RANGE = 80.0  # m/s, by which highway-env divides velocities
BASELINES = ("always braking", "always idle", "random")


@dataclasses.dataclass(frozen=True)
class HighwayConfig:
    """What the study is to do.

    Args:
        n_seeds: how often each reward is learned.
        n_steps: of learning, each time.
        seed: of everything that is random.
        n_real: episodes of each in highway-env, if it is installed; 0 for none.
    """

    n_seeds: int = 3
    n_steps: int = 98_304
    seed: int = 0
    n_real: int = N_REAL


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


class HighwayResult(eqx.Module):
    """What came out.

    Args:
        scores: by who drives and where: train, held out, each held-out road, real.
        policies: by who drives: those of all seeds, leaves `[seed]`.
        lost: discounted speed that follows a step, m/s: what an end costs besides its
            price, by who drives.
    """

    scores: dict[str, dict[str, Score]]
    policies: dict[str, AbstractPolicy]
    lost: dict[str, float]

    def bargain(self) -> str:
        """What the textbook's reward pays for a collision, in a sentence."""
        price = PRICES[0]
        lost = self.lost[label(price)]
        here = self.scores[label(price)]["train"].collisions
        last = self.scores[label(PRICES[-1])]["train"].collisions
        return (
            f"Under `{label(price)}` a collision costs {price:g} m/s for a second and "
            f"the speed that is lost after it, {lost:.0f} m/s added up at the discount "
            f"{DISCOUNT}: {(price + lost) / 10.0:.0f} seconds at 10 m/s more pay for "
            f"it, and it happens {here.value:.1f} times an hour [{here.low:.1f}, "
            f"{here.high:.1f}]. Where it costs {PRICES[-1]:g} m/s it happens "
            f"{last.value:.1f} times [{last.low:.1f}, {last.high:.1f}] (n = {here.n})."
        )

    def summary(self) -> dict:
        """As JSON values."""
        scores = {
            who: {where: score.record() for where, score in places.items()}
            for who, places in self.scores.items()
        }
        return {"scores": scores, "lost": self.lost}


def price_of(weight: float) -> Linear:
    """`speed - weight * collision likelihood`, of the step's end."""
    names = driving.Highway(1, 0).feature_names
    weights = [0.0] * len(names)
    weights[names.index("speed")] = 1.0
    weights[names.index("collision likelihood")] = -weight
    return Linear(names, jnp.asarray(weights, dtype=jnp.float32))


def label(price: float) -> str:
    """Who drives by that reward, for the table."""
    return f"speed - {price:g} collision" if price != 1.0 else "speed - collision"


def method(n_steps: int) -> PQN:
    """How the study learns."""
    return PQN(
        n_steps,
        rollout=Rollout(64, 16),
        network=MLP((128, 128)),
        optimiser=RAdam(Falling(1e-3, 1e-4, n_steps)),
        exploration=Falling(1.0, 0.05, n_steps / 2),
        n_stretches=8,
    )


def run_highway(
    config: HighwayConfig, folder: Path, progress: Progress
) -> HighwayResult:
    """Learn each reward with several seeds, and drive: here, on held-out roads, there.

    Args:
        config: what to do.
        folder: made where it is missing; policies go to `runs/`.
        progress: is told of each step.
    """
    family = driving.Highway.family()
    key = jax.random.key(config.seed)
    learn_key, play_key = jax.random.split(key)
    seeds = jax.random.split(learn_key, config.n_seeds)
    learner = method(config.n_steps)
    policies: dict[str, AbstractPolicy] = {}
    for price in PRICES:
        who = label(price)

        def tell(step: int, curve: Any, who: str = who) -> None:
            progress.step(f"learning {who}, {step:,} of {config.n_steps:,} steps")

        found = learn(seeds, family.train, price_of(price), learner, progress=tell)
        policies[who] = found.policy
    actions = (driving.SLOWER, driving.IDLE)
    fixed = [Always(action) for action in actions]
    baselines = dict(zip(BASELINES, [*fixed, Random(5)], strict=True))
    scores: dict[str, dict[str, Score]] = {}
    for who, policy in (policies | baselines).items():
        progress.step(f"driving: {who}")
        scores[who] = drive(policy, family, play_key, who in policies)
        if config.n_real and real_is_there():
            progress.step(f"driving in highway-env: {who}")
            scores[who]["real"] = drive_for_real(policy, config, who in policies)
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    for number, policy in enumerate(policies.values()):
        record.save(policy, folder / "runs" / f"policy-{number}.json")
    rate = 1.0 - DISCOUNT
    lost = {who: scores[who]["train"].speed.value / rate for who in policies}
    return HighwayResult(scores, policies, lost)


def highway_steps(config: HighwayConfig) -> int:
    """How many steps `run_highway` tells of."""
    n_drivers = len(PRICES) + len(BASELINES)
    real = n_drivers if config.n_real and real_is_there() else 0
    return len(PRICES) * method(config.n_steps).n_stretches + n_drivers + real


def real_is_there() -> bool:
    """Whether highway-env is installed."""
    return importlib.util.find_spec("highway_env") is not None


def drive(
    policy: AbstractPolicy, family: Family, key: PRNGKeyArray, learned: bool
) -> dict[str, Score]:
    """How the car drives on the roads it knows, and on those held out.

    Args:
        policy: leaves `[seed]`, or without an axis.
        family: of roads.
        key: the same episodes for everybody.
        learned: whether there are seeds to take intervals over.
    """
    held_out = dict(zip(driving.HELD_OUT, family.held_out, strict=True))
    rows = {
        where: _played(policy, (road,), key, learned)
        for where, road in held_out.items()
    }
    rows["train"] = _played(policy, family.train, key, learned)
    everything = [rows[where] for where in held_out]
    rows["held out"] = {
        name: np.concatenate([row[name] for row in everything], axis=1)
        for name in everything[0]
    }
    return {where: score(**row) for where, row in rows.items()}


def _each(policy: AbstractPolicy, n_seeds: int) -> list[AbstractPolicy]:
    """The policies of all seeds one by one."""
    return [
        jax.tree.map(lambda leaf, seed=seed: leaf[seed], policy)
        for seed in range(n_seeds)
    ]


def _speed(step: HostStep) -> np.ndarray:
    """Of the car in each copy, m/s: the velocity ahead that it observes of itself."""
    return np.asarray(step.next_observation)[:, 0, 3] * SPEED_RANGE


def _played(
    policy: AbstractPolicy, roads: tuple, key: PRNGKeyArray, learned: bool
) -> dict[str, np.ndarray]:
    """Episodes on some roads, `[seed, episode]`; of baselines each is its own seed."""
    made = []
    for road in roads:
        n_steps = int(road.course.time_limit)
        seeds = lambda policy, road=road, n_steps=n_steps: play(
            key,
            road,
            policy,
            HighwayReward(),
            n_episodes=N_EPISODES,
            n_steps=n_steps,
        )
        seen = eqx.filter_vmap(seeds)(policy) if learned else seeds(policy)
        made.append(seen)
    names = roads[0].feature_names
    speed, crash = names.index("speed"), names.index("collision")
    columns = {
        "returns": [np.asarray(seen.returns) for seen in made],
        "seconds": [np.asarray(seen.lengths, dtype=float) for seen in made],
        "metres": [np.asarray(seen.features[..., speed]) for seen in made],
        "crashes": [np.asarray(seen.features[..., crash]) for seen in made],
    }
    joined = {name: np.concatenate(each, axis=-1) for name, each in columns.items()}
    return joined if learned else {n: v.reshape(-1, 1) for n, v in joined.items()}


def score(
    returns: Float[np.ndarray, "seed episode"],
    seconds: Float[np.ndarray, "seed episode"],
    metres: Float[np.ndarray, "seed episode"],
    crashes: Float[np.ndarray, "seed episode"],
) -> Score:
    """What episodes come to, with intervals over the first axis."""
    over = "seeds" if returns.shape[1] > 1 else "episodes"
    hours = seconds.sum(axis=1) / 3600.0
    # Of a ratio of sums: each seed or episode counts by the time that it drove.
    return Score(
        returns=mean_over(returns.mean(axis=1), over),
        collisions=ratio_over(crashes.sum(axis=1), hours, over),
        speed=ratio_over(metres.sum(axis=1), seconds.sum(axis=1), over),
        crashed=mean_over(crashes.mean(axis=1), over),
    )


def drive_for_real(
    policy: AbstractPolicy, config: HighwayConfig, learned: bool
) -> Score:
    """The same policy in highway-env itself, as it is."""
    env = host_env(REAL, N_COPIES)
    kept = [policy] if not learned else _each(policy, config.n_seeds)
    rows: dict[str, list[np.ndarray]] = {}
    for number, one in enumerate(kept):
        seen = host_episodes(
            jax.random.key(number),
            env,
            one,
            n_episodes=config.n_real,
            seed=config.seed,
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
    if not learned:
        stacked = {name: values.reshape(-1, 1) for name, values in stacked.items()}
    return score(**stacked)
