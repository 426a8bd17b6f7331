"""Choices: closed forms, and what happens where options differ a lot."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from tests.reference.paths import judge_of_worths, valued
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE, comparison
from volition.human import BradleyTerry, Davidson, Fraction, Lapse, Positive, RaoKupper

WORTHS = np.array([[0.0, 0.0], [1.3, -0.4], [-2.0, 3.1], [7.0, 6.5], [-40.0, -38.0]])
WIDTHS = [0.05, 0.7, 3.0]
KINDS = {
    "Bradley-Terry": BradleyTerry(),
    "Davidson": Davidson(Positive(0.7)),
    "Rao-Kupper": RaoKupper(),
}
kinds = pytest.mark.parametrize("choice", KINDS.values(), ids=KINDS)


def probs(choice, worths=WORTHS) -> np.ndarray:
    return np.asarray(jnp.exp(jax.vmap(choice.pair)(jnp.asarray(worths))))


def said(choice, worth, code) -> float:
    """Log-likelihood of an answer."""
    answer = comparison(valued(worth), code)
    return float(judge_of_worths(choice).log_prob(answer))


def test_bradley_terry_is_the_logistic_function_of_the_difference():
    expected = expit(WORTHS[:, 0] - WORTHS[:, 1])
    found = probs(BradleyTerry())
    np.testing.assert_allclose(found, np.stack([expected, 1 - expected], 1), atol=1e-14)


@pytest.mark.parametrize("width", WIDTHS)
def test_davidsons_closed_form(width):
    first, second = np.exp(WORTHS).T
    parts = np.stack([first, second, width * np.sqrt(first * second)], 1)
    expected = parts / parts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probs(Davidson(Positive(width))), expected, rtol=1e-12)


@pytest.mark.parametrize("width", WIDTHS)
def test_rao_and_kuppers_closed_form(width):
    first, second, tie = probs(RaoKupper(Positive(width))).T
    ahead = WORTHS[:, 0] - WORTHS[:, 1]
    np.testing.assert_allclose(first, expit(ahead - width), rtol=1e-12)
    np.testing.assert_allclose(second, expit(-ahead - width), rtol=1e-12)
    # Two thresholds on one logistic variable: what lies between them is the tie.
    between = expit(width - ahead) - expit(-width - ahead)
    np.testing.assert_allclose(tie, between, rtol=1e-9)
    expected = (np.exp(2 * width) - 1) * first * second
    np.testing.assert_allclose(tie, expected, rtol=1e-12)


@pytest.mark.parametrize("width", [1e-12, 300.0, 500.0])
def test_rao_and_kuppers_width_may_be_tiny_or_huge(width):
    # log(e^(2 w) - 1) is log(2 w) for a tiny w, and 2 w for a huge one, at which
    # e^(2 w) overflows from 2 w = 710 on.
    choice = RaoKupper(Positive(width))
    worth = jnp.array([0.3, -0.2])

    def tie(raw, worth):
        wide = RaoKupper(Positive(width))
        wide = jax.tree.map(lambda _: raw, wide)
        return wide.pair(worth)[TIE]

    logs = np.asarray(choice.pair(worth))
    expected = np.log(2 * width) - 2 * np.log(2 * np.cosh(0.25)) if width < 1 else 0.0
    assert logs[TIE] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert np.isfinite(logs).all()
    slopes = jax.grad(tie, argnums=(0, 1))(choice.width.raw, worth)
    assert all(np.isfinite(slope).all() for slope in slopes)


@pytest.mark.parametrize("choice", [Davidson, RaoKupper])
def test_without_a_width_there_is_no_tie(choice):
    found = probs(choice(Positive(1e-9)))
    np.testing.assert_allclose(found[:, :2], probs(BradleyTerry()), rtol=1e-7)
    assert found[:, TIE].max() < 1e-9


def test_bradley_terrys_tie_is_half_of_either():
    worth = jnp.array([1.3, -0.4])
    first, second, tie = (
        said(BradleyTerry(), worth, code) for code in (FIRST, SECOND, TIE)
    )
    assert tie == pytest.approx((first + second) / 2, abs=1e-15)
    # So the three are no distribution: halves of something counted already.
    assert np.exp([first, second, tie]).sum() > 1.1


@pytest.mark.parametrize("rate", [0.02, 0.4])
@pytest.mark.parametrize("inner", KINDS.values(), ids=KINDS)
def test_a_lapse_mixes_in_any_answer(inner, rate):
    mixed, pure = probs(Lapse(inner, Fraction(rate))), probs(inner)
    expected = (1 - rate) * pure + rate / pure.shape[1]
    np.testing.assert_allclose(mixed, expected, rtol=1e-12)
    assert mixed.min() >= rate / 3 * (1 - 1e-12)


@pytest.mark.parametrize("ahead", [1e3, -1e3])
@kinds
def test_nothing_is_clipped_where_options_differ_a_lot(choice, ahead):
    worth = jnp.array([ahead / 2, -ahead / 2])
    worse = SECOND if ahead > 0 else FIRST
    logs = choice.pair(worth)
    assert np.isfinite(logs).all()
    # log P(worse) = -|u - v| up to a constant below 1 nat.
    assert float(logs[worse]) == pytest.approx(-1e3, abs=1.0)
    slope = jax.grad(lambda worth: choice.pair(worth)[worse])(worth)
    np.testing.assert_allclose(slope, [-np.sign(ahead), np.sign(ahead)], atol=1e-12)
    if len(logs) > TIE:
        # log P(tie) = -|u - v| / 2 (Davidson) or -|u - v| (Rao-Kupper), up to a
        # constant: its slope is what brings the two together.
        slope = jax.grad(lambda worth: choice.pair(worth)[TIE])(worth)
        assert np.isfinite(slope).all()
        assert (np.sign(slope) == [-np.sign(ahead), np.sign(ahead)]).all()


@pytest.mark.parametrize("ahead", [1e3, -1e3])
@pytest.mark.parametrize("inner", KINDS.values(), ids=KINDS)
def test_a_lapse_is_finite_and_deaf_where_options_differ_a_lot(inner, ahead):
    # One slip costs log(rate / answers), however large the difference; its slope is
    # (1 - rate) P_inner / P, which is e^-1000: none is left.
    choice = Lapse(inner, Fraction(0.05))
    worth = jnp.array([ahead, 0.0])
    worse = SECOND if ahead > 0 else FIRST
    value, slope = jax.value_and_grad(lambda worth: choice.pair(worth)[worse])(worth)
    n_answers = len(choice.pair(worth))
    assert float(value) == pytest.approx(np.log(0.05 / n_answers), abs=1e-12)
    assert slope.tolist() == [0.0, 0.0]
    # Close by it listens.
    near = jax.grad(lambda worth: choice.pair(worth)[worse])(worth / 1e3)
    assert np.abs(near).min() > 0.1


@pytest.mark.parametrize("raw", [-30.0, 30.0])
def test_a_search_may_look_at_any_rate(raw):
    def total(raw):
        rate = jax.tree.map(lambda _: raw, Fraction(0.5))
        return Lapse(Davidson(), rate).pair(jnp.array([0.4, 0.0])).sum()

    value, slope = jax.value_and_grad(total)(jnp.asarray(raw))
    assert np.isfinite(value)
    assert np.isfinite(slope)


@kinds
def test_cannot_tell_is_certain(choice):
    worth = jnp.array([3.0, -1.0])
    assert said(choice, worth, CANNOT_TELL) == 0.0


@pytest.mark.parametrize("seed", [2])
@pytest.mark.parametrize(
    "choice", [*KINDS.values(), Lapse(Davidson())], ids=[*KINDS, "lapse"]
)
def test_slopes_are_those_of_finite_differences(choice, seed):
    worth = jnp.asarray(np.random.default_rng(seed).normal(size=2))
    step = 1e-6 * jnp.eye(2)
    for code in range(len(choice.pair(worth))):
        slope = jax.grad(lambda worth, code=code: choice.pair(worth)[code])(worth)
        for axis in range(2):
            up, down = (
                choice.pair(worth + sign * step[axis])[code] for sign in (1, -1)
            )
            assert float(slope[axis]) == pytest.approx(
                float(up - down) / 2e-6, abs=1e-8
            )


@pytest.mark.parametrize(
    "make, value", [(Fraction, 0.0), (Fraction, 1.0), (Fraction, 1.5), (Positive, 0.0)]
)
def test_a_parameter_out_of_range_is_refused(make, value):
    with pytest.raises(ValueError, match=rf"\(0, (1|inf)\), not {value}"):
        make(value)


@pytest.mark.parametrize("make", [Fraction, Positive])
def test_a_parameter_begins_at_its_value_and_its_priors_median(make):
    parameter = make(0.3, spread=0.8)
    assert float(parameter.value) == pytest.approx(0.3, abs=1e-15)
    assert float(parameter.raw) == parameter.mean
    assert parameter.spread == 0.8
