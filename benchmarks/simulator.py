"""Driving against highway-env, steps a second: `python -m benchmarks.simulator`."""

import importlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import (
    Measurement,
    arguments,
    measurement,
    prepare,
    report,
    say,
    seconds,
)
from volition.env import AbstractEnvironment, driving

# The same vehicles, frequencies and collisions on both sides; how many instances of
# ours run at once (the best of 4, 8, ... 256 on the machine of benchmarks/README.md),
# and how many steps are timed, of theirs and of ours.
ROADS: dict[str, tuple[str, Callable[[], AbstractEnvironment], int, int, int]] = {
    "highway_fast": ("highway-fast-v0", driving.Highway, 16, 60, 24_000),
    "highway": (
        "highway-v0",
        lambda: driving.Highway(
            4,
            50,
            duration=40,
            first_gap=2.0,
            simulation_frequency=15,
            everybody=True,
        ),
        4,
        8,
        3_000,
    ),
    "merge": ("merge-v0", driving.Merge, 8, 100, 24_000),
}
# Steps a second of highway-env 1.12.1 on one core of another machine: peers.md.
RECORDED = {"highway_fast": 50.0, "highway": 4.6, "merge": 70.7}


def ours(env: AbstractEnvironment, n_envs: int, n_steps: int) -> Callable[[], Any]:
    """Random actions in `n_envs` instances, each begun anew after its end."""

    def one(state, key):
        act_key, step_key, reset_key = jax.random.split(key, 3)
        moved = env.step(step_key, state, env.action_space.sample(act_key))
        over = env.terminated(moved) | env.truncated(moved)
        anew = env.reset(reset_key)
        after = jax.tree.map(lambda new, on: jnp.where(over, new, on), anew, moved)
        return after, env.observe(after)

    @eqx.filter_jit
    def run(key):
        reset_key, steps_key = jax.random.split(key)
        state = jax.vmap(env.reset)(jax.random.split(reset_key, n_envs))
        keys = jax.random.split(steps_key, (n_steps // n_envs, n_envs))

        def step(state, keys):
            state, seen = jax.vmap(one)(state, keys)
            return state, jnp.sum(seen)

        return jax.lax.scan(step, state, keys)

    return lambda: run(jax.random.key(0))


def theirs(name: str, n_steps: int) -> Callable[[], Any]:
    """The same in highway-env, one instance, as it has no more."""
    importlib.import_module("highway_env")
    gymnasium = importlib.import_module("gymnasium")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer versions
        env = gymnasium.make(name).unwrapped
    rng = np.random.default_rng(0)
    env.reset(seed=0)

    def run():
        for _ in range(n_steps):
            _, _, terminated, truncated, _ = env.step(int(rng.integers(5)))
            if terminated or truncated:
                env.reset()

    return run


def road(name: str, repeats: int, peers: bool) -> list[Measurement]:
    """One road: rates, their ratio, and what compiling takes."""
    their_name, make, n_envs, n_theirs, n_ours = ROADS[name]
    run = ours(make(), n_envs, n_ours)
    say(f"{name}: first call")
    started = time.process_time()
    jax.block_until_ready(run())
    first = time.process_time() - started
    peer = theirs(their_name, n_theirs) if peers else None
    own, others = [], []
    for number in range(repeats):
        say(f"{name}: repeat {number + 1} of {repeats}")
        own.append(n_ours / seconds(run))
        if peer is not None:
            others.append(n_theirs / seconds(peer))
    lines = [
        measurement(name, "volition", f"steps, {n_envs} at once", "/s", own),
        measurement(name, "volition", "first call", "s", [first]),
    ]
    if peer is None:
        rate = RECORDED[name]
        others = [rate] * repeats
        peer_line = Measurement(
            name, "highway-env", "steps", "/s", rate, rate, rate, 1, recorded=True
        )
    else:
        peer_line = measurement(name, "highway-env", "steps", "/s", others)
    ratios = [a / b for a, b in zip(own, others, strict=True)]
    line = measurement(name, "ratio", f"ratio_{name}", "times", ratios)
    return [*lines, peer_line, line]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    lines = []
    for name in ROADS:
        lines += road(name, options.repeats, options.peers)
    report(lines, options.json)


if __name__ == "__main__":
    main()
