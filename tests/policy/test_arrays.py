"""Segments from arrays."""

import jax
import numpy as np
import pytest

from volition.env import CartPole, gridworld
from volition.env.classic.cart_pole import CartPoleState
from volition.inference.irl import check_demonstrations
from volition.policy import Random, episode, from_arrays

WORLD = gridworld(["S..G"], discount=0.9)
LEFT, RIGHT = (WORLD.action_names.index(name) for name in ("left", "right"))


@pytest.mark.slow
def test_recorded_episodes_are_what_was_rolled_out():
    # Whole episodes of a pole, some of which fall within 30 steps and some do not.
    world = CartPole()
    act = jax.jit(jax.vmap(lambda key: episode(key, world, Random(2), 30)))
    whole = act(jax.random.split(jax.random.key(0), 12))
    n_steps = np.asarray(whole.weight).sum(axis=1).astype(int)
    assert n_steps.min() < n_steps.max() == 30
    states = [
        jax.tree.map(
            lambda a, b, row=row, n=n: np.append(a[row, :n], b[row, n - 1]),
            whole.transition.state,
            whole.transition.next_state,
        )
        for row, n in enumerate(n_steps)
    ]
    done = np.asarray(whole.transition.action)
    actions = [done[row, :n] for row, n in enumerate(n_steps)]
    found = from_arrays(world, states, actions)
    made = np.asarray(whole.weight > 0)
    assert np.array_equal(found.weight, whole.weight)
    assert np.array_equal(found.present, whole.present)
    steps = (
        jax.tree.leaves(jax.tree.map(lambda leaf: np.asarray(leaf)[made], one))
        for one in (found.transition, whole.transition)
    )
    for one, other in zip(*steps, strict=True):
        np.testing.assert_array_equal(one, other)
    ended = np.asarray(found.transition.terminated)[:, -1]
    # Behind an end nothing changes, and the last entry says that it was one.
    assert np.array_equal(ended, n_steps < 30)
    assert not np.asarray(found.transition.features)[~made].any()


def test_an_end_is_absorbing_and_a_cut_is_padding():
    states = [[0, 1, 2, 3], [0, 0]]
    found = from_arrays(WORLD, states, [[RIGHT] * 3, [LEFT]])
    assert found.weight.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert found.present.tolist() == [[True] * 3, [True, False, False]]
    assert found.transition.terminated.tolist() == [[False, False, True], [False] * 3]
    check_demonstrations(WORLD, found)


def test_wrong_input_is_refused_in_a_sentence():
    good, right = [0, 1], [RIGHT]
    wrong = (
        ([], [], None, "states of 0 episodes and actions of 0"),
        ([good], [right, right], None, "states of 1 episodes and actions of 2"),
        ([good, [0]], [right, []], None, "episode 1 has no step"),
        ([[0]], [right], None, "give one state more than actions"),
        (
            [[0, 2]],
            [right],
            None,
            "step 0 of episode 0 goes where the",
        ),
        ([[2, 3, 3]], [[RIGHT] * 2], None, "episode 0 acts on in step 1"),
        ([good], [right], [True, False], "of 2 episodes how they ended"),
        ([[0, 4]], [right], None, "in states 0 to 4, where the world has 0 to 3"),
        ([[0.0, 1.0]], [right], None, "give the number of each"),
        ([good], [[4]], None, "an action of episode 0 is none of 0 to 3"),
    )
    for states, actions, ended, match in wrong:
        with pytest.raises(ValueError, match=match):
            from_arrays(WORLD, [np.array(one) for one in states], actions, ended)


def test_what_is_not_finite_is_refused():
    world = CartPole()
    nan = np.full(2, np.nan)
    nowhere = CartPoleState(nan, nan, nan, nan, np.zeros(2, dtype=np.int32))
    with pytest.raises(ValueError, match="and finite states"):
        from_arrays(world, [nowhere], [[1]])
