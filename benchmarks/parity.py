"""Our roads against highway-env, episode by episode: `python -m benchmarks.parity`.

Both begin in highway-env's traffic after a reset and get the same actions, drawn evenly
from all five; ours computes in double precision. Of whole episodes we count those in
which nobody is ever farther than 1 mm (1e-3 m) from where they are in highway-env, and
nobody's speed differs by more than 1e-3 m/s; and say how far the two are apart at most
where the others do not change lane.

Where they differ, and why:

- A driver who gives up a lane change is seen by those with higher numbers only from the
  next sub-step on: chains of such decisions in one sub-step come out otherwise.
- A vehicle other than the car that two hit at once is pushed by the nearest only.
- Ties are decided by rounding: whether two rectangles are pushed apart to the left or
  to the right where they are exactly in line (head-on collisions on the two-way road),
  and who of two is ahead where both are at one place along a lane to the last bit.
- Collisions amplify rounding errors: which side of a rectangle is the nearest.
"""

import argparse
import dataclasses
import json
import math
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import say
from volition.env import driving
from volition.env.driving.simulator import AbstractDriving, DrivingState
from volition.env.driving.vehicle import Vehicles
from volition.reward import (
    AbstractReward,
    ExitReward,
    HighwayReward,
    MergeReward,
    TwoWayReward,
)

NEAR = 1e-3  # m and m/s: an episode within it is the same
Z = 1.959964  # standard errors of an interval of 95%


def theirs(name: str, seed: int, lane_changes: bool = True, **config: Any) -> Any:
    """One of highway-env's environments after its reset, in double precision."""
    import gymnasium
    import highway_env  # noqa: F401 (it registers its environments)

    config = {"observation": {"type": "Kinematics"}, **config}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer versions
        env: Any = gymnasium.make(name, config=config).unwrapped
    env.reset(seed=seed)
    if not lane_changes:
        for vehicle in env.road.vehicles[1:]:
            vehicle.enable_lane_change = False
    return env


def lane_numbers(env: Any) -> dict[tuple, int]:
    """The number that we give each of their lanes: the order in which they are made."""
    return {index: i for i, index in enumerate(env.road.network.lanes_dict())}


def state_of(env: Any, ours: AbstractDriving) -> DrivingState:
    """Their traffic as a state of ours."""
    numbers = lane_numbers(env)
    cars, objects = env.road.vehicles, env.road.objects
    everything = [*cars, *objects]
    n = len(everything)
    is_car = np.arange(n) < len(cars)

    def each(name: str, default: Any) -> np.ndarray:
        return np.array([getattr(one, name, default) for one in everything])

    place = np.array([one.position for one in everything], dtype=float)
    lane = [numbers[tuple(one.lane_index)] for one in everything]
    target = [
        numbers[tuple(getattr(one, "target_lane_index", one.lane_index))]
        for one in everything
    ]
    vehicles = Vehicles(
        x=jnp.array(place[:, 0]),
        y=jnp.array(place[:, 1]),
        heading=jnp.array(each("heading", 0.0), dtype=float),
        speed=jnp.array(each("speed", 0.0), dtype=float),
        target_speed=jnp.array(each("target_speed", 0.0), dtype=float),
        lane=jnp.array(lane, dtype=jnp.int32),
        target_lane=jnp.array(target, dtype=jnp.int32),
        timer=jnp.array(each("timer", 0.0), dtype=float),
        exponent=jnp.array(each("DELTA", 4.0), dtype=float),
        changes_lane=jnp.array(each("enable_lane_change", False)),
        crashed=jnp.array(each("crashed", False)),
        hit=jnp.zeros(n, dtype=bool),
        push_x=jnp.zeros(n),
        push_y=jnp.zeros(n),
        obstacle=jnp.array(~is_car),
        present=jnp.ones(n, dtype=bool),
    )
    return ours.begin(vehicles)


@dataclasses.dataclass(frozen=True)
class Pair:
    """One of highway-env's environments and ours.

    Args:
        name: highway-env's.
        make: ours, in double precision.
        reward: highway-env's own reward as ours.
    """

    name: str
    make: Callable[..., AbstractDriving]
    reward: AbstractReward


def highway(**arguments: Any) -> driving.Highway:
    """highway-v0; the defaults of `Highway` are highway-fast-v0."""
    return driving.Highway(
        4,
        50,
        duration=40,
        first_gap=2.0,
        simulation_frequency=15,
        everybody=True,
        **arguments,
    )


def pairs() -> dict[str, Pair]:
    """All that are compared, by name."""
    return {
        "highway_fast": Pair("highway-fast-v0", driving.Highway, HighwayReward()),
        "highway": Pair("highway-v0", highway, HighwayReward()),
        "merge": Pair("merge-v0", driving.Merge, MergeReward()),
        "two_way": Pair("two-way-v0", driving.TwoWay, TwoWayReward()),
        "exit": Pair("exit-v0", driving.Exit, ExitReward()),
    }


@dataclasses.dataclass
class Compared:
    """How far one episode of ours is from theirs.

    Args:
        position: greatest distance along x or y, m.
        speed: greatest difference, m/s.
        observation: greatest difference.
        reward: greatest difference.
        ended_alike: whether crashes, ends and their steps are the same.
        steps: decisions compared.
    """

    position: float = 0.0
    speed: float = 0.0
    observation: float = 0.0
    reward: float = 0.0
    ended_alike: bool = True
    steps: int = 0

    @property
    def same(self) -> bool:
        """Whether it counts as the same episode."""
        return max(self.position, self.speed) <= NEAR and self.ended_alike


class Against:
    """Ours, compiled once, against theirs.

    Args:
        road: a key of `pairs`.
        continuous: whether actions are acceleration and steering.
    """

    def __init__(self, road: str, *, continuous: bool = False):
        self.pair, self.continuous = pairs()[road], continuous
        self.ours = self.pair.make(continuous=continuous, dtype=float)
        key = jax.random.key(0)  # nothing in a step is left to chance

        def advance(env: AbstractDriving, paid: AbstractReward, state, action):
            after = env.step(key, state, action)
            told = env.transition(state, action, after)
            return after, env.observe(after), paid(told), env.terminated(after)

        self.advance = eqx.filter_jit(advance)

    def compare(
        self,
        seed: int,
        *,
        lane_changes: bool = True,
        action: Any = None,
        n_steps: int | None = None,
    ) -> Compared:
        """One episode with the same start and the same actions, until either ends.

        Args:
            seed: of highway-env's reset and of the actions.
            lane_changes: whether the others change lane.
            action: always this one; default random ones.
            n_steps: at most so many decisions; default until the time limit.
        """
        config = {"action": {"type": "ContinuousAction"}} if self.continuous else {}
        env = theirs(self.pair.name, seed, lane_changes, **config)
        state = state_of(env, self.ours)
        rng = np.random.default_rng(seed)
        worst, ended = Compared(), False
        limit = int(self.ours.course.time_limit)
        while not ended and worst.steps < (limit if n_steps is None else n_steps):
            chosen = self._action(rng, action)
            seen, pays, terminated, _, _ = env.step(chosen)
            state, ours_sees, ours_pays, over = self.advance(
                self.ours, self.pair.reward, state, jnp.asarray(chosen)
            )
            place, speed, crashed = whereabouts(env)
            ours, n = state.vehicles, len(speed)
            mine = np.stack([ours.x, ours.y], axis=1)[:n]
            same = crashed == np.asarray(ours.crashed)[:n].tolist()
            worst = Compared(
                max(worst.position, _most(place - mine)),
                max(worst.speed, _most(speed - np.asarray(ours.speed)[:n])),
                max(worst.observation, _most(seen - np.asarray(ours_sees))),
                max(worst.reward, abs(float(pays) - float(ours_pays))),
                worst.ended_alike and same and terminated == bool(over),
                worst.steps + 1,
            )
            ended = terminated or bool(over)
        return worst

    def _action(self, rng: np.random.Generator, action: Any) -> Any:
        if action is not None:
            return np.asarray(action)
        if self.continuous:
            return rng.uniform(-1.0, 1.0, 2) * (1.0, 0.05)  # it stays on the road
        return int(rng.integers(5))


def whereabouts(env: Any) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    """Where their cars are, m, how fast, m/s, and who has crashed."""
    cars = env.road.vehicles
    return (
        np.array([car.position for car in cars]),
        np.array([car.speed for car in cars]),
        [bool(car.crashed) for car in cars],
    )


def _most(gap: np.ndarray) -> float:
    return float(np.abs(gap).max())


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95% interval of a share.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA 22, 1927.

    Example:
        >>> tuple(round(bound, 3) for bound in wilson(95, 100))
        (0.888, 0.978)
    """
    share, square = hits / n, Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    half *= Z / (1 + square / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def measured(road: str, n: int) -> dict[str, Any]:
    """What is printed of one road after `n` seeds."""
    against, found, fixed = Against(road), [], []
    for seed in range(n):
        found.append(against.compare(seed))
        fixed.append(against.compare(seed, lane_changes=False))
        say(f"{road} seed {seed}: {found[-1]}; no lane changes: {fixed[-1]}")
    hits = sum(one.same for one in found)
    low, high = wilson(hits, n)
    return {
        "share": hits / n,
        "low": low,
        "high": high,
        "n": n,
        "differ": [seed for seed, one in enumerate(found) if not one.same],
        "reward_where_same": max((o.reward for o in found if o.same), default=None),
        "observation_where_same": max(
            (o.observation for o in found if o.same), default=None
        ),
        "no_lane_changes_share": sum(one.same for one in fixed) / n,
        "no_lane_changes_position": max(one.position for one in fixed),
        "no_lane_changes_speed": max(one.speed for one in fixed),
    }


def main() -> None:
    """Compare, print a line for each road, and with `--json` all as one object."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition(":")[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--seeds", type=int, default=100, help="episodes of each road")
    parser.add_argument(
        "--roads", nargs="+", default=["highway_fast", "highway", "merge"]
    )
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = {road: measured(road, asked.seeds) for road in asked.roads}
    for road, one in found.items():
        print(
            f"{road:14} {one['share']:.3f} [{one['low']:.3f}, {one['high']:.3f}] of "
            f"{one['n']}; no lane changes: at most "
            f"{one['no_lane_changes_position']:.1e} m"
        )
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
