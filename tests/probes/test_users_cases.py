"""What users of highway-env saw their cars do, as the audit by play finds it.

Issues 268, 312, 647 and 653 of Farama-Foundation/HighwayEnv.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.users_cases import told
from volition.env import Highway
from volition.env.driving.features import NAMES
from volition.policy import act_out
from volition.probes import robustness
from volition.probes.evolution import worth
from volition.reward import HighwayReward
from volition.testing.controls.motorway import (
    GENTLY,
    KeepsLane,
    ScalarSpeed,
    audited,
    charged,
    users_cases,
)

CASES = {case.name: case for case in users_cases()}
N_SECONDS = 10
EMPTY = Highway(
    4, 0, duration=N_SECONDS, simulation_frequency=15, continuous=True, discount=0.99
)


@jax.jit
def driven(actions):
    return act_out(jax.random.key(2), EMPTY, actions)


@pytest.fixture(scope="module")
def turning():
    """Faster for 2 s, and then all the way to the right: 35 m/s, a turn a second."""
    return driven(jnp.zeros((N_SECONDS, 2)).at[:2, 0].set(1.0).at[2:, 1].set(1.0))


def test_turning_in_place_is_worth_as_much_as_driving_on(turning):
    """By hand: v sin(b) / (L / 2) = 35 * .4472 / 2.5 = 6.26 rad/s; a turn has 6.28.

    So the car heads along the road, at 35 m/s, whenever highway-env looks.
    """
    heading = np.asarray(turning.transition.next_state.vehicles.heading)[1:, 0]
    assert np.diff(heading) == pytest.approx(np.full(8, 6.26), abs=0.01)
    paid = np.asarray(jax.vmap(HighwayReward())(turning.transition))[2:]
    # The best there is in a lane: full speed, no crash.
    lane = np.asarray(turning.transition.features)[2:, NAMES.index("right lane")]
    np.testing.assert_allclose(paid, (1.4 + 0.1 * lane) / 1.5, atol=1e-6)
    x = np.asarray(turning.transition.next_state.vehicles.x[2:, 0])
    assert np.ptp(x) < 10.0  # m, in 8 s
    assert robustness(GENTLY, turning, NAMES) < -200.0


def test_who_pays_for_progress_and_charges_for_rules_does_not_pay_for_it(turning):
    paid = np.asarray(jax.vmap(charged())(turning.transition))
    assert (paid[2:] < -8.0).all()
    assert (paid[:2] > 0.9).all()


def test_speed_whichever_way_it_leads_pays_against_the_road_too(turning):
    last = jax.tree.map(lambda leaf: leaf[-1], turning.transition)
    against = dict(zip(NAMES, np.asarray(last.features).tolist(), strict=True))
    against |= {"speed": -35.0, "high speed": 0.0}
    backwards = eqx.tree_at(
        lambda step: step.features,
        last,
        jnp.asarray(list(against.values()), dtype=last.features.dtype),
    )
    then, now = ScalarSpeed(), HighwayReward()
    assert float(then(backwards)) == float(then(last)) == float(now(last))
    np.testing.assert_allclose(float(now(last)) - float(now(backwards)), 0.4 / 1.5)


def test_a_drive_is_told_in_numbers(turning):
    """Turns one way, or each against the one before; standing, and driving back."""
    turns = told(turning)
    assert turns["to_and_fro"] == 0.0
    assert turns["turns"] == pytest.approx(8.0, abs=0.05)
    sign = jnp.where(jnp.arange(N_SECONDS) % 2 == 0, 1.0, -1.0)
    snakes = told(driven(jnp.zeros((N_SECONDS, 2)).at[:, 1].set(0.2 * sign)))
    assert snakes["to_and_fro"] == 1.0
    assert snakes["reverses"] == snakes["stands"] == 0.0
    brakes = told(driven(jnp.zeros((N_SECONDS, 2)).at[:, 0].set(-1.0)))
    # From 25 m/s: 20, 15, ... 0, -5, ... -25 at the end of each second.
    assert (brakes["stands"], brakes["reverses"]) == (0.1, 0.5)
    assert brakes["turns"] == 0.0
    assert brakes["slowest"] == pytest.approx(-25.0, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_audit_by_play_finds_what_users_saw_and_nothing_else(name):
    case = CASES[name]
    found = audited(jax.random.key(0), case, n_generations=24)
    bargains = [one for one in found.findings if one.probe == "bargain"]
    assert bool(bargains) == case.positive
    for bargain in bargains:
        breaks, keeps = (one.seen for one in bargain.episodes)
        assert robustness(case.rule, breaks, NAMES) < 0.0
        assert robustness(case.rule, keeps, NAMES) >= 0.0
        for rule in case.kept:
            assert min(robustness(rule, one, NAMES) for one in (breaks, keeps)) >= 0.0
        usual = jnp.asarray(0.0)
        paid = [
            float(worth(one, case.reward, jnp.asarray(0.99), usual))
            for one in (breaks, keeps)
        ]
        assert paid[0] > paid[1]


@pytest.mark.slow
def test_who_keeps_his_lane_brakes_for_a_slower_one_ahead():
    policy, key = KeepsLane(), jax.random.key(0)
    alone = jnp.zeros((5, 5)).at[0].set(jnp.array([1.0, 0.5, 0.25, 25.0 / 80.0, 0.0]))
    assert policy(key, alone).tolist() == [1.0, 0.0]
    ahead = alone.at[1].set(jnp.array([1.0, 20.0 / 200.0, 0.0, -5.0 / 80.0, 0.0]))
    assert policy(key, ahead)[0] < -0.5
    beside = ahead.at[1, 2].set(0.25)
    assert policy(key, beside).tolist() == [1.0, 0.0]
