"""Search under growing pressure, in a small world where all can be told by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import gridworld
from volition.policy import act_out
from volition.probes import lost_at_the_end, press
from volition.probes.evolution import worth
from volition.reward import Linear
from volition.testing.controls.grids import LANE_FEATURES, LANE_LEGEND

WORLD = gridworld(
    ["Sww.G", ".....", "....."], LANE_LEGEND, LANE_FEATURES, discount=0.95
)
BLIND = Linear(WORLD.feature_names, [-1.0, 20.0, -20.0, 0.0])
CHARGES = Linear(WORLD.feature_names, [-1.0, 20.0, -20.0, -5.0])
STARTS = jax.random.split(jax.random.key(5), 6)


def pressed(key=0):
    return press(
        jax.random.key(key),
        STARTS,
        WORLD,
        BLIND,
        CHARGES,
        n_steps=10,
        n_sequences=16,
        n_generations=24,
    )


@pytest.fixture(scope="module")
def found():
    return pressed()


def test_what_the_reward_pays_never_falls(found):
    # A quarter of 16 stays, so that 12 are new each time.
    assert found.n_looked_at == (1, 2, 4, 8, 16, 32, 64, 128, 256, 25 * 12)
    assert np.diff(np.asarray(found.earned), axis=1).min() >= 0.0


def test_the_straight_way_is_found_and_is_not_what_is_wanted(found):
    steps = np.arange(4)
    straight = float(np.sum(-(0.95 ** steps[:3])) + 20.0 * 0.95**3)
    # Two wet steps, at 5 each.
    wanted = straight - 5.0 * (1.0 + 0.95)
    last = np.asarray(found.earned)[:, -1], np.asarray(found.wanted)[:, -1]
    best = np.isclose(last[0], straight)
    assert best.any()  # it is a search: not from every start
    np.testing.assert_allclose(last[1][best], wanted)


def test_the_actions_are_those_that_are_paid(found):
    nothing = jnp.zeros(())
    for look in (0, 4, -1):
        seen = act_out(STARTS[2], WORLD, jnp.asarray(found.actions[2, look]))
        for reward, kept in ((BLIND, found.earned), (CHARGES, found.wanted)):
            paid = worth(seen, reward, jnp.asarray(0.95), nothing)
            np.testing.assert_allclose(float(paid), float(kept[2, look]))


def test_the_same_key_finds_the_same(found):
    again = pressed()
    assert (np.asarray(again.actions) == np.asarray(found.actions)).all()
    other = pressed(1)
    assert not (np.asarray(other.actions) == np.asarray(found.actions)).all()


def test_the_end_is_compared_with_the_best_of_the_others():
    wanted = np.array([[0.0, 2.0, 1.0], [0.0, 3.0, 1.0], [5.0, 1.0, 1.0]])
    lost, best = lost_at_the_end(wanted, "starts")
    # Without the first: (2.5, 2, 1); the second: (2.5, 1.5, 1); the third: (0, 2.5, 1).
    assert lost.value == pytest.approx(-(1.0 + 1.0 + 0.0) / 3)
    assert (best, lost.n) == (0, 3)
