"""The report of the highway study."""

from typing import Any

from volition.evaluation import Estimate
from volition.report.audited import audit_section
from volition.report.contents import Contents
from volition.report.document import (
    Curves,
    Document,
    Intervals,
    Listing,
    Picture,
    Prose,
    Section,
    Table,
)
from volition.report.estimates import estimate, in_words
from volition.report.evaluated import not_evaluated
from volition.report.evaluated_driving import driving_marks, driving_section
from volition.report.provenance import provenance
from volition.report.scorecard import IN_PART, MET, MISSED, Found, scorecard

PLACES = {
    "train": "roads learned on",
    "held out": "roads held out",
    "real": "highway-env",
}
MEASURES = {
    "returns": ("Return", "return of highway-env's own reward", 2),
    "collisions": ("Collisions", "collisions per hour of driving", 1),
    "speed": ("Speed", "mean speed, m/s", 1),
    "crashed": ("Crashed", "share of the episodes that end in a crash", 2),
}
DRAWN = ("collisions", "speed", "returns", "crashed")
CHAPTER, PEOPLE = "speed - collision", "answers of people"
BLIND = ("always braking", "always idle", "random")
MOST_TERMS = 8  # U1 of the scorecard

Scores = dict[str, dict[str, dict[str, Estimate]]]


def highway_document(contents: Contents) -> Document:
    """What a car does that optimises each reward, and what the audit says of it.

    Args:
        contents: of the study's folder.
    """
    results = contents.results
    scores: Scores = {
        who: {
            where: {name: estimate(score[name]) for name in MEASURES}
            for where, score in places.items()
        }
        for who, places in results["scores"].items()
    }
    sections = [
        _driving(scores),
        *_prices(results),
        *_answers(results),
        *_curves(results),
        driving_section(contents.evaluation)
        if contents.evaluation
        else not_evaluated("volition evaluate FOLDER"),
        audit_section(contents, "volition audit FOLDER"),
        Section(
            "scorecard",
            "Scorecard",
            (Prose(_subject(scores)), *scorecard(_marks(contents, scores))),
        ),
        *_episodes(contents, scores),
        provenance(contents, _how(contents)),
    ]
    return Document(
        "Highway study: what a reward for a car leads to",
        _lead(contents, scores),
        tuple(sections),
    )


def _subject(scores: Scores) -> str:
    subject = (
        "the reward that the answers of a simulated person led to"
        if PEOPLE in scores
        else f"the reward of the textbook, {CHAPTER}"
    )
    return (
        f"Three axes, none of which makes up for another, about {subject}. What this "
        "study does not measure stands here as not measured."
    )


def _lead(contents: Contents, scores: Scores) -> tuple[str, ...]:
    own = scores[CHAPTER]["train"]
    lead = (
        f"A car that optimises {CHAPTER} drives at {own['speed'].value:.1f} m/s and "
        f"collides {in_words(own['collisions'], 1)} times an hour on the roads that it "
        "learned on."
    )
    if PEOPLE in scores:
        other = scores[PEOPLE]["train"]
        collisions = in_words(other["collisions"], 1)
        n = contents.config["n_answers"]
        lead += (
            f" One that learned from {n} answers of a simulated person, who said which "
            "of two drives is better, drives at "
            f"{other['speed'].value:.1f} m/s and collides {collisions} times."
        )
    if contents.audit is None:
        return lead, "The reward was not audited."
    n = len(contents.audit["findings"])
    return (
        lead,
        f"The audit of {contents.audit['subject']} says {contents.audit['verdict']}, "
        f"with {n} finding{'s' if n != 1 else ''}.",
    )


def _driving(scores: Scores) -> Section:
    places = [place for place in PLACES if place in next(iter(scores.values()))]
    charts = tuple(
        Intervals(
            MEASURES[name][0],
            MEASURES[name][1],
            tuple(PLACES[place] for place in places),
            tuple(
                (who, tuple(score[place][name] for place in places))
                for who, score in scores.items()
            ),
        )
        for name in DRAWN
    )
    tables = [
        Table(
            f"Driving on {PLACES[place]}",
            ("who", *(unit for _, unit, _ in MEASURES.values())),
            tuple(
                (who, *(score[place][name] for name in MEASURES))
                for who, score in scores.items()
            ),
            (0, *(digits for _, _, digits in MEASURES.values())),
            _note(scores, place),
        )
        for place in places
    ]
    others = [place for place in next(iter(scores.values())) if place not in PLACES]
    tables.append(
        Table(
            "Collisions per hour on each held-out road",
            ("who", *others),
            tuple(
                (who, *(score[place]["collisions"] for place in others))
                for who, score in scores.items()
            ),
            (0, *(1 for _ in others)),
        )
    )
    return Section("driving", "Who drives how", (charts, *tables))


def _note(scores: Scores, place: str) -> str:
    seeds = next(iter(scores.values()))[place]["returns"]
    blind = [scores[who][place]["returns"] for who in BLIND if who in scores]
    n = f" ({blind[0].n})" if blind else ""
    return (
        f"Intervals: {seeds.interval} ({seeds.n}); of {', '.join(BLIND)} over "
        f"episodes{n}."
    )


def _prices(results: dict[str, Any]) -> tuple[Section, ...]:
    if "bargain" not in results:
        return ()
    return (
        Section(
            "price",
            "What a collision costs",
            (Prose(results["bargain"].replace("`", "")),),
        ),
    )


def _answers(results: dict[str, Any]) -> tuple[Section, ...]:
    """The weights of the reward that was learned, of each seed."""
    if not results["rewards"]:
        return ()
    title = "What the answers said"
    if not results.get("weights"):
        said = [
            f"Seed {number}: {words}."
            for number, words in enumerate(results["rewards"])
        ]
        return (Section("answers", title, (Listing(tuple(said)),)),)
    names = tuple(results["weights"][0])
    seeds = [
        {name: estimate(value) for name, value in each.items()}
        for each in results["weights"]
    ]
    chart = Intervals(
        "Weight of each feature, first seed",
        "reward units per unit of the feature",
        ("weight",),
        tuple((name, (seeds[0][name],)) for name in names),
        zero=True,
    )
    table = Table(
        "Weight of each feature, by seed",
        ("feature", *(f"seed {number}" for number in range(len(seeds)))),
        tuple((name, *(seed[name] for seed in seeds)) for name in names),
        (0, *(3 for _ in seeds)),
        f"Median and {seeds[0][names[0]].interval}. A weight whose interval holds 0 is "
        "one that the answers do not tell from 0.",
    )
    told = Prose(
        f"To the first of {len(seeds)} seeds they said: {results['rewards'][0]}."
    )
    return (Section("answers", title, (told, (chart,), table)),)


def _curves(results: dict[str, Any]) -> tuple[Section, ...]:
    if not results.get("curves"):
        return ()
    charts = tuple(
        Curves(
            who,
            "steps",
            "mean return, own units",
            tuple(map(float, curve["step"])),
            tuple(tuple(run) for run in curve["mean_return"]),
        )
        for who, curve in results["curves"].items()
    )
    table = Table(
        "Mean return in the last stretch of learning",
        ("reward", *(f"seed {number}" for number in range(len(charts[0].runs)))),
        tuple((chart.title, *(_last(run) for run in chart.runs)) for chart in charts),
        note="Each by the reward that was learned, in units of its own: rows cannot be "
        "compared with each other.",
    )
    return (
        Section(
            "learning",
            "How they learned",
            (Prose("Thin: each seed. Thick: their mean."), charts, table),
        ),
    )


def _last(run: tuple[float | None, ...]) -> str:
    last = run[-1] if run else None
    return "none ended" if last is None else f"{last:.2f}"


def _episodes(contents: Contents, scores: Scores) -> tuple[Section, ...]:
    """The same start, driven by what each reward taught."""
    words = {one["who"]: one["words"] for one in contents.results.get("episodes", ())}
    pictures = tuple(
        Picture(
            name,
            contents.pictures[name],
            f"Moments of a drive by {who}, from above, the car in blue. "
            f"{words.get(who, '')}".strip(),
            f"{who}: {words[who]}" if who in words else who,
        )
        for number, who in enumerate(who for who in scores if who not in BLIND)
        if (name := f"episode-{number}.png") in contents.pictures
    )
    if not pictures:
        return ()
    return (Section("drives", "The same start, driven by each", (pictures,)),)


def _how(contents: Contents) -> tuple[str, ...]:
    config = contents.config
    how = [
        f"Each reward was learned {config['n_seeds']} times, {config['n_steps']:,} "
        f"steps each, and driven {config['n_episodes']} times on each road.",
        "Roads, densities and drivers that are held out were not learned on.",
    ]
    if config["n_answers"]:
        how.append(
            f"The {config['n_answers']} answers are those of a simulated person who "
            "prefers what highway-env's own reward prefers, with some chance: no "
            "people were asked."
        )
        if config.get("findings"):
            how.append(
                "From the second round on all questions are about what the policy of "
                "the moment did, beside what else it could have done from the same "
                "state."
            )
    return tuple(how)


def _marks(contents: Contents, scores: Scores) -> dict[str, Found]:
    """What the study says about the marks of the scorecard."""
    found = _of_the_run(contents, scores)
    if contents.evaluation:
        found |= driving_marks(contents.evaluation)
    return found


def _of_the_run(contents: Contents, scores: Scores) -> dict[str, Found]:
    """What its results say, without an evaluation."""
    found = {}
    subject = PEOPLE if PEOPLE in scores else CHAPTER
    here, there = (_scaled(scores, subject, place) for place in ("train", "held out"))
    words = (
        f"{here:.2f} here, {there:.2f} held out, if 1 is the best of those who drove "
        "in this study; how well one could drive is not known"
    )
    found["A5"] = Found(IN_PART, words)
    found["C6"] = Found(
        IN_PART,
        f"{max(here - there, 0.0):.2f} lower on roads held out; nobody was left out",
    )
    if contents.audit is not None:
        found["U7"] = _replayed(contents)
    if subject == CHAPTER:
        found["U1"] = Found(MET, "2 terms")
        return found
    weights = contents.results.get("weights")
    if not weights:
        return found
    told = [
        name for name, one in weights[0].items() if one["low"] > 0 or one["high"] < 0
    ]
    n = len(weights[0])
    found["U1"] = Found(
        MET if n <= MOST_TERMS else MISSED,
        f"{n} terms; the answers to the first seed tell {len(told)} from 0",
    )
    found["C5"] = Found(
        IN_PART, f"{n - len(told)} weights are listed as not told from 0"
    )
    turned = _turned(weights)
    found["U4"] = Found(
        IN_PART,
        f"over {len(weights)} seeds, terms told from 0 that change sign: "
        f"{', '.join(turned) or 'none'}",
    )
    return found


def _turned(weights: list[dict[str, dict[str, float]]]) -> list[str]:
    """Features told from 0 with one sign in a seed and with the other in another."""
    names = weights[0]
    up = {name for name in names if any(each[name]["low"] > 0 for each in weights)}
    down = {name for name in names if any(each[name]["high"] < 0 for each in weights)}
    return [name for name in names if name in up & down]


def _replayed(contents: Contents) -> Found:
    assert contents.audit is not None
    findings = contents.audit["findings"]
    if not findings:
        return Found(IN_PART, "nothing was found that could be shown")
    shown = [
        all(episode["picture"] in contents.pictures for episode in one["episodes"])
        for one in findings
    ]
    words = f"{sum(shown)} of {len(shown)} findings with a replay"
    return Found(MET if all(shown) else MISSED, words)


def _scaled(scores: Scores, who: str, place: str) -> float:
    """Return between that of random actions, 0, and of the best of the study, 1."""
    returns = {name: score[place]["returns"].value for name, score in scores.items()}
    worst, best = returns["random"], max(returns.values())
    return (returns[who] - worst) / (best - worst) if best > worst else 0.0
