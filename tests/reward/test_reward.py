"""What is particular to each reward; what they share is in the contract suite."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import small_world, table
from volition.env import Transition, cliff_walking, delivery, gridworld
from volition.evaluation import play
from volition.policy import Random
from volition.reward import (
    Function,
    Linear,
    Scaled,
    Selected,
    Shaped,
    Tabular,
    check_features,
    cliff_walking as cliff_reward,
    delivery_true,
    reading,
)
from volition.value import plan

WORLD = gridworld(["S.#", ".XG"], discount=0.9)


def step_right(index: int = 0) -> Transition:
    return WORLD.branch_transition(index, 3, 0)


def test_a_function_of_state_and_action():
    reward = Function(lambda state, action: 10 * state.row + action)
    assert float(reward(step_right(3))) == 13.0


def test_a_function_of_state_action_and_next_state():
    reward = Function(lambda state, action, next_state: next_state.index - state.index)
    assert float(reward(step_right(3))) == 1.0
    assert reward(step_right(3)).dtype == float


def test_a_function_reads_no_features():
    assert Function(lambda state, action: 0.0).feature_names == ()


@pytest.mark.parametrize(
    "fn, n",
    [(lambda: 0.0, 0), (lambda state: 0.0, 1), (lambda a, b, c, d: 0.0, 4)],
)
def test_a_function_of_another_number_of_arguments_is_refused(fn, n):
    with pytest.raises(ValueError, match=f"takes {n} arguments") as refused:
        Function(fn)
    assert "(state, action, next_state)" in str(refused.value)


def test_a_linear_reward_by_hand():
    reward = Linear(WORLD.feature_names, [-0.5, 7.0, -3.0])
    paid = [float(reward(step_right(index))) for index in (0, 1, 3, 4)]
    assert paid == [-0.5, -0.5, -3.0, 0.0]  # against the wall; the pit; behind the end


def test_a_linear_reward_begins_with_zeros():
    assert Linear(("a", "b")).weights.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "weights, words",
    [
        ([1.0, -50.0], "1 speed - 50 collision"),
        ([-0.25, 1e-7], "- 0.25 speed + 1e-07 collision"),
        ([0.0, 123456.0], "0 speed + 1.235e+05 collision"),
    ],
)
def test_a_linear_reward_in_words(weights, words):
    assert str(Linear(("speed", "collision"), weights)) == words


def test_a_reward_of_nothing_in_words():
    assert str(Linear(())) == "0"


@pytest.mark.parametrize(
    "names, weights, sentence",
    [
        (("a", "b"), [1.0], r"2 features \('a', 'b'\) need as many weights, not an"),
        (("a", "b"), [[1.0, 2.0]], r"not an array of shape \(1, 2\)"),
        (("a", "a"), [1.0, 2.0], "a feature is named twice"),
    ],
)
def test_weights_that_do_not_fit_are_refused(names, weights, sentence):
    with pytest.raises(ValueError, match=sentence):
        Linear(names, weights)


@pytest.mark.parametrize(
    "names, sentence",
    [
        (("step", "speed", "pit"), "the feature 'speed', which the environment does"),
        (("goal", "fall"), r"'fall', which .*: give it .* 'goal', 'pit'\)"),
    ],
)
def test_other_features_are_refused_in_a_sentence(names, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_features(Linear(names), WORLD.feature_names)


def test_features_are_read_by_name_in_any_order():
    names, weights = WORLD.feature_names, [-0.1, 1.0, -3.0]
    whole = plan(WORLD, Linear(names, weights))
    turned = Linear(names[::-1], weights[::-1])
    assert jnp.array_equal(plan(WORLD, turned).value, whole.value)
    # Some of them: the others weigh nothing.
    some = plan(WORLD, Linear(("goal", "step"), [1.0, -0.1]))
    rest = plan(WORLD, Linear(names, [-0.1, 1.0, 0.0]))
    assert jnp.array_equal(some.value, rest.value)
    paid = Function(lambda goal, step: goal - 0.1 * step, features=("goal", "step"))
    assert jnp.allclose(plan(WORLD, paid).value, rest.value)
    key, random = jax.random.key(0), Random(4)
    returns = [
        play(key, WORLD, random, one, n_episodes=8, n_steps=9).returns
        for one in (Linear(names, weights), turned, Scaled(turned, 1.0))
    ]
    assert jnp.allclose(returns[0], returns[1])
    assert jnp.allclose(returns[0], returns[2])


def test_what_is_learned_is_what_is_named():
    chosen = reading(Linear(("goal",), [2.0]), WORLD.feature_names)
    assert isinstance(chosen, Selected)
    assert chosen.feature_names == ("goal",)
    assert sum(leaf.size for leaf in jax.tree.leaves(chosen)) == 1
    assert reading(chosen, WORLD.feature_names) is chosen
    other = ("goal", *WORLD.feature_names[:1])
    assert reading(chosen, other).world_names == other
    step = Transition(None, 0, None, jnp.array([5.0, 7.0, 11.0]), False)
    inside, through = chosen.abridged()
    assert float(inside(through(step))) == float(chosen(step)) == 14.0


def test_a_transition_with_other_features_is_refused():
    step = Transition(None, 0, None, jnp.array([5.0, 7.0, 11.0]), False)
    for one in (Linear(("goal",)), Function(lambda goal: goal, features=("goal",))):
        with pytest.raises(ValueError, match=r"reads the 1 features .* has 3: select"):
            one(step)


def test_the_same_features_and_none_at_all_are_fine():
    check_features(Linear(WORLD.feature_names), WORLD.feature_names)
    check_features(Tabular(np.zeros(6)), WORLD.feature_names)


@pytest.mark.parametrize("shape", [(6,), (6, 4), (6, 4, 6)])
def test_a_table_is_read_at_the_place_of_the_transition(shape):
    values = table(1, *shape)
    told = WORLD.branch_transition(3, 3, 0)  # right, into the pit at 4
    expected = values[(3, 3, 4)[: len(shape)]]
    assert float(Tabular(values)(told)) == expected


@pytest.mark.parametrize("shape", [(), (2, 2, 2, 2)])
def test_a_table_of_another_kind_is_refused(shape):
    with pytest.raises(ValueError, match="a tabular reward is"):
        Tabular(np.zeros(shape))


def test_shaping_by_hand():
    reward = Shaped(Tabular(np.full(6, 0.5)), 2.0 ** np.arange(6), 0.9)
    assert float(reward(step_right(0))) == pytest.approx(0.5 + 0.9 * 2.0 - 1.0)
    # Into the pit: the potential behind an end counts as 0, whatever it says.
    assert float(reward(step_right(3))) == pytest.approx(0.5 - 8.0)


@pytest.mark.parametrize("seed", [2])
def test_shaping_adds_up_to_the_potential_along_a_path(seed):
    """Discounted, to minus the first potential, plus the last unless it ended."""
    world, potential = small_world(seed, terminal=(2,)), table(seed, 7)
    reward = jax.jit(Shaped(Tabular(np.zeros(7)), potential, world.discount).__call__)
    for path in ([0, 3, 6], [4, 1, 2]):
        total = 0.0
        for step, (one, other) in enumerate(itertools.pairwise(path)):
            told = Transition(
                state=world.state(one),
                action=jnp.int32(0),
                next_state=world.state(other),
                features=jnp.zeros(0),
                terminated=world.terminal[other],
            )
            total += 0.85**step * float(reward(told))
        last = 0.0 if path[-1] == 2 else 0.85**2 * potential[path[-1]]
        assert total == pytest.approx(last - potential[path[0]], abs=1e-12)


def test_shaping_reads_what_the_reward_inside_reads():
    inside = Linear(WORLD.feature_names)
    assert Shaped(inside, np.zeros(6), 0.9).feature_names == WORLD.feature_names


def test_the_stated_rewards_fit_their_worlds():
    for reward, world in (
        (delivery_true(), delivery()),
        (cliff_reward(), cliff_walking()),
    ):
        check_features(reward, world.feature_names)
        assert reward.feature_names == world.feature_names
    # Off the cliff, from the start to the right.
    assert float(cliff_reward()(cliff_walking().branch_transition(36, 3, 0))) == -100.0
