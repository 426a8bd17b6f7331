"""Paths: what cannot happen is refused, and what is replayed pays what it pays."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import random_policy, small_world, table
from volition.env import gridworld
from volition.evaluation import policy_chain
from volition.policy import Tabular
from volition.probes import Path, follow_policy, replay
from volition.probes.finding import likeliest_path
from volition.reward import Linear, Tabular as TabularReward

# 0 1 2
# 3 4 5   a goal at 2, a pit at 3, a wall at 4
WORLD = gridworld(["S.G", "X#."])
REWARD = Linear(WORLD.feature_names, [-1.5, 40.0, -7.0])
UP, DOWN, LEFT, RIGHT = range(4)


@pytest.mark.parametrize(
    "states, actions, rewards",
    [
        ((0, 1, 2), (RIGHT, RIGHT), (-1.5, 40.0)),
        ((0, 0, 1, 1, 0, 3), (UP, RIGHT, DOWN, LEFT, DOWN), (-1.5,) * 4 + (-7.0,)),
        ((5,), (), ()),
    ],
    ids=["to the goal", "against walls, then the pit", "not a step"],
)
def test_a_path_pays_the_sum_of_its_steps(states, actions, rewards):
    total, steps = replay(WORLD, REWARD, Path(states, actions))
    assert steps == pytest.approx(rewards)
    assert total == pytest.approx(sum(rewards))


@pytest.mark.parametrize(
    "states, actions, step",
    [
        ((0, 2), (RIGHT,), 0),
        ((0, 1, 1), (RIGHT, RIGHT), 1),
        ((0, 3, 0), (DOWN, UP), 1),  # out of the pit
        ((0, 1, 2, 2), (RIGHT, RIGHT, RIGHT), 2),  # on, at the goal
        ((1, 4), (DOWN,), 0),  # into the wall
    ],
    ids=["a jump", "not moving", "out of an end", "staying in an end", "into a wall"],
)
def test_what_cannot_happen_is_refused(states, actions, step):
    with pytest.raises(ValueError, match=f"step {step} of the path.* cannot happen"):
        replay(WORLD, REWARD, Path(states, actions))


@pytest.mark.parametrize(
    "path", [Path((0, 1), ()), Path((0,), (RIGHT,))], ids=["no action", "no state"]
)
def test_a_path_with_a_part_missing_is_refused(path):
    with pytest.raises(ValueError, match="one state more"):
        replay(WORLD, REWARD, path)


def test_a_branch_of_probability_0_cannot_happen():
    slippery = gridworld(["XXX", "S.G", "XXX"], slip=0.25)
    sure = gridworld(["XXX", "S.G", "XXX"])
    reward = Linear(sure.feature_names, [-1.0, 5.0, 0.0])
    against = Path((3, 3), (RIGHT,))  # it slips and stays
    assert replay(slippery, reward, against)[0] == -1.0
    with pytest.raises(ValueError, match="cannot happen"):
        replay(sure, reward, against)


def test_a_path_in_words():
    words = Path((0, 1, 2), (RIGHT, RIGHT)).describe(WORLD)
    assert words == "(0, 0), right to (0, 1), right to (0, 2)"


@pytest.mark.parametrize("seed", [0, 3])
def test_the_followed_path_takes_the_likeliest_branches_until_it_ends(seed):
    world = small_world(seed, terminal=(1, 5))
    actions = np.random.default_rng(seed).integers(0, 3, 7)
    for start in (0, 2, 3, 4, 6):
        path = follow_policy(world, actions, start, 8)
        replay(world, TabularReward(table(seed, 7, 3)), path)
        for state, action, after in zip(
            path.states, path.actions, path.states[1:], strict=False
        ):
            assert action == actions[state]
            branch = int(np.argmax(world.probability[state, action]))
            assert after == world.successor[state, action, branch]
        ended = bool(world.terminal[path.states[-1]])
        assert ended or len(path.actions) == 8


@pytest.mark.parametrize("seed", [0, 3, 11])
def test_the_likeliest_path_is_the_likeliest_of_all(seed):
    """Against every path of up to 5 steps, over states: two actions never share one."""
    world = small_world(seed, 5, 1, 3, terminal=(1,))
    policy = Tabular(jnp.ones((5, 1)))
    chain = policy_chain(world, policy).toarray()
    for start in (0, 2, 3, 4):
        path = likeliest_path(world, policy, start, np.arange(5) == 1)
        assert path.states[-1] == 1
        replay(world, TabularReward(np.ones(5)), path)
        most, probability = 0.0, {(start,): 1.0}
        for _ in range(5):
            probability = {
                (*states, to): p * chain[states[-1], to]
                for states, p in probability.items()
                for to in range(5)
                if states[-1] != 1 and chain[states[-1], to] > 0
            }
            ends = [p for states, p in probability.items() if states[-1] == 1]
            most = max([most, *ends])
        steps = list(zip(path.states, path.states[1:], strict=False))
        assert np.prod([chain[step] for step in steps]) == pytest.approx(most)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_likeliest_path_uses_actions_that_the_policy_takes(seed):
    world = small_world(seed, terminal=(1, 5))
    probabilities = random_policy(seed, 7, 3)
    probabilities[:, 2] = 0.0
    policy = Tabular(jnp.asarray(probabilities / probabilities.sum(1, keepdims=True)))
    for start in (0, 2, 3, 4, 6):
        path = likeliest_path(world, policy, start, np.asarray(world.terminal))
        assert set(path.actions) <= {0, 1}
        assert world.terminal[path.states[-1]]
        replay(world, TabularReward(table(seed, 7, 3)), path)
