"""Priors: signs, changes of variables, spreads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from volition.inference import Normal, Signed

SIGNS = (1, -1, 0, -1)
SCALE = np.array([2.0, 0.5, 3.0, 10.0])
SEEDS = [0, 7]


@pytest.mark.parametrize("seed", SEEDS)
def test_signs_are_kept(seed):
    free = 3.0 * np.random.default_rng(seed).standard_normal((50, 4))
    made = np.asarray(jax.vmap(Signed(SIGNS).constrain)(jnp.asarray(free)))
    assert (np.sign(made)[:, [0, 1, 3]] == [1, -1, -1]).all()
    np.testing.assert_array_equal(made[:, 2], free[:, 2])
    assert len(set(np.sign(made[:, 2]))) == 2


@pytest.mark.parametrize("prior", [Normal(SCALE), Signed(SIGNS, SCALE)], ids=repr)
@pytest.mark.parametrize("seed", SEEDS)
def test_there_and_back(seed, prior):
    free = jnp.asarray(np.random.default_rng(seed).standard_normal(4))
    np.testing.assert_allclose(prior.release(prior.constrain(free)), free, atol=1e-12)


@pytest.mark.parametrize("size", [1e-9, 2e-4, 40.0])
def test_weights_of_any_size_go_there_and_back(size):
    # A feature in metres or in milliseconds may have a tiny weight.
    prior, weights = Signed((1, -1, 0)), size * jnp.array([1.0, -1.0, 1.0])
    np.testing.assert_allclose(
        prior.constrain(prior.release(weights)), weights, rtol=1e-12
    )


@pytest.mark.parametrize("weight", [0.0, -3.0])
def test_what_has_the_wrong_sign_begins_near_0(weight):
    begun = Signed((1,)).constrain(Signed((1,)).release(jnp.array([weight])))
    assert float(begun[0]) == pytest.approx(1e-3)


def test_a_normal_is_scipys():
    free = jnp.array([0.3, -1.0, 2.0, 7.0])
    expected = stats.norm(scale=SCALE).logpdf(free).sum()
    assert float(Normal(SCALE).log_density(free)) == pytest.approx(expected)


def test_a_normal_may_be_centred_elsewhere():
    mean, free = np.array([1.0, -2.0, 0.0, 5.0]), jnp.array([0.3, -1.0, 2.0, 7.0])
    prior = Normal(SCALE, mean)
    expected = stats.norm(mean, SCALE).logpdf(free).sum()
    assert float(prior.log_density(free)) == pytest.approx(expected)
    assert np.isfinite(prior.log_density(free.astype(jnp.float32)))
    drawn = np.asarray(prior.sample(jax.random.key(0), 4000, free))
    error = 4 * SCALE / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - mean) < error).all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("scale", [0.5, 10.0])
def test_a_signed_weight_is_half_a_gaussian(sign, scale):
    # Numerically: the density of log |w| integrated gives the quantiles of |w|.
    prior = Signed((sign,), scale)
    log_density = jax.jit(lambda free: prior.log_density(free[None]))

    def density(free):
        return float(jnp.exp(log_density(jnp.asarray(free, dtype=float))))

    low, high = np.log(scale) - 30.0, np.log(scale) + 3.0
    total, _ = integrate.quad(density, low, high)
    assert total == pytest.approx(1.0, abs=1e-7)
    for share in (0.05, 0.5, 0.95):
        size = stats.halfnorm(scale=scale).ppf(share)
        assert float(prior.constrain(jnp.log(jnp.array([size])))[0]) == pytest.approx(
            sign * size
        )
        below, _ = integrate.quad(density, low, np.log(size))
        assert below / total == pytest.approx(share, abs=1e-7)
    # Its spread, on the free scale.
    mean = integrate.quad(lambda free: free * density(free) / total, low, high)[0]
    variance, _ = integrate.quad(
        lambda free: (free - mean) ** 2 * density(free) / total, low, high
    )
    found = prior.scale_of(jnp.zeros(1))
    assert float(found[0]) == pytest.approx(np.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_density_follows_the_change_of_variables(seed):
    # log p(free) = log p(w) + log |dw / dfree|, up to the constant of both.
    prior = Signed(SIGNS, SCALE)

    def expected(free):
        jacobian = np.asarray(jax.jacfwd(prior.constrain)(free))
        inside = stats.norm(scale=SCALE).logpdf(prior.constrain(free)).sum()
        return inside + np.linalg.slogdet(jacobian)[1]

    points = jnp.asarray(np.random.default_rng(seed).standard_normal((2, 4)))
    here, there = (float(prior.log_density(point)) for point in points)
    assert here - there == pytest.approx(expected(points[0]) - expected(points[1]))


def test_an_open_sign_is_the_normal():
    free = jnp.array([0.4, -2.0, 1.0])
    open_signs, normal = Signed((0, 0, 0), 2.5), Normal(2.5)
    here, there = open_signs.log_density(free), normal.log_density(free)
    assert float(here) == pytest.approx(float(there), abs=1e-14)
    np.testing.assert_array_equal(open_signs.scale_of(free), normal.scale_of(free))


@pytest.mark.parametrize("signs", [(2,), (1, -1, 3)])
def test_another_sign_is_refused(signs):
    with pytest.raises(ValueError, match="a sign is 1, -1 or 0"):
        Signed(signs)


@pytest.mark.parametrize("method", ["constrain", "release", "log_density", "scale_of"])
def test_another_number_of_signs_is_refused(method):
    with pytest.raises(ValueError, match="3 signs, the reward has 2 parameters"):
        getattr(Signed((1, 0, 1)), method)(jnp.zeros(2))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("prior", [Normal(SCALE), Signed(SIGNS, SCALE)], ids=repr)
def test_draws_are_from_the_prior(seed, prior):
    n = 4000
    drawn = prior.sample(jax.random.key(seed), n, jnp.zeros(4))
    assert drawn.shape == (n, 4)
    weights = np.asarray(jax.vmap(prior.constrain)(drawn))
    for column, scale in zip(weights.T, np.broadcast_to(SCALE, 4), strict=True):
        signs = np.unique(np.sign(column))
        both = len(signs) == 2
        expected = stats.norm(scale=scale) if both else stats.halfnorm(scale=scale)
        sizes = column if both else np.abs(column)
        assert stats.kstest(sizes, expected.cdf).pvalue > 6e-5
