"""What people left behind, beside the published table; and how it is counted."""

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.state_of_the_world import (
    CASES,
    GOLDEN,
    N_STATES,
    SPREAD,
    WAYS,
    Scene,
    shares,
)
from volition import env, value
from volition.feedback import world_state
from volition.human import Boltzmann, Known, SoftHorizon
from volition.reward import Linear

TOLERANCE = 1e-3
ROWS = [
    (name, way, share)
    for name in CASES
    for way, share in zip(WAYS, GOLDEN[name], strict=True)
    if share is not None
]


@pytest.fixture(scope="module")
def scenes():
    made = {}

    def scene(name):
        if name not in made:
            made[name] = Scene(CASES[name])
        return made[name]

    return scene


@pytest.mark.parametrize(
    "name, way, share", ROWS, ids=[f"{name}: {way}" for name, way, _ in ROWS]
)
def test_each_share_is_the_published_one(scenes, name, way, share):
    found = shares(scenes(name), (way,))[way]
    assert found["share"] == pytest.approx(share, abs=TOLERANCE)


def test_both_ways_to_combine_agree_where_the_vase_stands(scenes):
    found = shares(scenes("room"), ("additive", "bayesian"))
    assert [found[way]["share"] for way in ("additive", "bayesian")] == [1.0, 1.0]
    assert found["additive"]["weights"]["broken vases"] < -0.2
    assert found["bayesian"]["weights"]["broken vases"] < -0.2


def test_a_vase_that_was_out_of_reach_says_nothing(scenes):
    scene = scenes("far vase")
    found = shares(scene, ("additive",))["additive"]["weights"]
    assert found["broken vases"] == pytest.approx(0.0, abs=1e-6)
    assert found["at A"] > 0.3


def test_the_mode_is_one_by_an_oracle_in_numpy(scenes):
    """Likelihood by plain loops; no point near the mode is more probable."""
    scene = scenes("room")
    successor = np.asarray(scene.world.successor)[..., 0]
    features = np.asarray(scene.world.features)[:, :, 0]

    def log_density(weights):
        paid, soft, policies = features @ weights, np.zeros(len(successor)), []
        for _ in range(scene.n_steps):
            q = paid + soft[successor]
            soft = np.log(np.exp(q).sum(axis=1))
            policies.insert(0, np.exp(q - soft[:, None]))
        mass = np.asarray(scene.world.initial)
        for policy in policies:
            after = np.zeros_like(mass)
            np.add.at(after, successor, mass[:, None] * policy)
            mass = after
        return np.log(mass[scene.present]) - (weights**2).sum() / (2 * SPREAD**2)

    belief = scene.infer(jnp.zeros(features.shape[-1]), scene.world.initial)
    mode = np.asarray(belief.mode)
    around = 0.02 * np.random.default_rng(0).normal(size=(200, mode.size))
    assert max(log_density(mode + step) for step in around) < log_density(mode)
    # All but the constant of the Gaussian, which is not in it.
    constant = mode.size * np.log(SPREAD * np.sqrt(2 * np.pi))
    expected = belief.result.log_density + constant
    assert log_density(mode) == pytest.approx(expected, abs=1e-9)


def test_relative_reachability_by_hand():
    """In a corridor a vase bars the way: who broke it cannot stand in 3 states."""
    world = env.room(["SVAB"], discount=1.0)
    start = int(np.argmax(np.asarray(world.initial)))
    found = value.relative_reachability(world, start, idle=4, n_steps=2, ahead=5)
    breaks = world.action_names.index("east")
    expected = np.zeros((2, world.n_actions))
    expected[:, breaks] = 1.0
    np.testing.assert_allclose(found[:, start], expected, atol=1e-12)


def test_relative_reachability_is_less_where_less_is_lost():
    """Of two vases, one broken and both broken: by listing what can be reached."""
    world = env.room(["VSVAB"], discount=1.0)
    start, ahead = int(np.argmax(np.asarray(world.initial))), 9
    successor = np.asarray(world.successor)[..., 0]

    def reached(state):
        here = {state}
        for _ in range(ahead):
            here = {int(to) for one in here for to in successor[one]}
        return here

    lost = np.array([len(reached(start) - reached(s)) for s in range(world.n_states)])
    assert len(set(lost)) > 2
    found = value.relative_reachability(world, start, idle=4, n_steps=1, ahead=ahead)
    np.testing.assert_allclose(found[0], lost[successor] / lost.max(), atol=1e-12)


def test_deviation_is_the_distance_of_features(scenes):
    scene = scenes("train")
    found = np.asarray(value.deviation(scene.world, scene.present))
    successor = np.asarray(scene.world.successor)[..., 0]
    features = np.zeros((scene.world.n_states, len(scene.world.feature_names)))
    features[successor] = np.asarray(scene.world.features)[:, :, 0]
    distance = np.linalg.norm(features - features[scene.present], axis=1)
    np.testing.assert_allclose(found, distance[successor], atol=1e-12)


def test_a_penalty_for_each_step_is_planned_with():
    world = env.room(discount=1.0)
    paid = value.expected_reward(world, Linear(world.feature_names, [-1.0, 0, 1.0, 0]))
    each = jnp.stack([0.0 * paid, paid, 2.0 * paid])
    by_hand = np.zeros(world.n_states)
    successor = np.asarray(world.successor)[..., 0]
    for now in np.asarray(each)[::-1]:
        by_hand = (now + by_hand[successor]).max(axis=1)
    np.testing.assert_allclose(
        value.induction(world, each, 3).value[0], by_hand, atol=1e-12
    )
    same = value.induction(world, jnp.stack([paid] * 3), 3)
    np.testing.assert_array_equal(same.value, value.induction(world, paid, 3).value)


def test_without_a_discount_nothing_diverges():
    """Nothing ends in a room: only a person whose time runs out can plan there."""
    world = env.room(discount=1.0)
    judge = Boltzmann(acting=SoftHorizon(world, Known(1.0))).judge(
        Linear(world.feature_names)
    )
    log_probs = judge.log_probs(world_state(world.initial, N_STATES))
    assert float(jnp.exp(log_probs).sum()) == pytest.approx(1.0, abs=1e-12)
    # With no reward every path is as probable: counts of paths.
    mass = jnp.asarray(world.initial)
    for _ in range(N_STATES):
        mass = jnp.zeros_like(mass).at[world.successor[..., 0]].add(mass[:, None] / 5)
    np.testing.assert_allclose(jnp.exp(log_probs), mass, atol=1e-12)
