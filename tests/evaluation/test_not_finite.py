"""What is not finite never becomes a number of an evaluation."""

import numpy as np
import pytest

from volition.evaluation import (
    best_of_n,
    best_of_n_kl,
    count_of_kl,
    fit_best_of_n,
    fit_reinforcement,
    gain_bound,
    generalisation_gap,
    hackability,
    mixed_coverage,
    norm_distance,
    over_optimisation,
    pair_agreement,
    pearson_distance,
    stability,
)

ROW = np.arange(1.0, 13.0)
CASES = {
    "best_of_n, proxy": lambda bad: best_of_n(bad, ROW, 2),
    "best_of_n, gold": lambda bad: best_of_n(ROW, bad, 2),
    "over_optimisation, proxy": lambda bad: over_optimisation(bad, ROW, (1, 2, 4)),
    "over_optimisation, gold": lambda bad: over_optimisation(ROW, bad, (1, 2, 4)),
    "fit_best_of_n": lambda bad: fit_best_of_n(ROW, bad),
    "fit_reinforcement": lambda bad: fit_reinforcement(bad, ROW),
    "generalisation_gap": lambda bad: generalisation_gap({"a": bad}, {"b": ROW}),
    "hackability, proxy": lambda bad: hackability(bad, ROW),
    "hackability, truth": lambda bad: hackability(ROW, bad),
    "norm_distance": lambda bad: norm_distance(ROW, bad),
    "pair_agreement": lambda bad: pair_agreement(ROW, bad),
    "pearson_distance": lambda bad: pearson_distance(bad, ROW),
    "stability": lambda bad: stability(
        "abcdefghijkl", np.stack([ROW, bad]), ROW, "seeds"
    ),
}


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("case", CASES)
def test_a_row_with_one_such_number_is_refused(case, number):
    bad = ROW.copy()
    bad[7] = number
    with pytest.raises(ValueError, match=r"finite"):
        CASES[case](bad)


@pytest.mark.parametrize(
    "call",
    [
        lambda: best_of_n_kl(float("nan")),
        lambda: best_of_n_kl(0.5),
        lambda: count_of_kl(float("nan")),
        lambda: gain_bound(float("nan"), 1.0, 1.0),
        lambda: gain_bound(0.5, 1.0, float("nan")),
        lambda: mixed_coverage([np.ones((1, 1, 1))], [float("nan")]),
    ],
)
def test_a_number_that_is_none_is_refused(call):
    with pytest.raises(ValueError, match=r"nan|must be at least 1"):
        call()
