"""Broken worlds, and the sentence that each is refused with."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import (
    AbstractEnvironment,
    Box,
    Feature,
    FiniteMDP,
    MDPState,
    Transition,
    gridworld,
)
from volition.testing import check_env, check_finite_mdp

GLOBAL = np.random.default_rng(0)
GOOD = gridworld(["S..", ".XG"], slip=0.25, discount=0.9, time_limit=6)
SURE = gridworld(["S..", ".XG"], discount=0.9, time_limit=6)  # compiles faster


class Changed(AbstractEnvironment):
    """A good world with some of its methods replaced; not a FiniteMDP itself."""

    world: FiniteMDP
    changes: dict[str, Any] = eqx.field(static=True)
    discount: Any

    def __init__(self, discount=0.9, **changes):
        self.world, self.discount, self.changes = SURE, discount, changes

    def _do(self, name: str, *given: Any) -> Any:
        return self.changes.get(name, getattr(self.world, name))(*given)

    def reset(self, key):
        return self._do("reset", key)

    def step(self, key, state, action):
        return self._do("step", key, state, action)

    def observe(self, state):
        return self._do("observe", state)

    def terminated(self, state):
        return self._do("terminated", state)

    def truncated(self, state):
        return self._do("truncated", state)

    def transition(self, state, action, next_state):
        return self._do("transition", state, action, next_state)

    def scene(self, state):
        return self._do("scene", state)

    @property
    def action_space(self):
        return self.world.action_space

    @property
    def observation_space(self):
        return self.changes.get("space", self.world.observation_space)

    @property
    def feature_info(self):
        return self.changes.get("feature_info", self.world.feature_info)


def later(state: MDPState) -> MDPState:
    return MDPState(state.index, state.time + 1)


def python_branch(key, state, action):
    return later(state) if state.index > 1 else state


def global_draw(key, state, action):
    return MDPState(state.index, state.time + GLOBAL.integers(2**20, dtype=np.int32))


def host_draw(key, state, action):
    drawn = jax.pure_callback(
        lambda _: GLOBAL.integers(6, dtype=np.int32),
        jax.ShapeDtypeStruct((), jnp.int32),
        state.time,
        vmap_method="sequential",
    )
    return MDPState(drawn, state.time + 1)


def leave(key, state, action):
    return MDPState((state.index + 1) % 6, state.time + 1)


def told(**changes) -> Callable[..., Transition]:
    def transition(state, action, next_state):
        made = SURE.transition(state, action, next_state)
        names, values = list(changes), [change(made) for change in changes.values()]
        return eqx.tree_at(lambda t: [getattr(t, name) for name in names], made, values)

    return transition


BROKEN = {
    "a discount above 1": ({"discount": 1.5}, "discount is 1.5"),
    "a discount of NaN": ({"discount": np.nan}, "discount is nan"),
    "a name twice": (
        {"feature_info": SURE.feature_info[:2] * 2},
        "feature 'step' is named twice",
    ),
    "a feature too many": (
        {"feature_info": (*SURE.feature_info, Feature("more", "1", "more"))},
        r"features of the shape \(3,\), but feature_info names 4",
    ),
    "a Python branch": ({"step": python_branch}, "step cannot be compiled"),
    "a draw from a global generator": ({"step": global_draw}, "from trace to trace"),
    "a draw on the host": ({"step": host_draw}, "two runs with the same key"),
    "another structure": (
        {"step": lambda key, state, action: (state, action)},
        "another structure than reset",
    ),
    "another type": (
        {"step": lambda key, s, action: MDPState(s.index, s.time.astype(jnp.int64))},
        r"state.time is int32\(\) after reset and int64\(\) after step",
    ),
    "an end that is a number": (
        {"terminated": lambda state: SURE.terminal[state.index].astype(float)},
        "terminated gives .*: return a boolean scalar",
    ),
    "a limit that is a list": (
        {"truncated": lambda state: SURE.terminal},
        "truncated gives .*: return a boolean scalar",
    ),
    "both at once": (
        {"truncated": lambda state: state.time >= 3},
        "both terminated and truncated",
    ),
    "over at once": (
        {"truncated": lambda state: ~SURE.terminal[state.index]},
        "an episode is over when it begins",
    ),
    "an end that is left": ({"step": leave}, "a terminated state is left in step"),
    "an end that is not told": (
        {"transition": told(terminated=lambda made: jnp.asarray(False))},
        "transition and terminated disagree on step",
    ),
    "an observation out of range": (
        {"observe": lambda state: state.index + jnp.int32(2)},
        r"lies outside observation_space, Discrete\(n=6\)",
    ),
    "an observation of another kind": (
        {"space": Box(0.0, 9.0)},
        "lies outside observation_space, Box",
    ),
    "a feature that is NaN": (
        {"transition": told(features=lambda made: made.features / made.features)},
        "feature '(step|goal|pit)' is not finite in step",
    ),
    "no scene": ({"scene": lambda state: state.car}, "scene cannot be compiled"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_world_is_refused(broken):
    changes, sentence = BROKEN[broken]
    with pytest.raises(ValueError, match=sentence) as refused:
        check_env(Changed(**changes), key=jax.random.key(5))
    assert str(refused.value).endswith(".")


def test_the_same_world_unbroken_passes():
    check_env(Changed(), key=jax.random.key(5))


def put(name: str, place: tuple, value: Any) -> FiniteMDP:
    changed = np.array(getattr(GOOD, name))
    changed[place] = value
    return eqx.tree_at(lambda mdp: getattr(mdp, name), GOOD, jnp.asarray(changed))


WRONG_NUMBERS = {
    "negative": (
        put("probability", (1, 2, 0), -0.1),
        r"probability\[1, 2, 0\] is -0.1",
    ),
    "NaN": (put("probability", (3, 0, 1), np.nan), r"probability\[3, 0, 1\] is nan"),
    "sum": (
        put("probability", (2, 1), [0.25, 0.5, 0.0, 0.0]),
        "action 1 in state 2 sum to 0.75",
    ),
    "successor": (put("successor", (0, 3, 2), 6), r"successor\[0, 3, 2\] is 6"),
    "below 0": (put("successor", (0, 3, 2), -1), r"successor\[0, 3, 2\] is -1"),
    "initial sum": (put("initial", (1,), 0.2), "initial sums to 1.2"),
    "initial sign": (put("initial", (2,), -1.0), r"initial\[2\] is -1.0"),
    "begins ended": (
        put("initial", ([0, 4],), [0.5, 0.5]),
        "can begin in state 4, which is terminal",
    ),
    "goal": (put("goal", (2,), True), "goal names state 2, which is not terminal"),
    "feature": (
        put("features", (1, 0, 3, 2), np.inf),
        "feature 'pit' is inf for branch 3 of action 0 in state 1",
    ),
    # Up (branch 0) and left (branch 2) from the corner both stay there.
    "two features": (
        put("features", (0, 1, 2, 0), 7.0),
        "action 1 in state 0 leads to state 0 with different features",
    ),
    "time": (put("time_limit", (), 0), "time_limit is 0: allow at least 1 step"),
    "index": (
        eqx.tree_at(lambda mdp: mdp.states.index, GOOD, jnp.ones(6, dtype=jnp.int32)),
        r"set it to jnp.arange\(6\)",
    ),
    "leaf": (
        eqx.tree_at(lambda mdp: mdp.states.row, GOOD, jnp.ones(5, dtype=jnp.int32)),
        r"states.row has the shape \(5,\)",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_NUMBERS)
@pytest.mark.parametrize("check", [check_env, check_finite_mdp])
def test_a_wrong_number_is_refused(check, wrong):
    mdp, sentence = WRONG_NUMBERS[wrong]
    with pytest.raises(ValueError, match=sentence) as refused:
        check(mdp)
    assert str(refused.value).endswith(".")


def test_a_branch_that_cannot_happen_may_have_any_features():
    """Padding is not a second way to the same state."""
    padded = put("probability", (0, 1), [0.25, 0.75, 0.0, 0.0])
    features = np.array(padded.features)
    features[0, 1, 2] = 7.0
    check_finite_mdp(
        eqx.tree_at(lambda mdp: mdp.features, padded, jnp.asarray(features))
    )
