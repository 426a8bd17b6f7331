"""Broken rewards, and the sentence that each is refused with."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import gridworld
from volition.reward import AbstractReward, Function, Linear
from volition.testing import check_reward

WORLD = gridworld(["S..", ".XG"], slip=0.25, discount=0.9, time_limit=6)


class Broken(AbstractReward):
    """A reward that is what its function makes of a weight and the transition."""

    weight: Any
    fn: Any = eqx.field(static=True)

    def __call__(self, transition):
        return self.fn(self.weight, transition)

    @property
    def feature_names(self):
        return ()


def fine(weight, told):
    return weight * told.features[0]


def python_branch(weight, told):
    return weight if told.features[0] > 0 else -weight


def vector(weight, told):
    return weight * told.features


def whole_number(weight, told):
    return told.state.index


def nan_behind_an_end(weight, told):
    return weight * told.features[0] / jnp.sum(told.features)


def host(weight, told):
    shape = jax.ShapeDtypeStruct((), jnp.result_type(float))
    return jax.pure_callback(
        lambda w: np.asarray(w), shape, weight, vmap_method="sequential"
    )


def corner(weight, told):
    return jnp.sqrt(weight * told.features[2])


def place_in_a_batch(weight, told):
    """Sums over the batch that `jax.vmap` makes."""
    shape = jax.ShapeDtypeStruct((), jnp.result_type(float))
    total = jax.pure_callback(
        lambda x: np.broadcast_to(np.sum(x), np.shape(x)).astype(x.dtype),
        shape,
        jax.lax.stop_gradient(told.features[0]),
        vmap_method="broadcast_all",
    )
    return weight * 0.0 + total


BROKEN = {
    "a Python branch": (python_branch, "the reward cannot be traced"),
    "a vector": (vector, r"one transition is .*3.*: return a floating-point scalar"),
    "a whole number": (whole_number, "one transition is .*int32.*: return a floating"),
    "NaN behind an end": (nan_behind_an_end, "the reward is nan on transition"),
    "no gradient": (host, "the reward has no gradient in its arrays"),
    "a gradient that is not finite": (corner, "the gradient in weight is not finite"),
    "its place in a batch": (place_in_a_batch, "alone and .* in a batch"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_reward_is_refused(broken):
    fn, sentence = BROKEN[broken]
    with pytest.raises(ValueError, match=sentence) as refused:
        check_reward(Broken(jnp.array(0.7), fn), WORLD, key=jax.random.key(5))
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_the_same_reward_unbroken_passes():
    check_reward(Broken(jnp.array(0.7), fine), WORLD, key=jax.random.key(5))


class Loud(str):
    """A word that a record takes for any other, though it equals no other kind."""

    def __eq__(self, other):
        return type(other) is Loud and str(self) == str(other)

    __hash__ = str.__hash__


class Spoken(AbstractReward):
    """Pays by the type of its word, which no record keeps."""

    word: str = eqx.field(static=True)

    def __call__(self, transition):
        return jnp.asarray(2.0 if type(self.word) is Loud else 1.0)

    @property
    def feature_names(self):
        return ()


def test_a_reward_that_does_not_come_back_the_same_is_refused():
    check_reward(Spoken("yes"), WORLD)
    with pytest.raises(ValueError, match=r"worth 2.0 before and 1.0 after .* JSON"):
        check_reward(Spoken(Loud("yes")), WORLD)


def test_a_lambda_is_refused_as_it_cannot_be_saved():
    with pytest.raises(ValueError, match="cannot be saved: define it by name"):
        check_reward(Function(lambda state, action: state.row), WORLD)


def test_features_of_another_world_are_refused():
    with pytest.raises(ValueError, match="the feature 'speed', which the environment"):
        check_reward(Linear(("speed",)), WORLD)


def test_weights_that_are_not_finite_are_refused():
    reward = Linear(WORLD.feature_names, [1.0, np.inf, 0.0])
    with pytest.raises(ValueError, match=r"the reward is (nan|inf) on transition"):
        check_reward(reward, WORLD, key=jax.random.key(5))
