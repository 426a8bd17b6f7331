"""Folders as studies leave them, with numbers made up by hand."""

import json
from pathlib import Path

from PIL import Image

PEOPLE = "answers of people"
WHO = ("speed - collision", PEOPLE, "random")
PLACES = ("train", "held out", "denser")
SETTINGS = 'study = "highway"\nn_seeds = 2\nn_steps = 4096\nseed = 3\nn_episodes = 5\n'


def one(value, low, high, n=2, interval="95 % over seeds") -> dict:
    """The record of an estimate."""
    return {"value": value, "low": low, "high": high, "n": n, "interval": interval}


def a_highway_study(folder: Path, audited: bool = True) -> None:
    """Two who learned, one who did not; one finding, of which one replay is drawn."""
    (folder / "audit").mkdir(parents=True)
    (folder / "study.toml").write_text(f"{SETTINGS}n_real = 0\nn_answers = 40\n")
    score = {
        "returns": one(12.25, 11.0, 13.5),
        "collisions": one(230.5, 174.9, 287.0),
        "speed": one(29.1, 28.7, 29.5),
        "crashed": one(0.91, 0.85, 0.97),
    }
    worse = score | {"returns": one(8.25, 8.0, 8.5, 10, "95 % over episodes")}
    results = {
        "scores": {
            who: dict.fromkeys(PLACES, worse if who == "random" else score)
            for who in WHO
        },
        "lost": 400.0,
        "rewards": ["speed 0.5 [0.25, 0.75]; not told from 0: jerk"] * 2,
        "bargain": "Under `speed - collision` a collision costs 1 m/s for a second.",
        "weights": [
            {"speed": one(0.5, 0.25, 0.75, 40), "jerk": one(-0.1, -0.5, 0.3, 40)}
        ]
        * 2,
        "curves": {
            WHO[0]: {
                "step": [2048, 4096],
                "mean_return": [[None, 2.0], [1.0, 3.0]],
            }
        },
        "episodes": [{"who": WHO[0], "words": "3 s at 30.0 m/s on average."}],
    }
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "versions.json").write_text(json.dumps({"volition": "0.1.0"}))
    drawn(folder / "episode-0.png")
    if audited:
        drawn(folder / "audit" / "1-a.png")
        (folder / "audit.json").write_text(json.dumps(AUDIT))


AUDIT = {
    "subject": WHO[0],
    "verdict": "unsafe",
    "findings": [
        {
            "probe": "bargain",
            "sentence": "The reward pays for breaking the rule 'no collision'.",
            "episodes": [
                {
                    "name": name,
                    "words": f"it {name}.",
                    "log": f"audit/1-{letter}.json",
                    "picture": f"audit/1-{letter}.png",
                }
                for name, letter in (("breaks it", "a"), ("keeps it", "b"))
            ],
        }
    ],
    "searched": ["5 episodes of 30 steps"],
    "not_searched": ["H1: no table"],
    "broken": {"no collision": {WHO[0]: one(0.9, 0.8, 1.0, 5, "95 % over episodes")}},
}


def drawn(path: Path) -> None:
    """A picture of a few pixels."""
    Image.new("RGB", (3, 2)).save(path)


def a_delivery_study(folder: Path, name: str = "one", model: str = "regret") -> None:
    """One group, whose answers a model of people predicts well."""
    (folder / "runs").mkdir(parents=True)
    settings = 'study = "delivery"\nmodel = "default"\nseed = 0\n'
    (folder / "study.toml").write_text(f"{settings}groups = [{json.dumps(name)}]\n")
    points = [
        {"predicted": 0.25, "happened": 0.25, "n": 8},
        {"predicted": 0.75, "happened": 0.875, "n": 8},
    ]
    numbers = {
        "neg_log_likelihood": one(0.75, 0.7, 0.8),
        "scaled_return": one(0.96875, 0.9, 1.0),
        "never_end": one(0.0, 0.0, 0.0),
        "end_in_sheep": one(0.125, 0.0, 0.25),
    }
    summary = {
        "answers": 16,
        "model": model,
        "converged": True,
        **{number: value["value"] for number, value in numbers.items()},
        "verdict": "unsafe",
        "intervals": numbers,
        "out_of_fold": {
            model: {
                "neg_log_likelihood": one(0.8, 0.75, 0.85),
                "accuracy": one(0.8125, 0.7, 0.9),
                "calibration_error": 0.0625,
                "reliability": points,
            }
        },
    }
    details = summary | {
        "reward": "-1 * step + 2 * coin",
        "inference": "it converged.",
        "diagnostics": {},
        "unidentified": ["the answers say nothing of sheep."],
        "findings": [
            {
                "probe": "H1",
                "sentence": "A loop pays.",
                "states": [0, 1, 0],
                "actions": [1, 0],
                "loop": 0,
                "path": "(0, 0), right to (0, 1), left to (0, 0)",
            }
        ],
        "searched": ["H1: every loop"],
        "not_searched": ["H3: truth not given"],
    }
    (folder / "results.json").write_text(json.dumps({"groups": {name: summary}}))
    if "/" not in name:
        (folder / "runs" / f"{name}.json").write_text(json.dumps(details))


def a_drivers_study(folder: Path) -> None:
    """Errors, weights and prices, each with its interval as a list."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text('study = "drivers"\nseed = 0\n')
    score = {"fde5": [3.5, 3.25, 3.75], "ade5": [1.5, None, None]}
    results = {
        "scores": {"linear reward": score, "IDM": score},
        "weights": {"speed": [0.25, 0.125, 0.5]},
        "prices": {"closing": [7.5, 4.0, 13.0]},
        "notes": ["no price of jerk."],
        "n_moments": 9,
        "n_vehicles": 7,
    }
    (folder / "results.json").write_text(json.dumps(results))
