"""No method of inference depends on a unit or on the precision outside."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.contracts.test_methods import METHODS
from tests.reference.paths import answered, segments
from volition.feedback import Comparison, Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import (
    MAP,
    Ensemble,
    Laplace,
    LastLayer,
    Normal,
    Sequential,
    fit,
    fit_groups,
    fit_people,
)
from volition.reward import FeatureInputs, Linear, Network, Scaled

SEED, N = 5, 120
NAMES = ("f0", "f1", "f2")
HUMAN = Boltzmann(choice=BradleyTerry())
TRUTH = np.array([1.0, -0.7, 0.4])
# Powers of two, about 1e-12 to 1e12: scaling by them rounds nothing, so that a method
# that depends on no unit finds the same bits but for its own tolerances.
UNITS = {
    "small": np.full(3, 2.0**-40),
    "large": np.full(3, 2.0**40),
    "mixed": np.array([2.0**-40, 1.0, 2.0**40]),
}
SHORT = Ensemble(3, n_steps=300, batch_size=16, step_size=0.05)
ALL = METHODS | {"Ensemble": SHORT, "LastLayer": LastLayer(SHORT)}

methods = pytest.mark.parametrize("method", ALL.values(), ids=ALL)
units = pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
seeds = pytest.mark.parametrize("seed", [SEED])


def asked(unit, offset=0.0, seed=SEED) -> tuple[Comparison, np.ndarray]:
    """Answers about one step each, and its features before unit and offset."""
    generator = np.random.default_rng(seed)
    seen = generator.normal(size=(N, 2, 1, 3))
    gap = (seen[:, 1] - seen[:, 0])[:, 0] @ TRUTH
    second = generator.random(N) < 1.0 / (1.0 + np.exp(-gap))
    options = segments(jnp.asarray(seen * unit + offset))
    return answered(options, second.astype(np.int32)), seen


def spread(belief) -> np.ndarray:
    return np.asarray(belief.sample(jax.random.key(0), 2000).weights).std(axis=0)


@seeds
@units
@methods
def test_a_unit_of_features_changes_nothing(method, unit, seed):
    plain = fit(Linear(NAMES), HUMAN, asked(1.0, seed=seed)[0], method)
    other = fit(Linear(NAMES), HUMAN, asked(unit, seed=seed)[0], method)
    found = np.asarray(plain.mean.weights if not_members(plain) else mean(plain))
    back = unit * np.asarray(other.mean.weights if not_members(other) else mean(other))
    # Of a posterior standard deviation.
    width = spread(plain) if not isinstance(method, MAP) else np.full(3, 0.2)
    assert (np.abs(found - back) < 0.02 * width).all()
    np.testing.assert_allclose(unit * spread(other), spread(plain), rtol=0.02)
    assert np.corrcoef(found, TRUTH)[0, 1] > 0.9
    assert len(plain.unidentified()) == len(other.unidentified())


def not_members(belief) -> bool:
    return hasattr(belief.mean, "weights")


def mean(belief) -> np.ndarray:
    return np.asarray(belief.mean.members.weights).mean(axis=0)


@seeds
@units
def test_nor_where_the_prior_is_stated_in_that_unit(unit, seed):
    for method in (MAP(), Laplace(), Sequential(n_draws=500)):
        plain, other = (
            fit(
                Linear(NAMES),
                HUMAN,
                asked(one, seed=seed)[0],
                method,
                prior=Normal(5.0 / one),
            )
            for one in (np.ones(3), unit)
        )
        np.testing.assert_allclose(
            unit * np.asarray(other.mean.weights), plain.mean.weights, rtol=1e-4
        )
        assert other.result.log_density + np.log(1.0 / unit).sum() == pytest.approx(
            plain.result.log_density, abs=1e-4
        )


@seeds
@pytest.mark.parametrize("factor", [2.0**-40, 2.0**40])
def test_nor_does_the_unit_of_the_reward(factor, seed):
    answers, _ = asked(1.0, seed=seed)
    plain = fit(Linear(NAMES), HUMAN, answers)
    other = fit(Scaled(Linear(NAMES), factor), HUMAN, answers)
    np.testing.assert_allclose(
        factor * other.mean.reward.weights, plain.mean.weights, rtol=1e-6
    )


@seeds
@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_an_offset_of_a_feature_changes_nothing(offset, seed):
    # Options are of one length: what is added to every step says nothing.
    plain = fit(Linear(NAMES), HUMAN, asked(1.0, seed=seed)[0], prior=Normal(3.0))
    moved = fit(
        Linear(NAMES), HUMAN, asked(1.0, offset, seed=seed)[0], prior=Normal(3.0)
    )
    np.testing.assert_allclose(moved.mean.weights, plain.mean.weights, atol=1e-3)
    np.testing.assert_allclose(spread(moved), spread(plain), rtol=1e-3)


@seeds
@methods
def test_32_bits_outside_change_nothing(method, seed):
    wide = fit(Linear(NAMES), HUMAN, asked(1.0, seed=seed)[0], method)
    with jax.enable_x64(False):
        person = Boltzmann(choice=BradleyTerry())
        narrow = fit(Linear(NAMES), person, asked(1.0, seed=seed)[0], method)
        assert narrow.mode.dtype == jnp.float32
        drawn = np.asarray(narrow.belief.sample(jax.random.key(0), 2))
    assert np.isfinite(drawn).all()
    assert narrow.result.converged == wide.result.converged
    np.testing.assert_allclose(narrow.mode, wide.mode, rtol=1e-2, atol=1e-2)


@seeds
def test_in_32_bits_what_rounding_leaves_is_refused(seed):
    with jax.enable_x64(False):
        answers, _ = asked(1.0, 1e7, seed=seed)
        with pytest.raises(ValueError, match=r"feature 'f0' runs from .* rounding in"):
            fit(Linear(NAMES), HUMAN, answers)


@seeds
@units
def test_people_and_groups_depend_on_no_unit(unit, seed):
    person = jnp.asarray(np.arange(N) % 6, dtype=jnp.int32)
    found = []
    for one in (np.ones(3), unit):
        said = eqx.tree_at(lambda a: a.person, asked(one, seed=seed)[0], person)
        people = fit_people(Linear(NAMES), HUMAN, said, n_draws=16, throw=False)
        groups = fit_groups(Linear(NAMES), HUMAN, said, 2, n_starts=2)
        found.append(
            [
                one * np.asarray(people.reward.weights),
                one * np.exp(np.asarray(people.log_spread.location)),
                one[None] * np.asarray(groups.rewards.weights),
                np.asarray(groups.share),
            ]
        )
    for plain, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, plain, rtol=1e-2, atol=1e-3)


@seeds
@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40], ids=["small", "large"])
@pytest.mark.parametrize("method", [SHORT, MAP()], ids=["Ensemble", "MAP"])
def test_a_network_takes_features_of_any_unit(method, unit, seed):
    form = Network(FeatureInputs(NAMES), (8,))
    plain, other = (
        fit(form, HUMAN, asked(one, offset, seed=seed)[0], method)
        for one, offset in ((1.0, 0.0), (unit, 8.0 * unit))
    )
    assert float(other.neg_log_likelihood()) < np.log(2.0)
    assert float(other.neg_log_likelihood()) == pytest.approx(
        float(plain.neg_log_likelihood()), abs=0.02
    )


@methods
@pytest.mark.parametrize("bad", [np.nan, np.inf], ids=str)
def test_what_is_not_finite_is_refused_by_its_name(method, bad):
    said, _ = asked(1.0)
    features = np.array(said.options.transition.features)
    features[3, 0, 0, 1] = bad
    options = segments(jnp.asarray(features))
    said = answered(options, np.asarray(said.choice))
    with pytest.raises(ValueError, match=r"feature 'f1' is (nan|inf) at step 0 of ans"):
        fit(Linear(NAMES), HUMAN, Dataset.of(said), method)


def test_behind_an_end_it_does_not_matter():
    said, _ = asked(1.0)
    features = np.array(said.options.transition.features)
    weight = np.array(said.options.weight)
    weight[3, 0, 0] = 0.0
    results = []
    for value in (0.0, np.nan):
        features[3, 0, 0, 1] = value
        options = segments(jnp.asarray(features))
        options = type(options)(
            options.transition, jnp.asarray(weight), options.present
        )
        results.append(fit(Linear(NAMES), HUMAN, answered(options, said.choice)).mode)
    np.testing.assert_array_equal(*results)
