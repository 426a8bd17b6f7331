"""Help and mistakes in a call are answered at once, without JAX."""

import subprocess
import sys

import pytest

from volition.cli import usage
from volition.cli.drive import ROADS
from volition.cli.label import SHOWS
from volition.env.driving.simulator import ACTIONS
from volition.study import MODELS
from volition.study.clips import CLIPS

CALLS = [
    "",
    "--help",
    "--version",
    "--verzion",
    "rum",
    "run --help",
    "run cooking",
    "run --seed -1",
    "run --sed 1",
    "run highway --model plain",
    "run delivery --seeds 3",
    "run delivery",
    "run simulated --data here",
    "audit",
    "audit nowhere",
    "audit nowhere --out there",
    "bench",
    "bench tabular --help",
    "drive",
    "drive highwy",
    "drive highway --policy fastr",
    "evaluate nowhere",
    "label",
    "label study --n 0",
    "label study --person ''",
    "report nowhere",
    "report here --json --markdown",
]
PROGRAM = """
import shlex, sys
from volition.cli.main import main
sys.argv = ["volition", *shlex.split(sys.argv[1])]
try:
    main()
except SystemExit:
    pass
heavy = {"jax", "numpy", "scipy", "gymnasium", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize("call", CALLS)
def test_help_and_mistakes_need_no_jax(call, tmp_path, monkeypatch):
    monkeypatch.delenv("VOLITION_DATA", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, call],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_listed_twice_are_the_same():
    assert tuple(ROADS) == usage.ROADS
    assert usage.ACTIONS == ACTIONS
    assert usage.MODELS == MODELS
    assert usage.ASKED_ABOUT == tuple(CLIPS) == tuple(SHOWS)
