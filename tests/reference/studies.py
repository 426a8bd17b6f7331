"""Folders as studies leave them, with numbers made up by hand."""

import hashlib
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


def evaluated(folder: Path, found: dict) -> None:
    """Leave an evaluation of the results that are there."""
    of = hashlib.sha256((folder / "results.json").read_bytes()).hexdigest()
    (folder / "evaluation.json").write_text(json.dumps({"of": of, "seed": 0} | found))


def a_reward(**changed) -> dict:
    """What an evaluation says of a reward of three terms that does well."""
    exact = one(0.96875, 0.96875, 0.96875, 1, "exact")
    near = one(0.0625, 0.03125, 0.09375, 50, "90 % of rewards of the posterior")
    high = one(0.9375, 0.90625, 0.96875, 10, "90 % of rewards of the posterior")
    boards = one(0.875, 0.75, 1.0, 20, "95 % over boards")
    return {
        "distances": {"EPIC, all": near, "EPIC, spread": near, "STARC": near},
        "known": {"equivalent": 2e-15, "opposite": 1.0},
        "order": {"kendall": one(0.8125, 0.75, 0.875, 60, "95 % over policies")},
        "optimised": {
            "by": {"value iteration": exact, "Q-learning": high},
            "worst": high,
            "worst_optimiser": "Q-learning",
            "left_out": [],
        },
        "other_boards": {
            "here": exact,
            "scaled_return": boards,
            "least": exact,
            "gap": one(0.09375, 0.0, 0.1875, 20, "95 % over boards"),
        },
        "short_form": {
            "reward": "- 1 gas + 9 goal",
            "weights": {"gas": -1.0, "goal": 9.0, "mud": 0.0},
            "terms": ["goal", "gas"],
            "agreement": one(0.96875, 0.9375, 1.0, 200, "95 % over segments"),
            "optimised_agreement": one(0.9375, 0.9, 1.0, 200, "95 % over segments"),
            "scaled_return": 0.984375,
            "faithful": True,
            "message": "2 terms: faithful in the order of usual segments.",
        },
        "counterfactuals": {
            "flipped": one(1.0, 0.832, 1.0, 20, "95 % by the binomial, of decisions"),
            "size": 0.5,
            "examples": ["the first would be preferred with 1 less mud at each step."],
        },
        "rates": {
            "unit_feature": "gas",
            "weights": {},
            "rates": {"mud": one(1.75, 1.5, 2.0, 90, "95 % of the posterior")},
            "notes": {"goal": "no rate: the weight of goal may be 0."},
        },
        "stability": {
            "kendall": one(0.9375, 0.875, 1.0, 500, "95 % over draws"),
            "order": ["goal", "gas", "mud"],
            "flips": {"goal": 0.0, "gas": 0.0, "mud": 0.03125},
            "turned": [],
        },
        "moved": {"gas": [{"answer": 7, "question": 3, "by": -0.125}]},
        "values": {"value": [1.5] * 100, "action": [3] * 100},
    } | changed


def a_drive(**changed) -> dict:
    """What an evaluation says of a highway study."""
    profile = {"share": [1.0, 0.75, 0.25], "low": [0.9, 0.5, 0.0], "high": [1.0] * 3}
    place = {
        "iqm": one(0.9375, 0.875, 1.0, 2, "95 % over runs of each task"),
        "optimality_gap": one(0.0625, 0.0, 0.125, 2, "95 % over runs of each task"),
        "improvement": one(0.75, 0.5, 1.0, 2, "95 % over runs of each task"),
        "profile": profile,
    }
    flat = {"iqm": one(0.0, 0.0, 0.0, 6, "exact, of roads")}
    reward = a_reward()
    for name in ("known", "optimised", "other_boards", "values", "moved"):
        del reward[name]
    reward["short_form"] = reward["short_form"] | {"scaled_return": None}
    learned = {
        "train": place,
        "held out": place,
        "gap": one(0.0, -0.125, 0.125, 5, "95 % over tasks and runs"),
    }
    return {
        "subject": PEOPLE,
        "driving": {
            "scale": "0 is random actions, 1 the best driver of the study on the road",
            "roads": {"train": ["train 0"], "held out": ["denser"]},
            "thresholds": [0.0, 0.5, 1.0],
            "drivers": {WHO[0]: learned, PEOPLE: learned}
            | {"random": {"train": flat, "held out": flat}},
        },
        "reward": reward,
    } | changed


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
    if audited:
        evaluated(folder, a_drive())
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
    evaluated(folder, {"rewards": {name: a_reward()}})
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
