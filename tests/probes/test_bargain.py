"""The search for bargains where actions are real numbers, and the best is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Box
from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.policy import AbstractPolicy
from volition.probes import Rule, audit_by_play, robustness
from volition.probes.bargain import best_with_and_without
from volition.probes.evolution import worth
from volition.reward import AbstractReward, Linear

N_STEPS = 6
SLOWLY = Rule("slowly", "pace", most=0.25)
UPRIGHT = Rule("upright", "tilt", least=0.0)


class Sledge(AbstractEnvironment):
    """What is done is what happens: a pace in `[-1, 1]`, a tilt in `[-2, 2]`."""

    discount: float = 1.0

    def reset(self, key):
        del key
        return jnp.zeros(2)

    def step(self, key, state, action):
        del key, state
        return action

    def observe(self, state):
        return state

    def terminated(self, state):
        return jnp.zeros(state.shape[:-1], dtype=bool)

    truncated = terminated

    def transition(self, state, action, next_state):
        over = self.terminated(next_state)
        return Transition(state, action, next_state, next_state, over)

    def scene(self, state):
        return state

    @property
    def action_space(self):
        return Box((-1.0, -2.0), (1.0, 2.0), (2,))

    @property
    def observation_space(self):
        return self.action_space

    @property
    def feature_info(self):
        return Feature("pace", "m/s", "how fast"), Feature("tilt", "1", "how slanted")


class Stays(AbstractPolicy):
    """Does nothing."""

    def __call__(self, key, observation):
        del key
        return jnp.zeros_like(observation)


WORLD = Sledge()
PAYS = Linear(WORLD.feature_names, [1.0, -1.0])  # for speed, and to lean to the left
STARTS = jax.random.split(jax.random.key(0), 2)


TRACES: list[int] = []


class Counted(AbstractReward):
    """The same, and notes when it is traced."""

    def __call__(self, transition):
        TRACES.append(0)
        return PAYS(transition)

    @property
    def feature_names(self):
        return PAYS.feature_names


def searched(seed: int):
    known = jnp.zeros((len(STARTS), 1, N_STEPS, 2))
    return best_with_and_without(
        jax.random.key(seed),
        STARTS,
        WORLD,
        Counted(),
        SLOWLY,
        (0.0, 0.0),
        known,
        (UPRIGHT,),
        n_generations=100,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_it_comes_near_the_best_that_breaks_a_rule_and_the_best_that_keeps_it(seed):
    """Upright, a step is worth 1 at most, and .25 where it is to be slow."""
    found = searched(seed)
    best = N_STEPS * np.array([1.0, 0.25])
    value = np.asarray(found.worth)
    assert (value <= best + 1e-6).all()
    assert (value > 0.85 * best).all()
    assert (np.asarray(found.actions[..., 1]) >= 0.0).all()
    assert (np.asarray(found.actions[:, 1, :, 0]) <= 0.25).all()
    low, high = WORLD.action_space.bounds
    actions = np.asarray(found.actions)
    assert ((actions >= low) & (actions <= high)).all()


@pytest.mark.slow
def test_the_same_key_finds_the_same_to_the_bit_and_nothing_is_compiled_twice():
    first = searched(0)
    n_traces = len(TRACES)
    again, other = searched(0), searched(1)
    assert len(TRACES) == n_traces > 0
    assert np.asarray(first.actions).tobytes() == np.asarray(again.actions).tobytes()
    assert np.asarray(first.actions).tobytes() != np.asarray(other.actions).tobytes()


def test_an_audit_shows_both_and_says_what_both_keep():
    found = audit_by_play(
        jax.random.key(3),
        WORLD,
        PAYS,
        {"stays": Stays()},
        (SLOWLY,),
        n_steps=N_STEPS,
        n_episodes=8,
        kept=(UPRIGHT,),
        n_generations=100,
    )
    (bargain,) = found.findings
    breaks, keeps = (one.seen for one in bargain.episodes)
    names = WORLD.feature_names
    assert robustness(SLOWLY, breaks, names) < 0.0 <= robustness(SLOWLY, keeps, names)
    assert min(robustness(UPRIGHT, one, names) for one in (breaks, keeps)) >= 0.0
    none = jnp.asarray(0.0)
    paid = [float(worth(one, PAYS, jnp.asarray(1.0), none)) for one in (breaks, keeps)]
    assert 5.0 < paid[0] <= 6.0
    assert 1.2 < paid[1] <= 1.5
    (looked,) = [one for one in found.checks if one.code == "bargain"]
    assert "'upright' kept" in looked.detail
