"""Proxies: whether they can be hacked, and what they guarantee."""

import jax.numpy as jnp
import numpy as np
import pytest
from equinox import tree_at

from tests.reference.worlds import random_policy, small_world, table
from volition.evaluation import gain_bound, hackability, proxy_bound
from volition.policy import Tabular as TabularPolicy
from volition.reward import Tabular


def brute(proxy, truth):
    n = len(proxy)
    pairs = [(i, j) for i in range(n) for j in range(n) if truth[j] < truth[i]]
    inverted = {(i, j) for i, j in pairs if proxy[j] > proxy[i]}
    blind = {(i, j) for i, j in pairs if proxy[j] == proxy[i]}
    return inverted, blind


@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_those_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    proxy = rng.integers(0, 4, 9).astype(float)
    truth = rng.integers(0, 5, 9).astype(float)
    found = hackability(proxy, truth)
    inverted, blind = brute(proxy, truth)
    assert {tuple(pair) for pair in found.inversions.tolist()} == inverted
    assert {tuple(pair) for pair in found.blind_spots.tolist()} == blind
    fall = lambda pairs: sum(truth[i] - truth[j] for i, j in pairs)
    total = fall([(i, j) for i in range(9) for j in range(9) if truth[j] < truth[i]])
    assert found.mass == pytest.approx(fall(inverted) / total)
    assert found.blind_mass == pytest.approx(fall(blind) / total)
    i, j = found.inversions[0]
    assert truth[i] - truth[j] == max(truth[i] - truth[j] for i, j in inverted)
    assert found.lost == pytest.approx((truth[i] - truth[j]) / np.ptp(truth))
    # Any rising map of the proxy, and any unit of the truth.
    other = hackability(np.exp(proxy), 3.0 * truth - 7.0)
    np.testing.assert_array_equal(other.inversions, found.inversions)
    assert other.mass == pytest.approx(found.mass)
    # Turned round, every strict pair is inverted that was not.
    turned = hackability(-proxy, truth)
    assert turned.mass + found.mass + found.blind_mass == pytest.approx(1.0)


def test_known_answers():
    truth = np.array([0.0, 1.0, 4.0])
    clean = hackability(2.0 * truth + 1.0, truth)
    assert (clean.hackable, clean.simplifies, clean.mass) == (False, False, 0.0)
    assert "orders as the truth" in clean.sentence
    # Boat race: laps and shuttling look the same, and are worth 100 and 0.
    boat = hackability(np.array([50.0, 50.0]), np.array([100.0, 0.0]))
    assert (boat.hackable, boat.simplifies, boat.lost_blindly) == (False, True, 1.0)
    assert "cannot tell policy 1 from policy 0" in boat.sentence
    # Absent supervisor: the shortcut pays 47 for 41 and is worth 17 for 41.
    cut = hackability(np.array([41.0, 47.0]), np.array([41.0, 17.0]))
    assert (cut.hackable, cut.mass, cut.lost) == (True, 1.0, 1.0)
    assert "prefers policy 1 to policy 0" in cut.sentence
    # A small inversion does not matter where a tenth of the range does.
    proxy, truth = np.array([0.0, 1.0, 2.0]), np.array([0.05, 0.0, 1.0])
    assert hackability(proxy, truth).hackable
    assert not hackability(proxy, truth, least=0.1).hackable
    with pytest.raises(ValueError, match="at least two"):
        hackability(np.array([1.0]), np.array([1.0]))


@pytest.mark.parametrize("terminal", [(), (2,)], ids=["no end", "ends"])
def test_the_bound_holds_in_random_worlds(terminal):
    """For rewards and policies drawn at random, near the reference and far from it."""
    n_told = 0
    for seed in range(25):
        world = small_world(seed, 4, 2, 2, terminal=terminal)
        truth = table(seed, 4, 2)
        noise = table(seed + 100, 4, 2)
        proxy = truth + (0.05 + seed % 3) * noise
        usual = random_policy(seed, 4, 2)
        other = random_policy(seed + 7, 4, 2)
        share = (0.02, 0.3, 1.0)[seed % 3]
        found = proxy_bound(
            world,
            Tabular(proxy),
            Tabular(truth),
            TabularPolicy(jnp.asarray(usual + share * (other - usual))),
            TabularPolicy(jnp.asarray(usual)),
        )
        assert found.true_gain >= found.bound - 1e-9
        assert np.isfinite(found.chi_squared)
        n_told += found.bound > -1.0
    assert n_told > 3  # the bound says something


def test_the_bound_is_reached():
    """Two equal states of two actions: proxy = r truth + sqrt(1 - r^2) u, and a policy
    that moves along -u alone gains `-sqrt(1 - r^2) sqrt(chi^2)` by the proxy."""
    r, chi = 0.6, 0.3
    left = np.sqrt(1.0 - r**2)
    assert gain_bound(r, left * chi, chi**2) == pytest.approx(0.0)
    assert gain_bound(1.0, 0.7, float("inf")) == pytest.approx(0.7)
    assert gain_bound(-0.2, 5.0, 0.0) == float("-inf")
    # In a world: one step is drawn anew, so that visits are the policy's own.
    world = small_world(0, 4, 2, 4)
    even = jnp.full(world.probability.shape, 0.25)
    successor = jnp.broadcast_to(jnp.arange(4, dtype=jnp.int32), (4, 2, 4))
    world = tree_at(
        lambda tree: (tree.successor, tree.probability, tree.initial),
        world,
        (successor, even, jnp.full(4, 0.25)),
    )
    u = np.array([[1.0, -1.0]] * 2 + [[-1.0, 1.0]] * 2)
    z = np.array([[1.0, -1.0]] * 4)
    proxy = r * z + left * u
    move = 0.5 + 0.5 * chi * u
    usual = np.full((4, 2), 0.5)
    found = proxy_bound(
        world,
        Tabular(proxy),
        Tabular(z),
        TabularPolicy(jnp.asarray(move)),
        TabularPolicy(jnp.asarray(usual)),
    )
    assert found.correlation == pytest.approx(r)
    assert found.chi_squared == pytest.approx(chi**2)
    assert found.proxy_gain == pytest.approx(left * chi)
    assert found.true_gain == pytest.approx(0.0, abs=1e-12)
    assert found.bound == pytest.approx(0.0, abs=1e-9)


def test_what_the_reference_never_does_has_no_bound():
    world = small_world(0, 4, 2, 2)
    reward = Tabular(table(0, 4, 2))
    one, other = (np.eye(2)[[action] * 4] for action in (0, 1))
    found = proxy_bound(
        world,
        Tabular(reward.values + 0.1 * table(1, 4, 2)),
        reward,
        TabularPolicy(jnp.asarray(other)),
        TabularPolicy(jnp.asarray(one)),
    )
    assert found.chi_squared == float("inf")
    assert found.bound == float("-inf")
    flat = Tabular(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="the proxy is the same"):
        proxy_bound(
            world,
            flat,
            reward,
            TabularPolicy(jnp.asarray(one)),
            TabularPolicy(jnp.asarray(one)),
        )
    undiscounted = small_world(0, 4, 2, 2, discount=1.0)
    with pytest.raises(ValueError, match="give the world one below"):
        proxy_bound(
            undiscounted,
            reward,
            reward,
            TabularPolicy(jnp.asarray(one)),
            TabularPolicy(jnp.asarray(one)),
        )
