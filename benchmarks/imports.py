"""What importing and calling costs: `python -m benchmarks.imports --json`.

CPU time of fresh processes, in turns, so that all see the same machine: the import
against that of JAX and Equinox, every public name loaded, and help and mistakes in a
call of `volition` against the import of what they need, click and rich.
"""

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys

from benchmarks.measure import Measurement, measurement

COMMAND = "import sys; sys.argv = ['volition', *{!r}.split()]\n" + (
    "from volition.cli.main import main\n"
    "try:\n    main()\nexcept SystemExit:\n    pass\n"
)
PROGRAMS = {
    "import jax, equinox": "import jax, equinox",
    "import jax, equinox, volition": "import jax, equinox, volition",
    "every public name": "import volition as vl\n"
    "for name in dir(vl):\n    getattr(vl, name)\n",
    "import click, rich": "import click, rich",
    "volition --help": COMMAND.format("--help"),
    "volition run --help": COMMAND.format("run --help"),
    "volition rum": COMMAND.format("rum"),
    "volition run --sed 1": COMMAND.format("run --sed 1"),
    "volition audit": COMMAND.format("audit"),
    "volition report nowhere": COMMAND.format("report nowhere"),
}


def seconds_of(program: str) -> float:
    """CPU time of a process, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    )  # of the one process between


def measured(repeats: int) -> list[Measurement]:
    """Times of every program, and how many times as long as its yardstick it takes."""
    for program in PROGRAMS.values():
        seconds_of(program)  # compiled to bytes, and in the cache of the disk
    taken = {name: [] for name in PROGRAMS}
    for _ in range(repeats):
        for name, program in PROGRAMS.items():
            taken[name].append(seconds_of(program))
    lines = [
        measurement(name, "volition", "CPU time", "s", times)
        for name, times in taken.items()
    ]
    base = taken["import jax, equinox"]
    for name in ("import jax, equinox, volition", "every public name"):
        ratios = [one / other for one, other in zip(taken[name], base, strict=True)]
        lines.append(measurement(name, "volition", "ratio", "times", ratios))
    base = taken["import click, rich"]
    for name in PROGRAMS:
        if name.startswith("volition"):
            more = [one - other for one, other in zip(taken[name], base, strict=True)]
            lines.append(measurement(name, "volition", "beyond click, rich", "s", more))
    return lines


def main() -> None:
    """Print each figure, and with --json a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="add a JSON line for each")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    lines = measured(options.repeats)
    for line in lines:
        print(
            f"{line.case}: {line.metric} {line.median:.3g} "
            f"[{line.low:.3g}, {line.high:.3g}] {line.unit}"
        )
    if options.json:
        for line in lines:
            print(json.dumps(dataclasses.asdict(line)))


if __name__ == "__main__":
    main()
