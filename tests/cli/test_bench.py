"""All figures of `volition bench tabular`, from few and short runs."""

import functools
import json
import sys

import numpy as np
from PIL import Image

from volition.env import changing_maze
from volition.report.textbook import FIGURES
from volition.study import finer_mazes, sutton_barto as book
from volition.value import SARSA

SMALL = {
    "blackjack": {"n_runs": 2, "n_steps": 5_000},
    "windy": {"n_runs": 2},
    "cliff": {"n_runs": 2},
    "bias": {"n_runs": 4},
    "random_walk": {"n_runs": 2},
    "maze": {"n_runs": 2},
    "changing_maze": {"n_runs": 2},
    "mountain_car": {"n_runs": 2, "n_episodes": 50},
}


# Compiling takes the time: what is drawn from fewer programs. Both mazes that change do
# so alike, and share theirs.
def change() -> book.Change:
    right, left = changing_maze(right=True), changing_maze(left=True)
    return book.Change(right, left, 1000, 3000)


SHORT = {
    "CLIFF": {"SARSA": SARSA},
    "WALK_N": (4,),
    "MAZE_PLANNING": (5,),
    "CHANGES": {"blocking": change, "shortcut": change},
    "CAR_SETTINGS": ((0.3, 8),),
}


def test_every_figure_is_drawn_and_has_its_numbers(volition, tmp_path, monkeypatch):
    for name, sizes in SMALL.items():
        small = functools.partial(getattr(book, name), **sizes)
        monkeypatch.setattr(book, name, small)
    for name, value in SHORT.items():
        monkeypatch.setattr(book, name, value)
    few = functools.partial(finer_mazes.until_short, n_runs=2)
    monkeypatch.setattr(finer_mazes, "until_short", few)
    monkeypatch.setattr(finer_mazes, "SCALES", (1,))
    out = tmp_path / "figures"
    done = volition("bench", "tabular", "--out", str(out), "--json")
    assert done.code == 0
    numbers = json.loads(done.out.splitlines()[-1])
    assert len(numbers) == len(FIGURES)
    assert {path.stem for path in out.iterdir()} == set(numbers)
    for name, rows in numbers.items():
        with Image.open(out / f"{name}.png") as picture:
            pixels = np.asarray(picture.convert("L"))
        assert min(pixels.shape) > 500
        assert 0.01 < (pixels < 250).mean() < 0.9  # neither empty nor full
        assert rows
        for one in rows.values():
            assert one["low"] <= one["value"] <= one["high"]
    # As each run has its own key, runs differ, and so do intervals' ends.
    assert any(one["low"] < one["high"] for one in numbers["6.6-cliff"].values())


def test_without_matplotlib_one_sentence_says_what_to_install(volition, monkeypatch):
    monkeypatch.setitem(sys.modules, "volition.report.textbook", None)
    done = volition("bench", "tabular")
    assert done.code == 2
    assert "pip install 'volition[report]'" in done.err
