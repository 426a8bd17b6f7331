"""Teachers: how often each of them is wrong, and how."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import judge_of_worths, valued
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE, comparison
from volition.human import (
    Boltzmann,
    equal,
    mistaken,
    myopic,
    oracle,
    realistic,
    skipping,
    stochastic,
)
from volition.reward import Linear


def shares(person: Boltzmann, worths) -> np.ndarray:
    """How often first, second, tie and "cannot tell" are answered."""
    logs = np.asarray(jax.vmap(person.choice.pair)(jnp.asarray(worths)))
    padded = np.full((len(logs), 4), -np.inf)
    padded[:, : logs.shape[1]] = logs
    return np.exp(padded)


def test_what_each_teacher_says():
    far, near, poor = [2.0, 1.0], [2.0, 1.95], [-3.0, -4.0]
    worths = np.array([far, near, poor])
    np.testing.assert_allclose(shares(oracle(), worths)[:, FIRST], 1.0)
    np.testing.assert_allclose(shares(mistaken(0.1), worths)[:, SECOND], 0.1)
    np.testing.assert_allclose(
        shares(stochastic(2.0), worths)[:, FIRST], 1 / (1 + np.exp([-2.0, -0.1, -2.0]))
    )
    assert shares(equal(0.1), worths)[:, TIE].tolist() == [0.0, 1.0, 0.0]
    assert shares(skipping(-1.0), worths)[:, CANNOT_TELL].tolist() == [0.0, 0.0, 1.0]


def test_the_myopic_teacher_remembers_the_end():
    # Two steps each: early 1.0 against late 0.95. By sums the first is better.
    steps = jax.tree.map(
        lambda leaf: jnp.concatenate([leaf[:2], leaf[2:]], axis=1),
        valued([1.0, 0.0, 0.0, 0.95]),
    )
    judge = lambda person: person.judge(Linear(("worth",), [1.0]))
    sure = judge(oracle()).log_probs(comparison(steps))
    short = judge(myopic(0.9)).log_probs(comparison(steps))
    assert int(np.argmax(sure)) == FIRST
    assert int(np.argmax(short)) == SECOND


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("agreement, ties", [(0.71, 0.25), (0.62, 0.13), (0.85, 0.37)])
def test_the_realistic_teacher_errs_as_often_as_people_do(agreement, ties, seed):
    gaps = np.random.default_rng(seed).standard_t(4, size=800) * 3.0
    person = realistic(jnp.asarray(gaps), agreement=agreement, ties=ties)
    each = shares(person, np.stack([gaps, np.zeros_like(gaps)], 1))
    told = each[:, :3].sum(1)
    np.testing.assert_allclose(1 - told, 0.05)
    right = np.where(gaps > 0, each[:, FIRST], each[:, SECOND]).sum()
    assert right / each[:, :2].sum() == pytest.approx(agreement, abs=1e-4)
    assert each[:, TIE].sum() / told.sum() == pytest.approx(ties, abs=1e-4)
    alike = shares(person, np.zeros((1, 2)))[0]
    assert alike[FIRST] / alike[:2].sum() == pytest.approx(0.5, abs=0.021)
    assert alike[FIRST] > alike[SECOND]


@pytest.mark.parametrize(
    "gaps, agreement", [([0.0, 0.0], 0.7), ([], 0.7), ([1.0, -1.0], 0.5)]
)
def test_what_nobody_can_do_is_refused(gaps, agreement):
    with pytest.raises(ValueError, match="give shares in"):
        realistic(jnp.asarray(gaps), agreement=agreement)


def test_a_judge_keeps_its_time():
    answer = judge_of_worths(stochastic().choice).sample(
        jax.random.key(0), comparison(valued([1.0, 0.0]))
    )
    assert np.isnan(answer.seconds)
