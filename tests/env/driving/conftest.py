"""Roads that several of these tests drive on, compiled once each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env.driving import Highway, placed


class Stepper:
    """A road of a kind, and what is compiled of it once.

    Other leaves of the same shapes can be given in place of the road's.
    """

    def __init__(self, env, room: int):
        self.env, self.room, self.n_traces = env, room, 0

        def step(env, state, action):
            self.n_traces += 1
            return env.step(jax.random.key(0), state, action)

        def put(env, lane, along, speed, target_speed, present, changes_lane):
            told = {"target_speed": target_speed, "present": present}
            road = env.course.road
            made = placed(road, lane, along, speed, changes_lane=changes_lane, **told)
            return env.begin(made)

        self.step, self.put = jax.jit(step), jax.jit(put, static_argnums=6)
        self.begin = jax.jit(lambda env, vehicles: env.begin(vehicles))

    def start(self, lane, along, speed, *, target_speed=None, changes_lane=True):
        """A traffic of these, the rest of the slots unused."""
        target_speed = speed if target_speed is None else target_speed
        real = [self._padded(each, float) for each in (along, speed, target_speed)]
        present = jnp.arange(self.room) < len(lane)
        lane = self._padded(lane, np.int32)
        return self.put(self.env, lane, *real, present, changes_lane)

    def _padded(self, values, dtype):
        room = np.zeros(self.room, dtype)
        room[: len(values)] = values
        return jnp.asarray(room)

    def drive(self, state, action=1, n_steps=1, env=None):
        """The states after each decision."""
        states = []
        for _ in range(n_steps):
            state = self.step(self.env if env is None else env, state, action)
            states.append(state)
        return states


@pytest.fixture(scope="session")
def highway():
    """Three lanes in double precision."""
    return Stepper(Highway(3, 5, speed_limit=30.0, duration=6, dtype=float), 8)
