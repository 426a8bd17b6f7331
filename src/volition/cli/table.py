"""The table of a study's results."""

from rich import box
from rich.markup import escape
from rich.table import Table

from volition.evaluation import Estimate
from volition.study import GroupResult

COLOURS = {"clean": "green", "conditional": "yellow", "unsafe": "red"}
PLAIN = "default"  # of a verdict that says how much was looked at


def plain_table(title: str, caption: str) -> Table:
    """An empty table as all of ours look."""
    return Table(
        title=title,
        caption=caption,
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
        caption_justify="left",
    )


def results_table(results: dict[str, GroupResult]) -> Table:
    """One row for each group; every number with its interval below it."""
    table = plain_table(
        title="What was learned from the answers, and what optimising it leads to",
        caption="n: answers. loss: negative log-likelihood, nats per answer, out of "
        "fold (plain: as fitted), 95 % over questions. Then planning with the mean "
        "reward, and below it the middle 90 % of planning with each of 100 rewards of "
        "the posterior; return: scaled, 1 best, 0 random actions. verdict: of the "
        "audit of the mean reward, and in how many of its checks nothing was found.",
    )
    for heading in ("group\nmodel of people", "n", "loss", "return"):
        table.add_column(heading, no_wrap=True)
    for heading in ("never\nend", "end in\nsheep", "verdict"):
        table.add_column(heading, no_wrap=True)
    for name, result in results.items():
        fold = result.out_of_fold.get(result.model)
        verdict = result.audit.verdict
        table.add_row(
            f"{escape(name)}\n{result.model}{_flag(result)}",
            str(len(result.posterior.problem.answers)),
            _number(fold.neg_log_likelihood)
            if fold
            else _number(result.neg_log_likelihood),
            _number(result.scaled_return),
            _share(result.never_end),
            _share(result.end_in_sheep),
            f"[{COLOURS.get(verdict, PLAIN)}]{_in_two_lines(verdict)}[/]",
        )
    return table


def _in_two_lines(verdict: str) -> str:
    """A verdict as narrow as the others: nothing found, in 5 of 17."""
    return verdict.removesuffix(" checks").replace(" found in ", " found\nin ")


def models_table(results: dict[str, GroupResult]) -> Table:
    """How well each model of people predicts answers that it was not fitted to."""
    table = plain_table(
        title="Loss of each model of people, out of fold",
        caption="negative log-likelihood, nats per answer, and 95 % over questions.",
    )
    table.add_column("group", no_wrap=True)
    names = next(iter(results.values())).out_of_fold
    for name in names:
        table.add_column(name, no_wrap=True)
    for group, result in results.items():
        scores = result.out_of_fold
        cells = [_number(scores[name].neg_log_likelihood) for name in names]
        table.add_row(escape(group), *cells)
    return table


def _flag(result: GroupResult) -> str:
    """Beside the numbers that cannot be used."""
    if result.posterior.result.converged:
        return ""
    return "\n[red]NOT CONVERGED[/]"


def interval(estimate: Estimate, form: str) -> str:
    """Both ends of an estimate's interval, or that there is none.

    Example:
        >>> interval(Estimate(0.5, 0.25, 0.75, 8, "95 %"), "{:.1f} to {:.1f}")
        '0.2 to 0.8'
        >>> interval(Estimate(0.5, float("nan"), float("nan"), 1, "none"), "{}, {}")
        'no interval'
    """
    if not estimate.has_interval:
        return "no interval"
    return form.format(estimate.low, estimate.high)


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}\n" + interval(estimate, "\\[{:.2f}, {:.2f}]")


def _share(estimate: Estimate) -> str:
    if not estimate.has_interval:
        return f"{estimate.value:.0%}\nno interval"
    return f"{estimate.value:.0%}\n{estimate.low * 100:.0f}-{estimate.high:.0%}"
