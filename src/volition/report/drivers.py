"""The report of the study of recorded drivers."""

from typing import Any

from volition.evaluation import Estimate
from volition.report.contents import Contents
from volition.report.document import Document, Intervals, Listing, Prose, Section, Table
from volition.report.estimates import in_words
from volition.report.provenance import provenance
from volition.report.scorecard import IN_PART, Found, scorecard

OURS = "linear reward"
MEASURES = {
    "fde5": "off after 5 s, m",
    "fde5_best_of_3": "off after 5 s, best of 3, m",
    "ade5": "off over 5 s, m",
    "neg_log_likelihood": "loss, nats a choice",
}


def drivers_document(contents: Contents) -> Document:
    """What drivers on a motorway wanted, and how well that says where others go.

    Args:
        contents: of the study's folder.
    """
    results = contents.results
    n = results["n_vehicles"]
    of = lambda triple: _estimate(triple, n)
    scores = {
        who: {name: of(score[name]) for name in MEASURES if name in score}
        for who, score in results["scores"].items()
    }
    off = scores[OURS]["fde5"]
    lead = (
        f"From {results['n_moments']} moments of {n} drivers: by a reward that is "
        f"linear in named features, the place of drivers that were not learned from is "
        f"foretold {in_words(off, 2)} m off, 5 s ahead."
    )
    marks = {
        "A1": Found(IN_PART, f"{in_words(off, 2)} m off after 5 s; see the table"),
        "U3": Found(IN_PART, f"{len(results['prices'])} weights have a price"),
    }
    weights = {name: of(each) for name, each in results["weights"].items()}
    about = Prose(
        "Three axes, none of which makes up for another, about the linear reward. "
        "What this study does not measure stands here as not measured."
    )
    notes = tuple(str(note) for note in results["notes"])
    sections = (
        Section("errors", "How well others are foretold", _errors(scores, n)),
        Section(
            "weights",
            "What drivers want",
            (
                (_chart(weights),),
                _named("Weight of each feature", "weight", weights, n),
                _named(
                    "Prices: what it is worth in mean speed, m/s",
                    "price",
                    {name: of(each) for name, each in results["prices"].items()},
                    n,
                ),
                *((Listing(notes),) if notes else ()),
            ),
        ),
        Section("scorecard", "Scorecard", (about, *scorecard(marks))),
        provenance(contents, ("Who is foretold was not learned from.",)),
    )
    return Document("Drivers study: what drivers wanted", (lead,), sections)


def _estimate(triple: Any, n: int) -> Estimate:
    value, low, high = (
        float("nan") if number is None else float(number) for number in triple
    )
    return Estimate(value, low, high, n, "95 % over vehicles")


def _errors(scores: dict[str, dict[str, Estimate]], n: int) -> tuple[Any, ...]:
    chart = Intervals(
        "Off after 5 s",
        "m, the likeliest of its predictions",
        ("fde5",),
        tuple((who, (score["fde5"],)) for who, score in scores.items()),
    )
    table = Table(
        "How far predictions are off",
        ("who foretells", *MEASURES.values()),
        tuple(
            (who, *(score.get(name, "—") for name in MEASURES))
            for who, score in scores.items()
        ),
        note=f"95 % over {n} vehicles; each foretold by what others did.",
    )
    return ((chart,), table)


def _chart(weights: dict[str, Estimate]) -> Intervals:
    return Intervals(
        "Weight of each feature",
        "nats per unit of the feature",
        ("weight",),
        tuple((name, (one,)) for name, one in weights.items()),
        zero=True,
    )


def _named(caption: str, heading: str, each: dict[str, Estimate], n: int) -> Table:
    rows = tuple(each.items())
    note = f"Over {n} vehicles."
    return Table(caption, ("feature", heading), rows, (0, 2), note)
