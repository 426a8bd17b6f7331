"""The verb: what it returns, when it refuses, and that it finds what people want."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs
from volition.env import delivery
from volition.feedback import Dataset, comparison
from volition.human import Boltzmann, BradleyTerry, Davidson, Fraction, Lapse, Positive
from volition.inference import (
    MAP,
    NUTS,
    Laplace,
    Normal,
    Problem,
    Result,
    Signed,
    by_evidence,
    fit,
)
from volition.inference.nuts import _judge
from volition.reward import Linear, delivery_true

SEED = 8
WORLD = featured_world(SEED)
OPTIONS = pairs(SEED, WORLD, 30, 3)
CHOICES = np.random.default_rng(SEED).integers(0, 3, 30)
ANSWERS = Dataset.of(answered(OPTIONS, CHOICES))
REWARD = Linear(WORLD.feature_names)


def test_what_is_left_out_is_said_in_the_docstring():
    default = fit(REWARD, Boltzmann(), ANSWERS)
    made = np.asarray(OPTIONS.weight) > 0
    seen = np.asarray(OPTIONS.transition.features)[made]
    span = seen.max(axis=0) - seen.min(axis=0)
    # A feature that never varies counts by its size.
    span = np.where(span > 0, span, np.abs(seen).max(axis=0))
    stated = fit(
        REWARD,
        Boltzmann(),
        ANSWERS,
        Laplace(),
        prior=Normal(10.0 / span),
        key=jax.random.key(0),
    )
    np.testing.assert_array_equal(default.mode, stated.mode)
    np.testing.assert_array_equal(default.belief.covariance, stated.belief.covariance)


def test_the_person_is_inferred_along_with_the_reward():
    human = Boltzmann(choice=Lapse(Davidson(Positive(0.5)), Fraction(0.05)))
    belief = fit(REWARD, human, ANSWERS, MAP(), prior=Normal(1.0))
    assert belief.mode.shape == (3 + 2,)
    inferred = belief.human.choice
    # Two thirds of random answers are no ties: P(tie) = width / (2 + width) = 1 / 3 or
    # so at width 1, where the search does not begin.
    assert 0.6 < float(inferred.inner.width.value) < 2.5
    # Its parameters follow the reward's, in the order of its fields.
    raws = [float(inferred.inner.width.raw), float(inferred.rate.raw)]
    np.testing.assert_allclose(belief.mode[3:], raws)


def test_the_start_does_not_matter_where_there_is_one_maximum():
    human, prior = Boltzmann(choice=BradleyTerry()), Normal(1.0)
    near, far = (
        fit(Linear(WORLD.feature_names, start), human, ANSWERS, MAP(), prior=prior)
        for start in (np.zeros(3), np.array([4.0, -3.0, 2.0]))
    )
    np.testing.assert_allclose(near.mode, far.mode, atol=1e-5)


@pytest.mark.parametrize("seed", [1])
def test_more_starts_find_no_worse_a_maximum(seed):
    human, key = Boltzmann(choice=BradleyTerry()), jax.random.key(seed)
    one, many = (
        fit(REWARD, human, ANSWERS, MAP(n_starts), prior=Normal(1.0), key=key)
        for n_starts in (1, 4)
    )
    assert many.result.log_density >= one.result.log_density - 1e-9
    assert many.result.message == (
        "maximum reached from 4 of 4 starts; the last search gained nothing."
    )


def test_known_signs_are_kept():
    prior = Signed((1, -1, -1), 2.0)
    human = Boltzmann(choice=BradleyTerry())
    belief = fit(REWARD, human, ANSWERS, Laplace(), prior=prior)
    assert np.sign(belief.mean.weights).tolist() == [1, -1, -1]
    drawn = np.asarray(belief.sample(jax.random.key(SEED), 50).weights)
    assert (np.sign(drawn) == [1, -1, -1]).all()


@pytest.mark.parametrize("signs", [(1, -1, -1), (-1, 1, 1), (0, 1, -1)], ids=str)
def test_the_curvature_is_the_observed_one_whatever_the_signs(signs):
    # Answers that contradict a sign push its weight to 0, where no information is left.
    human, prior = Boltzmann(choice=BradleyTerry()), Signed(signs, 2.0)
    belief = fit(REWARD, human, ANSWERS, Laplace(), prior=prior).belief
    problem = Problem(REWARD, human, ANSWERS, prior)
    observed = -jax.jit(jax.hessian(problem.log_density))(belief.location)
    assert np.linalg.eigvalsh(observed).min() > 0.0
    np.testing.assert_allclose(
        belief.covariance, np.linalg.inv(observed), rtol=1e-6, atol=1e-9
    )


def test_what_did_not_converge_is_raised_or_told():
    lost = Linear(WORLD.feature_names, np.array([np.nan, 0.0, 0.0]))
    with pytest.raises(RuntimeError, match=r"did not converge.*throw=False returns"):
        fit(lost, Boltzmann(), ANSWERS, MAP())
    told = fit(lost, Boltzmann(), ANSWERS, MAP(), throw=False).result
    assert not told.converged
    assert told.message.endswith("it still gains inf. What it found is not finite.")


@pytest.mark.parametrize(
    "shift, n_draws, converged",
    [(0.0, 100, True), (3.0, 100, False), (0.0, 5, False)],
    ids=["fine", "chains apart", "few draws"],
)
@pytest.mark.parametrize("seed", [4])
def test_draws_are_judged_by_agreement_and_number(seed, shift, n_draws, converged):
    draws = jax.random.normal(jax.random.key(seed), (4, n_draws, 2))
    draws = draws.at[0, :, 1].add(shift)
    first = Result(True, "found.", -3.0, {"n_starts": 1.0})
    result = _judge(draws, jnp.asarray(0.87), first)
    assert result.converged == converged
    assert f"draws of {4 * n_draws}, 87% accepted." in result.message
    assert (result.diagnostics["r_hat"] > 1.1) == (shift > 0)
    assert result.diagnostics["n_starts"] == 1.0


@pytest.mark.parametrize("n_draws, n_chains", [(10, 1), (10, 4), (0, 4)])
def test_draws_that_do_not_divide_are_refused(n_draws, n_chains):
    with pytest.raises(
        ValueError, match=f"n_draws = {n_draws} must be a positive multiple"
    ):
        NUTS(n_draws=n_draws, n_chains=n_chains)


def test_no_answers_have_no_likelihood():
    belief = fit(REWARD, Boltzmann(), Dataset.empty())
    with pytest.raises(ValueError, match="no answers yet: ask first"):
        belief.neg_log_likelihood()


PERSON = Boltzmann(choice=Lapse(Davidson(Positive(0.5)), Fraction(0.05)))


@eqx.filter_jit
def say(reward, keys, questions):
    judge = PERSON.judge(reward)
    answer = lambda key, pair: judge.sample(key, comparison(pair)).choice
    return jax.vmap(answer)(keys, questions)


def test_a_simulated_person_is_understood():
    """500 answers about random pairs of 3 moves, mean over seeds 0 to 7.

    The scale of the prior is chosen by evidence: at a scale of 10, where what is seldom
    seen (the goal, a sheep) runs away, the mean cosine of 40 seeds is .93 +- .01.
    """
    world = delivery()
    # A tenth of the reward that the world states: at its full size a person would
    # hardly ever err, and how much worse a sheep is than mud is not to be seen.
    truth = delivery_true().weights / 10.0
    cosines = []
    for seed in range(8):
        questions = pairs(seed, world, 500, 3)
        keys = jax.random.split(jax.random.key(seed), 500)
        choices = np.asarray(say(Linear(world.feature_names, truth), keys, questions))
        belief = by_evidence(
            Linear(world.feature_names),
            PERSON,
            Dataset.of(answered(questions, choices)),
            [Normal(scale) for scale in (1.0, 3.0, 10.0)],
        )
        found = np.asarray(belief.mean.weights)
        size = np.linalg.norm(found) * np.linalg.norm(truth)
        cosines.append(float(found @ truth / size))
    assert np.mean(cosines) >= 0.95
    # Standard error of that mean.
    assert np.std(cosines) / np.sqrt(8) < 0.02
