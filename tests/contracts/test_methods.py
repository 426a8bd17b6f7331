"""One suite over every method of inference, and every prior."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import volition.inference
from tests.reference.paths import answered, featured_world, one, pairs, rows, sums
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import (
    MAP,
    NUTS,
    AbstractMethod,
    AbstractPrior,
    Ensemble,
    Laplace,
    LastLayer,
    Normal,
    Sequential,
    Signed,
    fit,
)
from volition.reward import AbstractReward

SEED = 6
SHORT = Ensemble(3, n_steps=60, batch_size=16, step_size=0.1)
METHODS = {
    "MAP": MAP(),
    "Laplace": Laplace(),
    "NUTS": NUTS(n_draws=2000),
    "Ensemble": SHORT,
    "LastLayer": LastLayer(SHORT),
    "Sequential": Sequential(n_draws=1000),
}
SCALE = np.array([0.7, 2.0, 1.3])
PRIORS = {"normal": Normal(SCALE), "signed": Signed((1, 0, -1), SCALE)}
TRACES = []


class Counted(AbstractReward):
    """Linear, and says when it is traced."""

    weights: jax.Array

    def __call__(self, transition):
        TRACES.append(0)
        return jnp.dot(transition.features, self.weights)

    @property
    def feature_names(self):
        return WORLD.feature_names


WORLD = featured_world(SEED, terminal=(3,))
QUESTIONS = pairs(SEED, WORLD, 40, 3)
CHOICES = np.random.default_rng(SEED).integers(0, 2, 40)
ANSWERS = answered(QUESTIONS, CHOICES)
HUMAN = Boltzmann(choice=BradleyTerry())
REWARD = Counted(jnp.array([0.2, 0.1, -0.3]))

methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
priors = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
seeds = pytest.mark.parametrize("seed", [SEED])


def infer(method, answers, prior=PRIORS["normal"], seed=SEED, **arguments):
    key = jax.random.key(seed)
    return fit(REWARD, HUMAN, answers, method, prior=prior, key=key, **arguments)


@pytest.mark.parametrize(
    "kind, listed",
    [(AbstractMethod, METHODS), (AbstractPrior, PRIORS)],
    ids=["method", "prior"],
)
def test_every_public_one_has_a_row(kind, listed):
    public = {
        thing
        for _, thing in inspect.getmembers(volition.inference, inspect.isclass)
        if issubclass(thing, kind) and not inspect.isabstract(thing)
    }
    assert public == {type(row) for row in listed.values()}


@seeds
@methods
def test_it_says_how_it_went_in_a_sentence(method, seed):
    result = infer(method, Dataset.of(ANSWERS), seed=seed).result
    assert result.converged
    assert re.fullmatch(r"[A-Zm][^\n]*\.", result.message)
    assert all(np.isfinite(list(result.diagnostics.values())))


@seeds
@methods
def test_one_more_answer_compiles_nothing(method, seed):
    infer(method, Dataset.of(rows(ANSWERS, slice(38))), seed=seed)
    before = len(TRACES)
    assert before > 0
    infer(method, Dataset.of(rows(ANSWERS, slice(39))), seed=seed)
    grown = Dataset.of(rows(ANSWERS, slice(39))).append(one(ANSWERS, 39))
    infer(method, grown, seed=seed)
    assert len(TRACES) == before
    if isinstance(method, MAP):  # where it takes least, to see that it can fail
        infer(method, Dataset.of(ANSWERS, 128), seed=seed)
        assert len(TRACES) > before


@seeds
@methods
def test_the_same_key_gives_the_same_bits(method, seed):
    def drawn(belief, sample_seed):
        return np.asarray(belief.sample(jax.random.key(sample_seed), 7).weights)

    here, there = (infer(method, Dataset.of(ANSWERS), seed=seed) for _ in range(2))
    assert drawn(here, 1).tobytes() == drawn(there, 1).tobytes()
    assert drawn(here, 1).shape == (7, 3)
    if isinstance(method, Ensemble):  # members are drawn again and again
        assert (drawn(here, 1) != drawn(here, 2)).any()
    elif not isinstance(method, MAP):  # a point has but one sample
        assert (drawn(here, 1) != drawn(here, 2)).all()


@seeds
@methods
def test_the_mode_is_where_the_slope_is_nothing(method, seed):
    # Bradley-Terry under a Gaussian: one maximum, the same for every method.
    if isinstance(method, Ensemble):
        pytest.skip("members are drawn to points of their own: test_ensemble.py")
    belief = infer(method, Dataset.of(ANSWERS), seed=seed)
    slope = jax.jit(jax.grad(belief.problem.log_density))(belief.mode)
    np.testing.assert_allclose(slope, 0.0, atol=1e-4)


# The signed prior has an open parameter too, so the sampler, slow to compile, is run
# with that one alone.
@pytest.mark.parametrize(
    "method, prior",
    [
        pytest.param(method, prior, id=f"{name}, {of}")
        for name, method in METHODS.items()
        for of, prior in PRIORS.items()
        if (name, of) != ("NUTS", "normal")
        and name != "Ensemble"  # of which members are draws: test_ensemble.py
    ],
)
@seeds
def test_without_answers_there_is_the_prior(method, prior, seed):
    belief = infer(method, Dataset.empty(), prior, seed)
    signs = np.array(prior.signs) if isinstance(prior, Signed) else np.zeros(3)
    # A half-Gaussian on the scale of its logarithm, where density is |w| times that of
    # w, is highest at |w| = scale; an open weight at 0.
    np.testing.assert_allclose(
        prior.constrain(belief.mode), signs * SCALE, atol=1e-4, rtol=1e-4
    )
    if isinstance(method, MAP):
        drawn = belief.sample(jax.random.key(seed), 2).weights
        np.testing.assert_allclose(drawn[0], belief.mean.weights, rtol=1e-12)
    elif isinstance(method, Laplace | LastLayer):
        # Of a half-Gaussian, log density = u - e^(2 u) / (2 scale^2): curvature 2.
        sd = np.where(signs == 0, SCALE, np.sqrt(0.5))
        np.testing.assert_allclose(belief.belief.covariance, np.diag(sd**2), rtol=1e-3)
    else:
        weights = np.asarray(jax.vmap(prior.constrain)(belief.belief.draws))
        n_effective = belief.result.diagnostics["n_effective"]
        assert n_effective > 300
        half = stats.halfnorm(scale=SCALE)
        mean = np.where(signs == 0, 0.0, signs * half.mean())
        sd = np.where(signs == 0, SCALE, half.std())
        error = sd / np.sqrt(n_effective)
        assert (np.abs(weights.mean(axis=0) - mean) < 4 * error).all()
        np.testing.assert_allclose(belief.mean.weights, weights.mean(axis=0), rtol=1e-9)
        # Of a variance, as of the mean of (w - mean)^2: kurtosis k gives (k - 1) sd^4,
        # at most 3 sd^4 for these two (3 and 3.87).
        spread = weights.var(axis=0)
        assert (np.abs(spread - sd**2) < 4 * sd**2 * np.sqrt(3 / n_effective)).all()


@seeds
@priors
def test_a_hundredfold_capacity_changes_nothing(prior, seed):
    part = rows(ANSWERS, slice(20))
    few, many = (
        infer(Laplace(), Dataset.of(part, capacity), prior, seed)
        for capacity in (20, 2000)
    )
    np.testing.assert_allclose(few.mode, many.mode, atol=1e-5)
    np.testing.assert_allclose(
        few.belief.covariance, many.belief.covariance, atol=1e-5, rtol=1e-5
    )


@seeds
def test_many_draws_agree_with_the_gaussian_where_it_is_one(seed):
    # 40 answers on a tight prior: nearly Gaussian. Laplace's mode stands for its mean,
    # from which the skew may move it by a tenth of a standard deviation.
    tight = Normal(np.full(3, 0.2))
    laplace = infer(Laplace(), Dataset.of(ANSWERS), tight, seed)
    nuts = infer(METHODS["NUTS"], Dataset.of(ANSWERS), tight, seed)
    drawn = np.asarray(nuts.belief.draws)
    sd = np.sqrt(np.diag(laplace.belief.covariance))
    error = sd / np.sqrt(nuts.result.diagnostics["n_effective"])
    assert (np.abs(drawn.mean(axis=0) - laplace.mode) < 0.1 * sd + 4 * error).all()
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.15)
    # And the answers did narrow it.
    assert sd.min() < 0.9 * 0.2
    assert np.abs(sums(QUESTIONS)).max() > 1.0
