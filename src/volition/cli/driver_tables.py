"""The tables of the study of real drivers."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from volition.cli.table import interval, plain_table
from volition.env.driving import NAMES, UNITS
from volition.evaluation import Estimate
from volition.study import DriverGroup, DriversResult, PeopleResult

COLUMNS = {
    "fde3": "final\n3 s",
    "fde5": "final\n5 s",
    "ade5": "average\n5 s",
    "fde5_best_of_3": "best of 3\nfinal 5 s",
    "neg_log_likelihood": "loss\nnats",
}
GAINS = ("fde5", "neg_log_likelihood")


def errors_table(result: DriversResult) -> Table:
    """One row for everybody who predicts; every number with its interval below it."""
    table = plain_table(
        title="How far predictions are from where real drivers went, m",
        caption=f"{result.n_moments} moments of {result.n_vehicles} vehicles, each "
        "predicted from other vehicles; 95 % over vehicles. loss: of the option that "
        "the driver's path was nearest to. future known: features by what the others "
        "did next, which nobody knew. published features: with our fit. nearest: the "
        "best that any of the options could do.",
    )
    table.add_column("who", no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, no_wrap=True)
    for who, scores in result.scores.items():
        cells = [_number(scores.get(measure), "-") for measure in COLUMNS]
        table.add_row(who.replace(" ", "\n", 1), *cells)
    return table


def weights_table(result: DriversResult) -> Table:
    """One row for each feature: its weight, and its price in speed."""
    table = plain_table(
        title="What drivers want, by what they chose",
        caption="weight: nats for one unit more over the five seconds. price: how much "
        "mean speed one unit less is worth, m/s, where the choices tell. Intervals: "
        "95 % over vehicles.",
    )
    for heading in ("feature", "unit", "weight", "price, m/s"):
        table.add_column(heading)
    for name, weight in result.weights.items():
        table.add_row(
            name, UNITS[name], _number(weight), _number(result.prices.get(name))
        )
    return table


def people_table(weights: dict[str, Estimate], people: PeopleResult) -> Table:
    """One row for each feature: how much its weight differs from driver to driver."""
    table = plain_table(
        title="How drivers differ",
        caption="differs by: standard deviation from driver to driver, 95 % by the "
        "posterior. By choices that share nothing with each other, that drivers differ "
        f"is {people.evidence:+.1f} nats more probable than that they do not.",
    )
    for heading in ("feature", "unit", "weight", "differs by"):
        table.add_column(heading)
    for name, spread in people.spread.items():
        table.add_row(name, UNITS[name], _number(weights[name]), _number(spread))
    return table


def again_table(people: PeopleResult) -> Table:
    """One row for each way to predict drivers who were seen before."""
    table = plain_table(
        title="Drivers who were seen before, predicted again",
        caption=f"{people.n_moments} later moments of {people.n_drivers} drivers, "
        "given their earlier ones; weights and differences are learned from others. "
        "more: than with what all want, in pairs, below 0 where it is better. 95 % "
        "over vehicles.",
    )
    table.add_column("who", no_wrap=True)
    for name in GAINS:
        table.add_column(COLUMNS[name], no_wrap=True)
        table.add_column("more", no_wrap=True)
    for who, scores in people.scores.items():
        cells, ahead = [], people.ahead.get(who, {})
        for name in GAINS:
            cells += [_number(scores[name], "-"), _number(ahead.get(name))]
        table.add_row(who, *cells)
    return table


def groups_table(groups: Sequence[DriverGroup]) -> Table:
    """One column for each group: weights, and prices in speed where they are told."""
    by = groups[0].by
    table = plain_table(
        title=f"Groups of drivers, {by if by == 'found' else 'by ' + by}",
        caption="weights in nats per unit, prices in m/s, as above. gain: nats a "
        "moment by which drivers of the group are predicted better from each other "
        "than from all. Intervals: 95 %, "
        + ("by the posterior." if by == "found" else "over vehicles."),
    )
    table.add_column("feature", no_wrap=True)
    for group in groups:
        table.add_column(escape(group.name))
    table.add_row("vehicles", *(f"{group.n_vehicles:.0f}" for group in groups))
    table.add_row("moments", *(str(group.n_moments) for group in groups))
    if any(group.gain is not None for group in groups):
        table.add_row("gain", *(_number(group.gain) for group in groups))
    for name in NAMES:
        table.add_row(name, *(_number(group.weights[name]) for group in groups))
    for name in NAMES:
        if any(name in group.prices for group in groups):
            cells = (_number(group.prices.get(name)) for group in groups)
            table.add_row(f"price: {name}", *cells)
    return table


def _number(estimate: Estimate | None, to: str = " to ") -> str:
    if estimate is None:
        return ""
    ends = interval(estimate, "{:.2f}" + to + "{:.2f}")
    return f"{estimate.value:.2f}\n{ends}"
