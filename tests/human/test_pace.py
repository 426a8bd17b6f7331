"""Pace: the density of a decision's time against what is known of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from tests.reference.paths import judge_of_worths, valued
from volition.feedback import FIRST, TIE, Dataset, comparison
from volition.human import Boltzmann, BradleyTerry, Diffusion, Positive
from volition.inference import Normal, Problem
from volition.reward import Linear

AHEAD = [0.0, -1.3, 4.0, 12.0]
PACE = Diffusion(Positive(1.4), Positive(0.35))
SECONDS = np.concatenate([np.linspace(0.351, 40.0, 40_000)])


@jax.jit
def density(ahead, seconds):
    return jnp.exp(jax.vmap(PACE.log_density, (None, 0))(ahead, seconds))


@pytest.mark.parametrize("ahead", AHEAD)
def test_it_is_a_density_with_the_mean_that_is_known(ahead):
    each = np.asarray(density(jnp.asarray(ahead), jnp.asarray(SECONDS)))
    mass = integrate.trapezoid(each, SECONDS)
    mean = integrate.trapezoid(each * SECONDS, SECONDS)
    assert mass == pytest.approx(1.0, abs=1e-5)
    # Mean first passage from 0 out of (-b, b) with drift v: (b / v) tanh(b v), and
    # b^2 without drift; here v = ahead / (2 b).
    drift = ahead / 2.8
    passage = 1.4 / drift * np.tanh(1.4 * drift) if ahead else 1.4**2
    assert mean == pytest.approx(0.35 + passage, abs=1e-4)


def test_the_two_series_meet():
    times = jnp.asarray([0.5 - 1e-9, 0.5 + 1e-9]) * 1.4**2 + 0.35
    before, after = density(jnp.asarray(1.0), times)
    assert float(before) == pytest.approx(float(after), rel=1e-7)


@pytest.mark.parametrize("seed", [1])
def test_it_is_that_of_a_random_walk(seed):
    """Against 4,000 walks of small steps, by a two-sample test at 4 sigma."""
    generator = np.random.default_rng(seed)
    n, dt, drift, bound = 4000, 2e-3, 1.0, 1.0
    where, left = np.zeros(n), np.full(n, np.nan)
    for step in range(8000):
        inside = np.isnan(left)
        noise = generator.normal(size=inside.sum())
        where[inside] += drift * dt + np.sqrt(dt) * noise
        # Half a standard deviation of a step is walked past a bound unseen (Broadie,
        # Glasserman, Kou 1997: 0.5826).
        left[inside & (np.abs(where) >= bound - 0.5826 * np.sqrt(dt))] = step * dt
        if not inside.any():
            break
    pace = Diffusion(Positive(1.0), Positive(1e-6))
    keys = jax.random.split(jax.random.key(seed), n)
    drawn = np.asarray(jax.vmap(pace.sample, (0, None))(keys, jnp.asarray(2.0)))
    assert stats.ks_2samp(left, drawn).pvalue > 6e-5


def test_faster_than_the_delay_is_all_but_impossible():
    logs = jax.vmap(PACE.log_density, (None, 0))(
        jnp.asarray(1.0), jnp.array([0.0, 0.1, 0.34])
    )
    assert np.isfinite(logs).all()
    assert (np.asarray(logs) < -400).all()
    slope = jax.grad(PACE.log_density, argnums=1)(jnp.asarray(1.0), jnp.asarray(0.1))
    assert float(slope) > 0


def test_time_counts_for_choices_between_two_alone():
    plain = judge_of_worths(BradleyTerry())
    human = Boltzmann(choice=BradleyTerry(), pace=PACE)
    judge = human.judge(Linear(("worth",), [1.0]))
    pair = valued([1.5, 0.0])

    def extra(choice, seconds):
        answer = comparison(pair, choice, seconds=seconds)
        return float(judge.log_prob(answer) - plain.log_prob(answer))

    expected = float(PACE.log_density(jnp.asarray(1.5), jnp.asarray(2.0)))
    assert extra(FIRST, 2.0) == pytest.approx(expected, abs=1e-12)
    assert extra(FIRST, float("nan")) == 0.0
    assert extra(TIE, 2.0) == 0.0


@pytest.mark.parametrize("seed", [4])
def test_time_tells_more_than_choices_alone(seed):
    """The curvature of the likelihood at the truth is larger."""
    generator = np.random.default_rng(seed)
    worths = generator.normal(size=(400, 2)) * 2.0
    human = Boltzmann(choice=BradleyTerry(), pace=PACE)
    reward = Linear(("worth",), [1.0])
    judge = human.judge(reward)
    keys = jax.random.split(jax.random.key(seed), len(worths))
    answers = jax.vmap(lambda key, pair: judge.sample(key, comparison(pair)))(
        keys, valued(worths)
    )
    assert np.isfinite(answers.seconds).all()

    def curvature(person):
        problem = Problem(reward, person, Dataset.of(answers), Normal())
        bend = eqx.filter_jit(lambda one: jax.hessian(one.log_likelihood)(one.start))
        return -float(bend(problem)[0, 0])

    assert curvature(human) > 1.5 * curvature(Boltzmann(choice=BradleyTerry()))
