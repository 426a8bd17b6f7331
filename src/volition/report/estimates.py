"""Estimates out of the JSON values that studies leave."""

import math
from typing import Any

from volition.evaluation import Estimate
from volition.report.document import rounded


def is_estimate(value: Any) -> bool:
    """Whether JSON values are those of an estimate.

    Example:
        >>> is_estimate({"value": 1.0}), is_estimate([1.0, 2.0])
        (False, False)
    """
    return isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys()


def estimate(value: dict[str, Any]) -> Estimate:
    """An estimate from its record; a number that is null there is not known.

    Example:
        >>> one = {"value": 0.5, "low": None, "high": 1.0, "n": 3, "interval": "95 %"}
        >>> print(estimate(one))
        0.500 (n = 3, no interval: 95 %)
    """
    middle, low, high = (
        float("nan") if number is None else float(number)
        for number in (value["value"], value["low"], value["high"])
    )
    interval = str(value.get("interval", ""))
    return Estimate(middle, low, high, int(value["n"]), interval)


def in_words(one: Estimate, digits: int) -> str:
    """A number with its interval.

    Example:
        >>> in_words(Estimate(0.5, 0.25, 0.75, 8, "95 % over seeds"), 2)
        '0.50 [0.25, 0.75]'
    """
    if math.isnan(one.value):
        return "not known"
    if not one.has_interval:
        return f"{rounded(one.value, digits)} [no interval]"
    value, low, high = (
        rounded(number, digits) for number in (one.value, one.low, one.high)
    )
    return f"{value} [{low}, {high}]"


def cell(value: dict[str, Any], digits: int = 3) -> Estimate | str:
    """What stands in a table for a record: a number without chance as itself.

    Example:
        >>> cell({"value": 0.5, "low": 0.5, "high": 0.5, "n": 1, "interval": "exact"})
        '0.500'
    """
    one = estimate(value)
    return rounded(one.value, digits) if _is_exact(one) else one


def with_interval(value: dict[str, Any], digits: int = 2) -> str:
    """The same in a sentence.

    Example:
        >>> with_interval({"value": 0.5, "low": 0.25, "high": 0.75, "n": 8})
        '0.50 [0.25, 0.75]'
    """
    one = estimate(value)
    return rounded(one.value, digits) if _is_exact(one) else in_words(one, digits)


def _is_exact(one: Estimate) -> bool:
    return one.interval.startswith("exact")
