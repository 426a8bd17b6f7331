"""Driving on a GPU, steps a second: `python -m benchmarks.simulator_gpu`."""

import time

import jax

from benchmarks.measure import Measurement, arguments, measurement, report, say
from benchmarks.simulator import ROADS, ours

# Random actions, observation and new beginnings included, as on the processor's core.
INSTANCES = (4_096, 16_384, 65_536)
N_STEPS = 100  # of each instance


def road(name: str, n_envs: int, repeats: int) -> list[Measurement]:
    """One road with so many instances: rate by the wall clock, first call apart."""
    run = ours(ROADS[name][1](), n_envs, N_STEPS * n_envs)

    def taken() -> float:
        started = time.perf_counter()
        jax.block_until_ready(run())
        return time.perf_counter() - started

    say(f"{name}, {n_envs:,} at once: first call")
    first = taken()
    say(f"{name}, {n_envs:,} at once: {repeats} repeats")
    found = [N_STEPS * n_envs / taken() for _ in range(repeats)]
    case = f"{name}, {n_envs:,} at once"
    return [
        measurement(case, "volition", "steps", "/s", found),
        measurement(case, "volition", "first call", "s", [first]),
    ]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    device = jax.devices()[0]
    if device.platform == "cpu":
        raise SystemExit("JAX finds no GPU here: benchmarks.simulator is for CPUs.")
    say(f"{device.device_kind}, 32 bits")
    lines = []
    for n_envs in INSTANCES:
        for name in ("highway_fast", "merge"):
            lines += road(name, n_envs, options.repeats)
            report(lines[-2:], False)
    report(lines, options.json)


if __name__ == "__main__":
    main()
