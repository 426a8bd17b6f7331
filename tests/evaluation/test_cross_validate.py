"""Folds and cross-validation: nothing that is predicted was seen."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import delivery
from volition.evaluation import cross_validate, folds
from volition.feedback import NOBODY, Dataset
from volition.human import Boltzmann
from volition.inference import MAP, Normal, fit
from volition.reward import Linear, delivery_true
from volition.study import simulate

SEED, N_ANSWERS, N_QUESTIONS = 5, 60, 17
seed = pytest.mark.parametrize("seed", [SEED])
WORLD = delivery()


@pytest.fixture(scope="module")
def answers() -> Dataset:
    """60 answers to 17 questions, in no order, by nobody in particular."""
    made = simulate(jax.random.key(SEED), WORLD, delivery_true(), N_ANSWERS)
    question = jnp.asarray(
        np.arange(N_ANSWERS) * 7 % N_QUESTIONS + 100, dtype=jnp.int32
    )
    return Dataset.of(eqx.tree_at(lambda batch: batch.question, made, question))


def by(answers: Dataset, people) -> Dataset:
    """The same answers by these people."""
    person = np.full(answers.capacity, NOBODY)
    person[:N_ANSWERS] = people
    return eqx.tree_at(
        lambda data: data.batches[0].answers.person,
        answers,
        jnp.asarray(person, jnp.int32),
    )


def split(place, names):
    """The folds that each name is in."""
    return [set(place[names == name].tolist()) for name in np.unique(names)]


@seed
@pytest.mark.parametrize("n_folds", [2, 5, 17])
def test_no_question_is_split(answers, seed, n_folds):
    place = folds(answers, n_folds, jax.random.key(seed))[:N_ANSWERS]
    question = np.asarray(answers.answers().question)
    each = split(place, question)
    assert all(len(here) == 1 for here in each)
    sizes = np.bincount([here.pop() for here in each], minlength=n_folds)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.sum() == N_QUESTIONS


@seed
def test_where_people_are_known_no_person_is_split(answers, seed):
    people = np.arange(N_ANSWERS) % 6
    place = folds(by(answers, people), 3, jax.random.key(seed))[:N_ANSWERS]
    assert all(len(here) == 1 for here in split(place, people))
    question = np.asarray(answers.answers().question)
    assert any(len(here) > 1 for here in split(place, question))


@seed
def test_one_answer_by_nobody_and_questions_decide(answers, seed):
    people = np.where(np.arange(N_ANSWERS) == 3, NOBODY, np.arange(N_ANSWERS) % 6)
    place = folds(by(answers, people), 3, jax.random.key(seed))
    assert (place == folds(answers, 3, jax.random.key(seed))).all()


@seed
def test_the_key_decides(answers, seed):
    one, again = (folds(answers, 5, jax.random.key(seed)) for _ in range(2))
    assert (one == again).all()
    assert (one != folds(answers, 5, jax.random.key(seed + 1))).any()


def test_too_few_questions_are_refused(answers):
    for n_folds in (1, 18):
        with pytest.raises(ValueError, match="17"):
            folds(answers, n_folds, jax.random.key(0))
    with pytest.raises(ValueError, match="no answers yet"):
        folds(Dataset.empty(), 2, jax.random.key(0))


def test_questions_that_were_left_out_fill_no_fold(answers):
    question = np.asarray(answers.question)
    few = answers.subset(jnp.asarray(np.isin(question, [101, 105, 109])))
    place = folds(few, 3, jax.random.key(0))[np.asarray(few.present)]
    assert sorted(set(place.tolist())) == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        folds(few, 4, jax.random.key(0))


def run(answers, key):
    reward = Linear(WORLD.feature_names)
    return cross_validate(
        reward, Boltzmann(), answers, MAP(), prior=Normal(3.0), n_folds=3, key=key
    )


@seed
def test_out_of_fold_is_a_fit_by_hand_to_the_rest(answers, seed):
    key = jax.random.key(seed)
    found = run(answers, key)
    place = folds(answers, 3, jax.random.split(key)[0])
    given = answers.answers()
    rows = np.flatnonzero(place[:N_ANSWERS] == 1)
    assert 10 < len(rows) < 30
    seen = answers.subset(jnp.asarray(place != 1))
    belief = fit(
        Linear(WORLD.feature_names), Boltzmann(), seen, MAP(), prior=Normal(3.0)
    )
    judge = belief.human.judge(belief.mean)
    expected = jax.vmap(judge.log_prob)(jax.tree.map(lambda leaf: leaf[rows], given))
    np.testing.assert_allclose(found.each[rows], expected, rtol=1e-6)
    # In the fit these answers were seen, they are predicted better.
    whole = fit(
        Linear(WORLD.feature_names), Boltzmann(), answers, MAP(), prior=Normal(3.0)
    )
    assert float(whole.neg_log_likelihood()) < found.neg_log_likelihood.value


@seed
def test_the_score_is_the_mean_of_its_parts_and_repeats_to_the_bit(answers, seed):
    found, again = (run(answers, jax.random.key(seed)) for _ in range(2))
    assert found.each.shape == (N_ANSWERS,)
    assert found.neg_log_likelihood.value == pytest.approx(-found.each.mean())
    assert found.neg_log_likelihood.n == N_QUESTIONS
    place = folds(answers, 3, jax.random.split(jax.random.key(seed))[0])[:N_ANSWERS]
    parts = [found.each[place == fold].sum() for fold in range(3)]
    assert found.neg_log_likelihood.value * N_ANSWERS == pytest.approx(-sum(parts))
    np.testing.assert_array_equal(found.each, again.each)
    other = run(answers, jax.random.key(seed + 1))
    assert not np.array_equal(found.each, other.each)
