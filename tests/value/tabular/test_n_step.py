"""n-step learners: against the book's sums over what they went through."""

import jax
import numpy as np
import pytest

from tests.reference.worlds import small_world, table
from volition.reward import Tabular
from volition.value import SARSA, NStepSARSA, QLearning, TreeBackup
from volition.value.tabular import learn

SEED, SIZE = 4, 0.3
WORLD = small_world(SEED, 6, 3, 3, discount=0.8, terminal=(0, 4))
SETTINGS = {"step_size": SIZE, "exploration": 0.4, "initial_value": 1.0}
VALUES = table(SEED, 6, 3, 6)


def gone_through(method, seed):
    found = learn(
        jax.random.key(seed), WORLD, Tabular(VALUES), method, watch=lambda q, seen: seen
    )
    steps = jax.tree.map(lambda leaf: np.asarray(leaf).tolist(), found.watched)
    each = zip(
        steps.state,
        steps.action,
        steps.reward,
        steps.next_state,
        steps.over,
        strict=True,
    )
    episodes, now = [], []
    for state, action, reward, to, over in each:
        now.append((state, action, reward, to))
        if over:
            episodes.append(now)
            now = []
    return found, episodes, now


def sarsa_return(q, steps, at, until, follows):
    """Rewards from `at` up to `until`, then the value of what was done."""
    total = sum(0.8 ** (i - at) * steps[i][2] for i in range(at, until))
    if follows is None:
        return total
    return total + 0.8 ** (until - at) * q[follows]


def tree_return(q, steps, at, until, ended):
    _, _, reward, to = steps[at]
    if at == until - 1:
        return reward + (0.0 if ended else 0.8 * q[to].max())
    greedy = q[to].argmax() == steps[at + 1][1]
    later = tree_return(q, steps, at + 1, until, ended) if greedy else q[to].max()
    return reward + 0.8 * later


@pytest.mark.parametrize("n", [1, 2, 3, 50])
@pytest.mark.parametrize("kind", [NStepSARSA, TreeBackup])
@pytest.mark.parametrize("seed", [0])
def test_it_is_the_book_step_by_step(kind, n, seed):
    found, episodes, rest = gone_through(
        kind(400, n=n, n_stretches=4, **SETTINGS), seed
    )
    q = np.full((6, 3), 1.0)
    q[[0, 4]] = 0.0
    for steps in episodes:
        for time in range(len(steps) + n - 1):
            at, until = time - n + 1, min(time + 1, len(steps))
            if at < 0 or at >= len(steps):
                continue
            ended = time + 1 >= len(steps)
            if kind is NStepSARSA:
                follows = None if ended else steps[time + 1][:2]
                aim = sarsa_return(q, steps, at, until, follows)
            else:
                aim = tree_return(q, steps, at, until, ended)
            state, action = steps[at][:2]
            q[state, action] += SIZE * (aim - q[state, action])
    assert len(episodes) > 20
    # Of the last episode, which is not over, nothing is compared but what it left.
    untouched = np.ones((6, 3), dtype=bool)
    for state, action, _, _ in rest:
        untouched[state, action] = False
    np.testing.assert_allclose(np.asarray(found.q)[untouched], q[untouched], atol=1e-12)
    assert untouched.sum() > 6


@pytest.mark.parametrize("many, one", [(NStepSARSA, SARSA), (TreeBackup, QLearning)])
def test_one_step_is_the_learner_of_one_step(many, one):
    key, reward = jax.random.key(1), Tabular(VALUES)
    here = learn(key, WORLD, reward, many(500, n=1, n_stretches=5, **SETTINGS)).q
    there = learn(key, WORLD, reward, one(500, n_stretches=5, **SETTINGS)).q
    np.testing.assert_allclose(here, there, atol=1e-12)


def test_no_step_at_all_is_refused():
    with pytest.raises(ValueError, match=r"n = 0 steps are looked ahead: at least 1\."):
        NStepSARSA(100, n=0)
