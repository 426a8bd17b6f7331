"""Classic control, step by step against Gymnasium."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition import reward
from volition.env import (
    Acrobot,
    AcrobotState,
    CarState,
    CartPole,
    CartPoleState,
    MountainCar,
    Pendulum,
    PendulumState,
)
from volition.env.classic import acrobot
from volition.testing import check_env

# Gymnasium's; our world, its state, and the reward that is stated for it; how to act
# so that the ends are reached that random actions do not reach, by Gymnasium's state.
WORLDS = {
    "Acrobot-v1": (
        Acrobot,
        AcrobotState,
        reward.acrobot,
        lambda at: 2 if at[3] > 0 else 0,  # feeds energy in
    ),
    "CartPole-v1": (
        CartPole,
        CartPoleState,
        reward.cartpole,
        lambda at: int(at[2] + 0.5 * at[3] + 0.02 * at[0] + 0.05 * at[1] > 0),
    ),
    "MountainCar-v0": (
        MountainCar,
        CarState,
        reward.mountain_car,
        lambda at: 2 if at[1] >= 0 else 0,
    ),
    # In double precision, as Gymnasium computes with the action as it comes.
    "Pendulum-v1": (
        Pendulum,
        PendulumState,
        reward.pendulum,
        lambda at: np.array([3.0 * np.sign(at[1])]),
    ),
}
NEVER_TERMINATES = ("Pendulum-v1",)
KEY = 0


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_step_is_gymnasiums(name, seed):
    make, kind, stated, act = WORLDS[name]
    theirs, ours, paid = gymnasium.make(name), make(), stated()
    time_limit = int(ours.time_limit)
    theirs.action_space.seed(seed)
    inside = theirs.unwrapped

    @jax.jit
    def step(state, action):
        after = ours.step(jax.random.key(KEY), state, action)
        told = ours.transition(state, action, after)
        ends = ours.terminated(after), ours.truncated(after)
        return after, ours.observe(after), paid(told), told.terminated, *ends

    theirs.reset(seed=seed)
    time, episodes, terminations, truncations = 0, 0, 0, 0
    for _ in range(1200):
        sample = np.asarray(theirs.action_space.sample())
        action = act(inside.state) if episodes % 2 else sample.astype(float)
        action = np.asarray(action, float if sample.ndim else np.int32)
        before = kind(*np.asarray(inside.state, float), np.int32(time))
        # Within the wrapper that limits time, past the one that wants single precision.
        given = action if sample.ndim else int(action)
        seen, pays, terminated, _, _ = inside.step(given)
        time += 1
        truncated = time >= time_limit and not terminated
        after, sees, our_pays, told, our_terminated, our_truncated = step(
            before, action
        )
        # Theirs counts the pendulum's turns.
        expected = np.asarray(inside.state)
        if name == "Pendulum-v1":
            expected = expected - [2 * np.pi * np.round(expected[0] / (2 * np.pi)), 0.0]
        got = [float(leaf) for leaf in jax.tree.leaves(after)[:-1]]
        np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-12)
        # They show single precision.
        np.testing.assert_allclose(sees, seen, rtol=1e-6, atol=1e-7)
        assert float(our_pays) == pytest.approx(float(pays), abs=1e-12)
        assert int(after.time) == time
        assert bool(told) == bool(our_terminated) == terminated
        assert bool(our_truncated) == truncated
        terminations, truncations = terminations + terminated, truncations + truncated
        if terminated or truncated:
            episodes, time = episodes + 1, 0
            theirs.reset()
    assert (terminations > 0) == (name not in NEVER_TERMINATES)
    assert truncations > 0


@pytest.mark.parametrize("name", WORLDS)
def test_time_limit_and_spaces_are_gymnasiums(name):
    theirs, ours = gymnasium.make(name), WORLDS[name][0]()
    assert int(ours.time_limit) == gymnasium.spec(name).max_episode_steps
    space = ours.observation_space
    np.testing.assert_array_equal(np.float32(space.low), theirs.observation_space.low)
    np.testing.assert_array_equal(np.float32(space.high), theirs.observation_space.high)
    assert space.shape == theirs.observation_space.shape
    if name == "Pendulum-v1":
        assert ours.action_space.shape == theirs.action_space.shape
        assert ours.action_space.high == theirs.action_space.high[0]
        assert ours.action_space.low == theirs.action_space.low[0]
    else:
        assert ours.action_space.n == theirs.action_space.n


@pytest.mark.parametrize("name", WORLDS)
def test_starts_are_spread_as_gymnasiums(name):
    """The lowest and highest of 2000 uniform numbers, which lie at the bounds."""
    theirs, ours = gymnasium.make(name).unwrapped, WORLDS[name][0]()
    n_starts = 2000
    their_starts = []
    for seed in range(n_starts):
        theirs.reset(seed=seed)
        their_starts.append(theirs.state)
    keys = jax.random.split(jax.random.key(KEY), n_starts)
    leaves = jax.tree.leaves(jax.jit(jax.vmap(ours.reset))(keys))
    assert (np.asarray(leaves[-1]) == 0).all()
    mine, their = np.stack(leaves[:-1], axis=1), np.asarray(their_starts)
    width = np.ptp(their, axis=0)
    # The gap at either end is exponential of mean width / 2001; 12 means: p < 1e-5.
    slack = 12.0 * width / n_starts
    assert (np.abs(mine.min(axis=0) - their.min(axis=0)) <= slack).all()
    assert (np.abs(mine.max(axis=0) - their.max(axis=0)) <= slack).all()
    error = width * np.sqrt(2 / 12 / n_starts)
    assert (np.abs(mine.mean(axis=0) - their.mean(axis=0)) <= 4.0 * error).all()


@pytest.mark.parametrize("name", WORLDS)
def test_it_computes_in_the_precision_of_its_leaves(name):
    make, _, stated, _ = WORLDS[name]
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if leaf.dtype == jnp.float64 else leaf,
        make(),
    )
    check_env(single)
    state = single.reset(jax.random.key(KEY))
    action = single.action_space.sample(jax.random.key(KEY))
    after = single.step(jax.random.key(KEY), state, action)
    told = single.transition(state, action, after)
    shown = (*jax.tree.leaves(after)[:-1], single.observe(after), told.features)
    assert {leaf.dtype for leaf in shown} == {jnp.dtype(jnp.float32)}
    assert np.isfinite(float(stated()(told)))


def test_a_car_stops_at_the_left_end():
    state = CarState(np.float64(-1.19), np.float64(-0.06), np.int32(0))
    moved = MountainCar().step(jax.random.key(0), state, 0)
    assert (float(moved.position), float(moved.velocity)) == (-1.2, 0.0)


def test_a_goal_beyond_the_road_is_refused():
    with pytest.raises(ValueError, match=r"goal = 0\.7 must lie in \(-1\.2, 0\.6\]"):
        MountainCar(goal=0.7)


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: CartPole(cart_mass=0.0), "cart_mass = 0"),
        (lambda: CartPole(pole_mass=-0.1), "pole_mass = -0.1"),
        (lambda: CartPole(half_length=0.0), "half_length = 0"),
        (lambda: Pendulum(mass=0.0), "mass = 0"),
        (lambda: Pendulum(length=-1.0), "length = -1"),
        (lambda: Acrobot(masses=(1.0, 0.0)), r"masses = \[1. 0.\]"),
        (lambda: Acrobot(lengths=(-1.0, 2.0)), r"lengths = \[-1.  2.\]"),
        (lambda: Acrobot(inertia=0.0), "inertia = 0"),
    ],
)
def test_a_world_without_weight_or_extent_is_refused(make, name):
    with pytest.raises(ValueError, match=name):
        make()


def test_an_acrobot_swings_freely_without_losing_energy(monkeypatch):
    """Unequal links, no torque; time steps so short that Runge-Kutta loses nothing."""
    monkeypatch.setattr(acrobot, "TIME_STEP", 0.01)
    world = Acrobot(masses=(2.0, 0.5), lengths=(0.7, 1.9), inertia=0.3, torque=0.0)

    def energy(state):
        (m1, m2), (l1, l2) = np.asarray(world.masses), np.asarray(world.lengths)
        both, w1 = state.angle + state.bend, state.velocity
        w2 = state.velocity + state.bend_velocity
        kinetic = 0.5 * (m1 * (l1 / 2) ** 2 + 0.3) * w1**2 + 0.5 * 0.3 * w2**2
        # The second middle: the first tip, and half a link from there.
        x = l1 * np.cos(state.angle) * w1 + l2 / 2 * np.cos(both) * w2
        y = l1 * np.sin(state.angle) * w1 + l2 / 2 * np.sin(both) * w2
        kinetic += 0.5 * m2 * (x**2 + y**2)
        height_1, height_2 = -l1 / 2 * np.cos(state.angle), -l1 * np.cos(state.angle)
        height_2 -= l2 / 2 * np.cos(both)
        return kinetic + 9.8 * (m1 * height_1 + m2 * height_2)

    def at(angle, bend, velocity, bend_velocity):
        numbers = (np.float64(x) for x in (angle, bend, velocity, bend_velocity))
        return AcrobotState(*numbers, time=np.int32(0))

    state = at(0.9, -0.4, 0.5, -0.3)
    before = energy(state)
    step = jax.jit(lambda state: world.step(jax.random.key(KEY), state, 0))
    speeds = []
    for _ in range(100):
        state = step(state)
        speeds.append(abs(float(state.velocity)))
    lowest = energy(at(0.0, 0.0, 0.0, 0.0))
    assert max(speeds) > 1.0
    assert abs(energy(state) - before) < 1e-6 * (before - lowest)
