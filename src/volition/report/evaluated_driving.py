"""The part of a highway study's report that says what its evaluation found."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from volition.evaluation import Estimate
from volition.report.document import (
    Bands,
    Intervals,
    Prose,
    Section,
    Table,
    rounded,
)
from volition.report.estimates import cell, estimate, with_interval
from volition.report.evaluated import (
    GOOD_HERE,
    GOOD_THERE,
    MOST_LOWER,
    NEAR,
    TITLE,
    rates_mark,
    short_blocks,
    short_mark,
    steady_mark,
    terms_mark,
    turns_mark,
)
from volition.report.scorecard import IN_PART, MISSED, Found

WHERE = {"train": "roads learned on", "held out": "roads held out"}
IN_A_TABLE = (0.0, 0.25, 0.5, 0.75, 0.9)  # thresholds of the profile


def driving_section(evaluation: Mapping[str, Any]) -> Section:
    """Who drives how over all seeds and roads, and what the reward comes down to."""
    driving, reward = evaluation["driving"], evaluation["reward"]
    drivers = driving["drivers"]
    n_roads = {where: len(roads) for where, roads in driving["roads"].items()}
    learned = {who: one for who, one in drivers.items() if "gap" in one}
    n = next(iter(learned.values()))["train"]["iqm"]["n"]
    intro = Prose(
        f"All policies drove {n_roads['train']} roads that were learned on and "
        f"{n_roads['held out']} that were held out once more, everybody the same "
        "episodes. Returns of highway-env's own reward are scaled: "
        f"{driving['scale']}. Intervals: stratified bootstrap over {n} seeds on each "
        "road, 95 %."
    )
    chart = Intervals(
        "Interquartile mean",
        "scaled return",
        tuple(WHERE.values()),
        tuple(
            (who, tuple(estimate(one[where]["iqm"]) for where in WHERE))
            for who, one in drivers.items()
        ),
    )
    return Section(
        "evaluation",
        TITLE,
        (
            intro,
            (chart, *_profiles(driving, learned)),
            *_tables(drivers, learned),
            _profile_table(driving, learned),
            _distances(evaluation["subject"], reward),
            *short_blocks(reward),
            *_rates(reward),
        ),
    )


def _profiles(
    driving: Mapping[str, Any], learned: Mapping[str, Any]
) -> tuple[Bands, ...]:
    x = tuple(driving["thresholds"])
    return tuple(
        Bands(
            f"Performance profile, {who}",
            "scaled return",
            "share of runs above",
            x,
            tuple(
                (
                    words,
                    tuple(one[where]["profile"]["share"]),
                    tuple(one[where]["profile"]["low"]),
                    tuple(one[where]["profile"]["high"]),
                )
                for where, words in WHERE.items()
            ),
        )
        for who, one in learned.items()
    )


def _profile_table(driving: Mapping[str, Any], learned: Mapping[str, Any]) -> Table:
    """The profile at a few thresholds, as numbers."""
    at = np.asarray(driving["thresholds"])
    places = [int(np.argmin(np.abs(at - threshold))) for threshold in IN_A_TABLE]
    rows = tuple(
        (f"{who}, {words}", *(_share(one[where], place) for place in places))
        for who, one in learned.items()
        for where, words in WHERE.items()
    )
    columns = tuple(f"above {rounded(float(at[place]), 2)}" for place in places)
    return Table("Share of runs above a scaled return", ("who", *columns), rows)


def _share(one: Mapping[str, Any], place: int) -> Estimate:
    share, low, high = (
        float(one["profile"][end][place]) for end in ("share", "low", "high")
    )
    return Estimate(share, low, high, one["iqm"]["n"], one["iqm"]["interval"])


def _tables(drivers: Mapping[str, Any], learned: Mapping[str, Any]) -> list[Table]:
    means = Table(
        "Interquartile mean of scaled returns",
        ("who", *WHERE.values(), "lower where held out"),
        tuple(
            (
                who,
                *(cell(one[where]["iqm"]) for where in WHERE),
                cell(one["gap"]) if "gap" in one else "—",
            )
            for who, one in drivers.items()
        ),
        (0, 3, 3, 3),
        "The difference is of means over roads, its interval over roads and seeds.",
    )
    held = Table(
        "On roads held out",
        ("who", "optimality gap", "probability of improvement over always braking"),
        tuple(
            (
                who,
                cell(one["held out"]["optimality_gap"]),
                cell(one["held out"]["improvement"]),
            )
            for who, one in learned.items()
        ),
        (0, 3, 3),
        "The gap is how far runs stay below 1 on average. Compared is with the mean "
        "of who always brakes in the same episodes, on each road.",
    )
    return [means, held]


def _distances(subject: str, reward: Mapping[str, Any]) -> Table:
    rows = [(name, cell(one)) for name, one in reward["distances"].items()]
    tau = reward["order"]["kendall"]
    rows.append(("order of policies, Kendall's tau", cell(tau)))
    return Table(
        f"The reward of {subject} beside highway-env's own",
        ("measure", "value"),
        tuple(rows),
        (0, 3),
        "EPIC of sampled transitions and the distance of returns, each over three "
        f"coverages: 0 the same, 1 the opposite. Intervals: {tau['interval']} "
        f"(n = {tau['n']}).",
    )


def _rates(reward: Mapping[str, Any]) -> tuple[Table | Prose, ...]:
    found = reward.get("rates")
    if found is None:
        return ()
    if not found["rates"]:
        return (
            Prose(
                "No exchange rate is told: no two weights are told from 0 in every "
                "seed."
            ),
        )
    rows = tuple((name, cell(one)) for name, one in found["rates"].items())
    return (
        Table(
            "Exchange rates",
            ("one of", f"is worth so many {found['unit_feature']}"),
            rows,
            (0, 2),
            "Only of weights that every seed tells from 0; 95 % over seeds.",
        ),
    )


def driving_marks(evaluation: Mapping[str, Any]) -> dict[str, Found]:
    """What the evaluation of a highway study says about the scorecard."""
    reward = evaluation["reward"]
    own = evaluation["driving"]["drivers"][evaluation["subject"]]
    found: dict[str, Found | None] = {
        "A4": _near(reward),
        "A5": _earns(own),
        "C6": _elsewhere(own),
        "U1": terms_mark(reward),
        "U2": short_mark(reward),
        "U3": rates_mark(reward),
        "U4": steady_mark(reward),
        "U6": turns_mark(reward),
    }
    return {mark: one for mark, one in found.items() if one is not None}


def _near(reward: Mapping[str, Any]) -> Found:
    spread = reward["distances"]["EPIC, spread"]
    most = max(
        one["value"]
        for name, one in reward["distances"].items()
        if name.startswith("EPIC") and name != "EPIC, spread"
    )
    words = (
        f"EPIC at most {most:.2f} over three coverages, differs by "
        f"{with_interval(spread)}; STARC takes a table, which roads have not"
    )
    near = spread["value"] <= NEAR and most <= NEAR
    return Found(IN_PART if near else MISSED, words)


def _earns(own: Mapping[str, Any]) -> Found:
    here, there = own["train"]["iqm"], own["held out"]["iqm"]
    fine = here["value"] >= GOOD_HERE and there["value"] >= GOOD_THERE
    words = (
        f"{with_interval(here)} here, {with_interval(there)} held out, if 1 is the "
        "best of those who drove; one optimiser, and how well one could drive is not "
        "known"
    )
    return Found(IN_PART if fine else MISSED, words)


def _elsewhere(own: Mapping[str, Any]) -> Found:
    gap = own["gap"]
    words = f"{with_interval(gap)} lower on roads held out; no person left out"
    return Found(IN_PART if gap["value"] <= MOST_LOWER else MISSED, words)
