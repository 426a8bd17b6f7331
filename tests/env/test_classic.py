"""Classic control, step by step against Gymnasium."""

import gymnasium
import jax
import numpy as np
import pytest

from volition.env import CarState, MountainCar


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mountain_car_is_gymnasiums(seed):
    theirs, ours = gymnasium.make("MountainCar-v0"), MountainCar()
    theirs.reset(seed=seed)
    position, velocity = theirs.unwrapped.state
    state = CarState(np.float64(position), np.float64(velocity), np.int32(0))
    step = jax.jit(lambda state, action: ours.step(jax.random.key(0), state, action))
    rng, ends = np.random.default_rng(seed), 0
    for _ in range(1000):
        # Pushing along, mostly, reaches both ends of the road.
        push = 2 if float(state.velocity) >= 0.0 else 0
        action = push if rng.random() < 0.9 else int(rng.integers(3))
        seen, _, terminated, truncated, _ = theirs.step(action)
        state = step(state, action)
        np.testing.assert_allclose(ours.observe(state), seen, rtol=1e-6, atol=1e-9)
        assert bool(ours.terminated(state)) == terminated
        # Theirs is cut off at the goal as well, if it is reached at the last step.
        assert bool(ours.truncated(state)) == (truncated and not terminated)
        if terminated or truncated:
            ends += 1
            theirs.reset()
            position, velocity = theirs.unwrapped.state
            state = CarState(np.float64(position), np.float64(velocity), np.int32(0))
    assert ends >= 5


def test_a_car_stops_at_the_left_end():
    state = CarState(np.float64(-1.19), np.float64(-0.06), np.int32(0))
    moved = MountainCar().step(jax.random.key(0), state, 0)
    assert (float(moved.position), float(moved.velocity)) == (-1.2, 0.0)


def test_a_goal_beyond_the_road_is_refused():
    with pytest.raises(ValueError, match=r"goal = 0\.7 must lie in \(-1\.2, 0\.6\]"):
        MountainCar(goal=0.7)
