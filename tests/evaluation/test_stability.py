"""Stability of terms: by hand, and where what changes is scale alone."""

import numpy as np
import pytest

from volition.evaluation import stability

NAMES = ("a", "b", "c", "d", "e", "f")


def test_order_and_signs_by_hand():
    """Of three rewards the first two swap one pair of three, the third turns c."""
    weights = np.array([[4.0, 3.0, 2.0], [4.0, 2.0, 3.0], [4.0, 3.0, -2.0]])
    found = stability(NAMES[:3], weights, np.ones(3), "seeds")
    # Pairs: first and second 1/3 (two of three pairs agree), first and third 1, second
    # and third 1/3.
    assert found.kendall.value == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert found.kendall.n == 3
    assert found.order == ("a", "b", "c")
    assert found.flips == {"a": 0.0, "b": 0.0, "c": pytest.approx(1 / 3)}
    assert found.turned == ("c",)


def test_spread_decides_what_is_important_and_scale_does_not_matter():
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(4, 6))
    spread = np.array([1.0, 10.0, 100.0, 1.0, 1.0, 0.0])
    found = stability(NAMES, weights, spread, "draws")
    assert found.order[0] == "c"
    assert found.order[-1] == "f"
    assert len(found.flips) == 5
    again = stability(NAMES, weights, 3.0 * spread, "draws")
    assert again.kendall == found.kendall
    scaled = stability(
        NAMES, weights * np.array([[1.0], [2.0], [5.0], [9.0]]), spread, ""
    )
    assert scaled.kendall.value == found.kendall.value


def test_many_rewards_are_compared_in_part():
    generator = np.random.default_rng(0)
    weights = np.arange(1.0, 7.0) + 0.01 * generator.normal(size=(60, 6))
    found = stability(NAMES, weights, np.ones(6), "draws", most_pairs=50)
    assert found.kendall.value == pytest.approx(1.0)
    assert found.kendall.n == 60


def test_one_reward_has_no_order_to_keep():
    with pytest.raises(ValueError, match="at least two of either"):
        stability(NAMES, np.ones((1, 6)), np.ones(6), "seeds")
