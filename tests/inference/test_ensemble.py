"""Ensembles, the last layer, and rewards that are networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.reference.paths import answered, one, rows
from volition.env import Transition
from volition.env.mdp import Index
from volition.feedback import Dataset, Segment
from volition.human import Boltzmann, BradleyTerry, Davidson
from volition.inference import (
    Ensemble,
    Laplace,
    LastLayer,
    Normal,
    Problem,
    Signed,
    fit,
)
from volition.inference.ensemble import _parts
from volition.reward import FeatureInputs, Linear, Network

SEED = 3
NAMES = ("place", "push")
HUMAN = Boltzmann(choice=BradleyTerry())
LENGTH = 4
TRAINING = Ensemble(4, n_steps=600, batch_size=32)


def segments(seed: int, n: int) -> Segment:
    """Of two features drawn at random, `[segment, time]`; none of them ends."""
    features = np.random.default_rng(seed).normal(size=(n, LENGTH, 2))
    index = Index(jnp.zeros((n, LENGTH), dtype=jnp.int32))
    shape = (n, LENGTH)
    steps = Transition(
        index, index.index, index, jnp.asarray(features), jnp.zeros(shape, dtype=bool)
    )
    return Segment(steps, jnp.ones(shape), jnp.ones(shape, dtype=bool))


def worth(shown: Segment) -> np.ndarray:
    """A ridge, which no linear reward has: near 0 is good, wherever one pushes."""
    place, push = np.moveaxis(np.asarray(shown.transition.features), -1, 0)
    return np.sum(2.0 - 3.0 * np.abs(place) + 0.5 * push, axis=-1)


def answers(seed: int, n: int):
    """Of a Boltzmann person, about random pairs."""
    shown = segments(seed, 2 * n)
    values = worth(shown).reshape(n, 2)
    chance = 1.0 / (1.0 + np.exp(values[:, 0] - values[:, 1]))
    choices = (np.random.default_rng(seed + 1).random(n) < chance).astype(int)
    pairs = jax.tree.map(lambda leaf: leaf.reshape(n, 2, *leaf.shape[1:]), shown)
    return answered(pairs, choices)


def network() -> Network:
    seen = np.asarray(segments(SEED + 5, 50).transition.features)
    return Network(FeatureInputs.over(NAMES, seen), (16, 16))


@eqx.filter_jit
def values_of(reward, shown):
    return jax.vmap(HUMAN.judge(reward).value)(shown)


@pytest.fixture(scope="module")
def data():
    return Dataset.of(answers(SEED, 300))


@pytest.fixture(scope="module")
def belief(data):
    form = network()
    prior = Normal(form.prior_scale())
    return fit(form, HUMAN, data, TRAINING, prior=prior, key=jax.random.key(SEED))


def ranked(reward) -> tuple[float, float]:
    """Rank correlation with the truth over 300 new segments; its standard error."""
    shown = segments(SEED + 9, 300)
    found = np.asarray(values_of(reward, shown))
    rho = float(stats.spearmanr(found, worth(shown)).statistic)
    # Fisher's z for ranks, D. G. Bonett, T. A. Wright, Psychometrika 2000.
    return rho, (1 - rho**2) * np.sqrt((1 + rho**2 / 2) / (300 - 3))


def test_a_ridge_is_ranked_as_it_is(data, belief):
    rho, error = ranked(belief.mean)
    assert rho - 3 * error > 0.85
    linear = fit(Linear(NAMES), HUMAN, data, Laplace(), prior=Normal(1.0)).mean
    assert ranked(linear)[0] + 3 * error < 0.6


def test_training_stops_where_left_out_answers_are_predicted_best(belief):
    told = belief.result.diagnostics
    assert told["held_out"] > max(told["held_out_first"], np.log(0.5))
    assert 0 < told["step"] <= 600
    assert float(belief.neg_log_likelihood()) < np.log(2.0)


def test_the_mean_is_of_rewards_not_of_weights(belief):
    shown = segments(SEED + 2, 20)
    each = jax.vmap(values_of, in_axes=(0, None))(belief.mean.members, shown)
    mean = np.asarray(values_of(belief.mean, shown))
    np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-5, atol=1e-5)
    middle, _ = belief.problem.unpack(jnp.mean(belief.belief.points, axis=0))
    assert np.abs(np.asarray(values_of(middle, shown)) - mean).max() > 0.1


def test_what_is_drawn_are_members(belief):
    drawn = belief.sample(jax.random.key(SEED), 30)
    weights = np.asarray(drawn.layers[0].weight)
    members = np.asarray(belief.mean.members.layers[0].weight)
    assert weights.shape == (30, 2, 16)
    number = [int(np.abs(members - row).sum((1, 2)).argmin()) for row in weights]
    np.testing.assert_array_equal(members[number], weights)
    assert set(number) == {0, 1, 2, 3}


def test_the_scale_of_the_inputs_is_not_learned(belief):
    form = network()
    assert belief.problem.n_reward == 2 * 16 + 16 + 16 * 16 + 16 + 16 + 1
    for member in belief.mean.members.inputs.scaled.centre:
        np.testing.assert_array_equal(member, form.inputs.scaled.centre)


def test_a_constant_is_told_apart_by_ends_alone(belief):
    reward = one(belief.mean.members, 0)
    bias = lambda reward: reward.layers[-1].bias
    more = eqx.tree_at(bias, reward, bias(reward) + 0.7)
    shown = segments(SEED + 2, 2)
    ended = eqx.tree_at(lambda s: s.weight, shown, shown.weight.at[1, 1:].set(0.0))
    ahead = lambda reward, pair: np.diff(np.asarray(values_of(reward, pair)))[0]
    assert ahead(more, shown) == pytest.approx(ahead(reward, shown), abs=1e-5)
    # Three of four steps of the second are not paid.
    moved = ahead(more, ended) - ahead(reward, ended)
    assert moved == pytest.approx(-0.7 * 3, abs=1e-5)


@pytest.mark.parametrize("seed", [0])
def test_without_answers_members_are_draws_of_the_prior(seed):
    scale = np.array([0.5, 3.0])
    n = 200
    method = Ensemble(n, n_steps=40)
    empty = Dataset.empty()
    key = jax.random.key(seed)
    found = fit(Linear(NAMES), HUMAN, empty, method, prior=Normal(scale), key=key)
    points = np.asarray(found.belief.points)
    assert (np.abs(points.mean(axis=0)) < 4 * scale / np.sqrt(n)).all()
    # The standard error of a standard deviation: sd / sqrt(2 n).
    assert (np.abs(points.std(axis=0) / scale - 1) < 4 / np.sqrt(2 * n)).all()
    signed = Signed((1, -1), scale)
    found = fit(Linear(NAMES), HUMAN, empty, method, prior=signed, key=key)
    weights = np.asarray(found.mean.members.weights)
    assert (np.sign(weights) == [1, -1]).all()


def test_answers_narrow_an_ensemble(data):
    method = Ensemble(8, n_steps=400, step_size=0.05)
    found = fit(Linear(NAMES), HUMAN, data, method, prior=Normal(2.0))
    exact = fit(Linear(NAMES), HUMAN, data, Laplace(), prior=Normal(2.0))
    sd = np.sqrt(np.diag(exact.belief.covariance))
    points = np.asarray(found.belief.points)
    # Each is fitted to three quarters of the answers or more.
    assert (np.abs(points.mean(axis=0) - exact.mode) < 2 * sd).all()
    assert (points.std(axis=0) < 0.5).all()


def test_of_a_linear_reward_the_last_layer_is_all(data):
    human = Boltzmann(choice=Davidson())
    prior = Normal(2.0)
    exact = fit(Linear(NAMES), human, data, Laplace(), prior=prior)
    method = LastLayer(Ensemble(2, n_steps=20))
    found = fit(Linear(NAMES), human, data, method, prior=prior)
    np.testing.assert_allclose(found.mode, exact.mode, atol=1e-4)
    np.testing.assert_allclose(
        found.belief.covariance, exact.belief.covariance, rtol=1e-3, atol=1e-6
    )


@pytest.fixture(scope="module")
def last(data):
    form = network()
    prior = Normal(form.prior_scale())
    return fit(form, HUMAN, data, LastLayer(TRAINING), prior=prior)


def test_the_last_layer_varies_alone(last):
    drawn = last.sample(jax.random.key(SEED), 5)
    for layer in drawn.layers[:-1]:
        assert (np.asarray(layer.weight) == np.asarray(layer.weight)[:1]).all()
    output = np.asarray(drawn.layers[-1].weight)
    assert (output.std(axis=0) > 0).all()
    assert last.belief.covariance.shape == (17, 17)
    assert ranked(last.mean)[0] > 0.85


def test_the_last_layer_is_where_its_slope_is_nothing(last):
    density = lambda problem, free: problem.log_density(free)
    slope = eqx.filter_jit(jax.grad(density, argnums=1))(last.problem, last.mode)
    np.testing.assert_allclose(slope[last.belief.places], 0.0, atol=1e-2)
    assert np.asarray(last.problem.last).sum() == 17


def test_answers_to_one_question_stay_together():
    question = np.array([4, 4, 9, 1, 9, 7, 7, 7, 0])
    part = _parts(jax.random.key(SEED), question, 3)
    for number in np.unique(question):
        assert len(set(part[question == number])) == 1
    assert set(part) == {0, 1, 2}


@pytest.mark.parametrize(
    "arguments, what",
    [
        ({"n_members": 1}, "at least 2 members"),
        ({"n_steps": 0}, "1 step"),
        ({"batch_size": 0}, "1 answer in a batch"),
        ({"step_size": 0.0}, "step_size = 0.0 must be above 0"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        Ensemble(**arguments)


def test_the_density_of_a_network_is_that_of_its_numbers():
    """Against NumPy: Bradley-Terry of a network's sums, and its Gaussian prior."""
    form = network()
    scale = np.asarray(form.prior_scale())
    said = answers(SEED, 5)
    problem = Problem(form, HUMAN, Dataset.of(said), Normal(scale))
    free = np.asarray(problem.start)
    x = np.asarray(said.options.transition.features, dtype=np.float32)
    scaled = form.inputs.scaled
    x = (x - np.asarray(scaled.centre)) / np.asarray(scaled.half)
    for layer in form.layers[:-1]:
        x = np.maximum(x @ np.asarray(layer.weight) + np.asarray(layer.bias), 0.0)
    output = form.layers[-1]
    paid = x @ np.asarray(output.weight) + np.asarray(output.bias)
    value = paid[..., 0].sum(axis=-1)
    ahead = np.where(np.asarray(said.choice) == 1, 1, -1) * (value[:, 1] - value[:, 0])
    expected = -np.log1p(np.exp(-ahead)).sum() + stats.norm.logpdf(free / scale).sum()
    expected -= np.log(scale).sum()
    found = float(eqx.filter_jit(problem.log_density)(problem.start))
    assert found == pytest.approx(expected, rel=1e-5)
    assert free.dtype == np.float32


def test_rows_of_a_data_set_do_not_matter(data):
    """A place that holds no answer says nothing."""
    form = network()
    problem = Problem(form, HUMAN, data, Normal(form.prior_scale()))
    fewer = Dataset.of(rows(answers(SEED, 300), slice(300)), 2048)
    wider = Problem(form, HUMAN, fewer, Normal(form.prior_scale()))
    a, b = (float(eqx.filter_jit(p.log_density)(p.start)) for p in (problem, wider))
    assert a == pytest.approx(b, rel=1e-9)
