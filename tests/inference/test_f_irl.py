"""f-IRL, against the paper's slope over all paths, and an expert who is found."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.special import softmax

from tests.reference.paths import featured_world, valued
from volition.env import gridworld
from volition.inference.irl import f_irl
from volition.inference.irl.f_irl import DIVERGENCES, look_at
from volition.policy import Always, episode
from volition.reward import Tabular

HORIZON = 4
# All episodes begin in one state: the paper's paths are weighed together.
WORLD = eqx.tree_at(
    lambda world: (world.initial, world.discount),
    featured_world(5, n_states=5, n_actions=2),
    (jnp.eye(5)[0], jnp.asarray(1.0)),
)
# h(u) = f(u) - f'(u) u, of f(u) = u log u, -log u, u log u - (1 + u) log((1 + u) / 2).
SLOPES = {
    "forward": lambda u: -u,
    "reverse": lambda u: 1.0 - np.log(u),
    "jensen-shannon": lambda u: -np.log(1.0 + u),
}


def all_paths():
    """Steps that begin in each state, on every path, `[path, state]`."""
    visits = []
    for actions in itertools.product(range(2), repeat=HORIZON):
        state, seen = 0, np.zeros(5)
        for action in actions:
            seen[state] += 1.0
            state = int(WORLD.successor[state, action, 0])
        visits.append(seen)
    return np.array(visits)


def by_all_paths(values, expert, h):
    """`cov over paths of (sum of h(rho_expert / rho), sum of the slope of r) / T`."""
    visits = all_paths()
    share = softmax(visits @ values)
    own = share @ visits / HORIZON
    u = np.divide(expert, own, out=np.ones(5), where=own > 0)
    told = visits @ h(u)
    return (share * (told - share @ told)) @ (visits - share @ visits) / HORIZON


@pytest.mark.parametrize(
    "divergence",
    [
        "forward",
        pytest.param("reverse", marks=pytest.mark.slow),
        pytest.param("jensen-shannon", marks=pytest.mark.slow),
    ],
)
def test_its_slope_is_the_papers_and_it_finds_the_expert(divergence):
    assert set(DIVERGENCES) == set(SLOPES)
    values = np.array([0.3, -1.0, 0.7, 0.2, -0.4])
    sought = np.array([0.0, 1.5, -0.5, 0.5, 1.0])
    shares = softmax(all_paths() @ sought) @ all_paths() / HORIZON
    learned, fixed = eqx.partition(Tabular(values), Tabular(values).learned())
    point, unravel = ravel_pytree(learned)
    _, slope = look_at(
        point, unravel, fixed, WORLD, jnp.asarray(shares), HORIZON, divergence
    )
    expected = by_all_paths(values, shares, SLOPES[divergence])
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(slope, expected, atol=1e-9)
    found = f_irl(
        WORLD,
        shares,
        horizon=HORIZON,
        divergence=divergence,
        penalty=1e-6,
        smoothing=1e-6,
    )
    assert found.converged, found.message
    np.testing.assert_allclose(found.visits, shares, atol=2e-3)


@pytest.mark.slow
def test_behind_an_end_time_is_spent_in_it():
    world = gridworld(["S.G"], discount=0.9)
    right = world.action_names.index("right")
    told = jax.vmap(lambda key: episode(key, world, Always(right), 4))(
        jax.random.split(jax.random.key(0), 2)
    )
    found = f_irl(world, told, horizon=4)
    assert found.demonstrated.tolist() == [0.25, 0.25, 0.5]
    np.testing.assert_allclose(found.visits, found.demonstrated, atol=0.05)


def test_wrong_input_is_refused_in_a_sentence():
    world = gridworld(["S..G"])
    told = valued([0.0])  # one step up, where the board ends
    with pytest.raises(ValueError, match="divergence = 'chi' must be one of"):
        f_irl(world, told, horizon=2, divergence="chi")
    with pytest.raises(ValueError, match="horizon = 0 is at least 1"):
        f_irl(world, told, horizon=0)
    with pytest.raises(ValueError, match="demonstration 0 has 1 steps, where the"):
        f_irl(world, told, horizon=3)
    with pytest.raises(ValueError, match="sum to 1"):
        f_irl(world, np.full(4, 0.5), horizon=2)
