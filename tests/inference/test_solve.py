"""A fit that cannot be used says so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.contracts.test_fits_in_any_unit import HUMAN, NAMES, asked
from tests.reference.paths import rows
from volition.feedback import UNNUMBERED, Dataset
from volition.human import Boltzmann, Graded
from volition.inference import (
    MAP,
    Ensemble,
    Laplace,
    Normal,
    Problem,
    Sequential,
    fit,
    solve,
)
from volition.inference.chance import beside_chance
from volition.reward import AbstractReward, Linear


class Broken(AbstractReward):
    """Linear, and no number where a feature is above a bound."""

    weights: jax.Array

    def __call__(self, transition):
        paid = jnp.dot(transition.features, self.weights)
        first = jnp.asarray(transition.features)[0]
        return jnp.where(first > 2.0, jnp.nan, paid)

    @property
    def feature_names(self):
        return ()


def test_worse_than_chance_is_never_converged():
    said, _ = asked(1.0)
    # Hardly trained, from draws of a prior a hundred times as wide as the data.
    poor = Ensemble(3, n_steps=1)
    with pytest.raises(RuntimeError, match=r"worse than chance: -\d.* nats each"):
        fit(Linear(NAMES), HUMAN, said, poor, prior=Normal(100.0))
    found = fit(
        Linear(NAMES), HUMAN, said, poor, prior=Normal(100.0), throw=False
    ).result
    assert not found.converged
    assert "-0.693" in found.message
    assert fit(Linear(NAMES), HUMAN, Dataset.empty(), poor).result.converged


def test_a_prior_that_the_answers_deny_is_named():
    said, _ = asked(1.0)
    sure = Normal(1e-3, mean=[-5.0, 5.0, -5.0])
    assert not fit(Linear(NAMES), HUMAN, said, prior=sure, throw=False).result.converged


def test_chance_is_the_same_person_to_whom_all_options_are_alike():
    said, _ = asked(1.0)
    problem = Problem(Linear(NAMES), HUMAN, Dataset.of(said), Normal(1.0))
    told, chance = beside_chance(problem, Linear(NAMES, [1.0, -0.7, 0.4]), HUMAN)
    n = len(problem.answers)
    assert float(chance) == pytest.approx(n * np.log(0.5))
    assert float(told) > float(chance)
    zero, _ = beside_chance(problem, Linear(NAMES), HUMAN)
    assert float(zero) == pytest.approx(float(chance))


@pytest.mark.parametrize(
    "method", [MAP(), Laplace(), Sequential(n_draws=200)], ids=["MAP", "Laplace", "SMC"]
)
def test_what_is_no_number_is_not_converged(method):
    said, _ = asked(1.0)
    result = fit(Broken(jnp.zeros(3)), HUMAN, said, method, throw=False).result
    assert not result.converged
    assert result.message.endswith(".")


def test_one_answer_a_list_and_a_batch_are_taken():
    said, _ = asked(1.0)
    each = [rows(said, n) for n in range(len(said.choice))]
    whole = fit(Linear(NAMES), HUMAN, said).mode
    np.testing.assert_array_equal(fit(Linear(NAMES), HUMAN, each).mode, whole)
    assert len(fit(Linear(NAMES), HUMAN, each[0]).problem.answers) == 1


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_a_prior_has_a_width(scale):
    said, _ = asked(1.0)
    with pytest.raises(ValueError, match="the prior has the standard deviations"):
        fit(Linear(NAMES), HUMAN, said, prior=Normal(scale))


def test_an_ensemble_refuses_answers_about_one_question():
    said, _ = asked(1.0)
    same = type(said)(
        said.options, said.choice, said.person, 0 * said.question, said.seconds
    )
    with pytest.raises(ValueError, match="all 120 answers are about question 0"):
        fit(Linear(NAMES), HUMAN, same, Ensemble(2, n_steps=5))
    left = type(said)(
        said.options,
        said.choice,
        said.person,
        0 * said.question + UNNUMBERED,
        said.seconds,
    )
    assert len(np.unique(Dataset.of(left).answers().question)) == 120


def test_a_choice_out_of_range_in_a_batch_by_hand_is_refused_too():
    said, _ = asked(1.0)
    good = Dataset.of(said)
    (batch,) = good.batches
    choice = batch.answers.choice.at[5].set(7)
    wrong = type(said)(
        said.options, choice[:120], said.person, said.question, said.seconds
    )
    bad = Dataset((type(batch)(wrong, batch.present[:120]),))
    with pytest.raises(ValueError, match=r"choice = 7 of answer 5 \(Comparison\)"):
        solve(jax.random.key(0), Problem(Linear(NAMES), HUMAN, bad, Normal(1.0)), MAP())


def test_laplace_of_many_parameters_is_refused_in_a_sentence():
    names = tuple(f"f{n}" for n in range(2001))
    with pytest.raises(ValueError, match="the curvature in all of 2004 parameters"):
        fit(Linear(names), Boltzmann(choice=Graded(HUMAN.choice)), Dataset.empty())
