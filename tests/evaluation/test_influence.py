"""Influence: what a fit without the answer says, found without that fit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs
from volition.evaluation import influence, influence_by_draws
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import MAP, NUTS, Normal, Signed, fit
from volition.reward import Linear

N, N_PEOPLE = 40, 8


@pytest.fixture(scope="module")
def data():
    world = featured_world(5)
    options = pairs(5, world, N, 3)
    said = answered(options, np.random.default_rng(5).integers(0, 2, N))
    people = jnp.arange(N, dtype=jnp.int32) % N_PEOPLE
    return world.feature_names, eqx.tree_at(lambda one: one.person, said, people)


def fitted(names, answers, prior=None):
    human = Boltzmann(choice=BradleyTerry())
    prior = Normal(1.0) if prior is None else prior
    return fit(Linear(names), human, answers, MAP(), prior=prior)


def test_one_step_goes_where_a_fit_without_the_answer_does(data):
    names, said = data
    answers = Dataset.of(said)
    belief = fitted(names, answers)
    found = influence(belief)
    assert found.piece.tolist() == list(range(N))
    whole = np.asarray(belief.mean.weights)
    largest = found.most(names[0], 4)
    assert abs(largest[0][1]) >= abs(largest[3][1])
    for piece in (0, 17, largest[0][0]):
        keep = jnp.arange(answers.capacity) != piece
        again = np.asarray(fitted(names, answers.subset(keep)).mean.weights)
        moved = whole - again
        # Of second order in the step: a few parts in a hundred.
        np.testing.assert_allclose(
            found.moved[piece], moved, atol=0.05 * np.abs(moved).max()
        )


def test_all_answers_of_a_person_are_left_out_together(data):
    names, said = data
    answers = Dataset.of(said)
    belief = fitted(names, answers)
    people = np.asarray(answers.person)
    found = influence(belief, people)
    assert found.piece.tolist() == list(range(N_PEOPLE))
    keep = jnp.asarray(people != 3)
    again = np.asarray(fitted(names, answers.subset(keep)).mean.weights)
    moved = np.asarray(belief.mean.weights) - again
    np.testing.assert_allclose(found.moved[3], moved, atol=0.1 * np.abs(moved).max())


def test_on_a_free_scale_it_is_the_weights_that_move(data):
    names, said = data
    answers = Dataset.of(said)
    fit_of = fitted(names, answers)
    signs = [int(s) for s in np.sign(np.asarray(fit_of.mean.weights))]
    belief = fitted(names, answers, Signed(signs, 1.0))
    found = influence(belief)
    # One in the middle: the more it moves, the less a step foresees where it ends.
    piece = found.most(names[1], N)[N // 2][0]
    keep = jnp.arange(answers.capacity) != piece
    again = fitted(names, answers.subset(keep), Signed(signs, 1.0))
    moved = np.asarray(belief.mean.weights) - np.asarray(again.mean.weights)
    np.testing.assert_allclose(
        found.moved[piece], moved, atol=0.15 * np.abs(moved).max()
    )


def test_what_cannot_be_told_is_refused(data):
    names, said = data
    nothing = fitted(names, Dataset.empty())
    with pytest.raises(ValueError, match="no answers yet"):
        influence(nothing)
    with pytest.raises(ValueError, match="none of the weights"):
        influence(fitted(names, Dataset.of(said))).most("wind")


@pytest.mark.slow
def test_draws_say_what_a_fit_without_the_answer_does(data):
    """Importance weights against the means of posteriors that had not seen it."""
    names, said = data
    human, prior = Boltzmann(choice=BradleyTerry()), Normal(1.0)
    answers = Dataset.of(said)

    def drawn(answers, key):
        belief = fit(Linear(names), human, answers, NUTS(), prior=prior, key=key)
        return belief, np.asarray(belief.belief.draws)

    belief, draws = drawn(answers, jax.random.key(1))
    found = influence_by_draws(belief, jax.random.key(0), 8000)
    assert found.piece.tolist() == list(range(N))
    piece = found.most(names[0], 1)[0][0]
    keep = jnp.arange(answers.capacity) != piece
    _, others = drawn(answers.subset(keep), jax.random.key(2))
    moved = draws.mean(axis=0) - others.mean(axis=0)
    # Two means of 800 draws, each worth a good part of an independent one, and ours.
    error = np.sqrt(3.0) * draws.std(axis=0) / np.sqrt(0.3 * len(draws))
    assert (np.abs(found.moved[piece] - moved) < 4.0 * error).all()
    whole = influence(fitted(names, answers)).moved
    far = np.abs(whole) > 0.3 * np.abs(whole).max()
    assert (np.sign(whole[far]) == np.sign(found.moved[far])).all()
