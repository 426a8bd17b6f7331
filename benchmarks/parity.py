"""Our roads against highway-env, episode by episode: `python -m benchmarks.parity`."""

import dataclasses
import sys
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from volition.env import driving
from volition.env.driving.simulator import AbstractDriving, DrivingState
from volition.env.driving.vehicle import Vehicles


def theirs(name: str, seed: int, lane_changes: bool = True, **config: Any) -> Any:
    """One of highway-env's environments after its reset, in double precision."""
    import gymnasium
    import highway_env  # noqa: F401 (it registers its environments)

    config = {"observation": {"type": "Kinematics"}, **config}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer versions
        env = gymnasium.make(name, config=config).unwrapped
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


ROADS = {
    "highway_fast": ("highway-fast-v0", lambda: driving.Highway(dtype=float)),
    "highway": (
        "highway-v0",
        lambda: driving.Highway(
            4,
            50,
            duration=40,
            first_gap=2.0,
            simulation_frequency=15,
            everybody=True,
            dtype=float,
        ),
    ),
    "merge": ("merge-v0", lambda: driving.Merge(dtype=float)),
    "two_way": ("two-way-v0", lambda: driving.TwoWay(dtype=float)),
    "exit": ("exit-v0", lambda: driving.Exit(dtype=float)),
}


@dataclasses.dataclass
class Compared:
    """How far one episode of ours is from theirs.

    Args:
        position: greatest distance, m.
        speed: greatest difference, m/s.
        observation: greatest difference.
        ended_alike: whether crashes, ends and their steps are the same.
        steps: decisions compared.
    """

    position: float
    speed: float
    observation: float
    ended_alike: bool
    steps: int


def compare(
    road: str,
    seed: int,
    *,
    lane_changes: bool = True,
    policy: str = "random",
    n_steps: int | None = None,
) -> Compared:
    """One episode with the same start and the same actions, until either ends."""
    name, make = ROADS[road]
    env = theirs(name, seed, lane_changes)
    ours = make()
    state = state_of(env, ours)
    step, observe = _compiled(road)
    rng = np.random.default_rng(seed)
    worst = Compared(0.0, 0.0, 0.0, True, 0)
    n_steps = int(ours.course.time_limit) if n_steps is None else n_steps
    for _ in range(n_steps):
        action = int(rng.integers(5)) if policy == "random" else 1
        seen, _, terminated, _, _ = env.step(action)
        state = step(ours, state, action)
        cars = env.road.vehicles
        place = np.array([car.position for car in cars])
        mine = np.stack([state.vehicles.x, state.vehicles.y], axis=1)[: len(cars)]
        worst.position = max(worst.position, float(np.abs(place - mine).max()))
        speed = np.array([car.speed for car in cars])
        gap = np.abs(speed - np.asarray(state.vehicles.speed)[: len(cars)])
        worst.speed = max(worst.speed, float(gap.max()))
        off = np.abs(seen - np.asarray(observe(ours, state))).max()
        worst.observation = max(worst.observation, float(off))
        crashed = [car.crashed for car in cars]
        alike = crashed == np.asarray(state.vehicles.crashed)[: len(cars)].tolist()
        alike &= terminated == bool(ours.terminated(state))
        worst.ended_alike &= alike
        worst.steps += 1
        if terminated or bool(ours.terminated(state)):
            break
    return worst


_CACHE: dict[str, Any] = {}


def _compiled(road: str) -> Any:
    if road not in _CACHE:
        key = jax.random.key(0)
        _CACHE[road] = (
            eqx.filter_jit(lambda env, state, action: env.step(key, state, action)),
            eqx.filter_jit(lambda env, state: env.observe(state)),
        )
    return _CACHE[road]


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    for seed in range(int(sys.argv[2])):
        print(
            seed,
            compare(
                sys.argv[1], seed, lane_changes=sys.argv[3] == "1", policy=sys.argv[4]
            ),
        )
