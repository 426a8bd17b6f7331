"""One-step learners against a Python loop that is fed the same random numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning, tabular as loops
from tests.reference.worlds import small_world, table
from volition.env import FiniteMDP, cliff_walking
from volition.reward import Function, Linear, Tabular, cliff_walking as cliff_reward
from volition.value import (
    SARSA,
    DoubleQLearning,
    ExpectedSARSA,
    Harmonic,
    Linear as Falling,
    QLearning,
    branch_reward,
    learn,
    tabular,
)

rewards_of = jax.jit(branch_reward)
# A world with one start and no chance in it; one with six starts, three ends and
# chance; one that only a time limit ends.
CASES = {
    "cliff": (
        cliff_walking(discount=0.95),
        cliff_reward(),
        QLearning(3000, step_size=0.5, exploration=0.2, n_stretches=10),
    ),
    "several starts": (
        small_world(2, 9, 3, 4, terminal=(1, 4, 8), time_limit=7),
        Tabular(table(2, 9, 3, 9)),
        QLearning(
            2000,
            step_size=Harmonic(0.7, 300.0),
            exploration=Falling(1.0, 0.05, 1000),
            initial_value=1.5,
            n_stretches=8,
        ),
    ),
    "time limit only": (
        small_world(5, 6, 2, 3, time_limit=4),
        Tabular(table(5, 6, 2)),
        QLearning(900, step_size=0.1, exploration=0.3, n_stretches=5),
    ),
}


RULES = {
    QLearning: loops.q_learning,
    SARSA: loops.sarsa,
    ExpectedSARSA: loops.expected_sarsa,
    DoubleQLearning: loops.double_q_learning,
}


def twin(key, world: FiniteMDP, reward, method):
    """The loop, fed by `tabular.draws`."""
    n_steps = method.n_steps // method.n_stretches
    seen = tabular.experience(world, reward)
    draw = jax.jit(lambda stretch: tabular.draws(method, key, seen, stretch))
    first = int(jax.jit(lambda: tabular.first(key, seen).index)())
    stretches = []
    for number in range(method.n_stretches):
        drawn = jax.tree.map(np.asarray, draw(jnp.int32(number)))
        steps = jnp.arange(number * n_steps, (number + 1) * n_steps, dtype=jnp.int32)
        action = np.asarray(drawn.action(world.n_actions))
        numbers = {"explore": drawn.explore, "action": action}
        numbers |= {"step_size": np.asarray(method.step_size(steps))}
        numbers |= {"exploration": np.asarray(method.exploration(steps))}
        own = {} if drawn.own is None else {"own": drawn.own}
        stretches.append({**numbers, **vars(drawn.world), **own})
    first_action = None
    if method.commits:
        explore, share = map(float, tabular.learner.first_choice(key, method))
        first_action = int(share * world.n_actions) if explore else 0
    return loops.learned(
        world,
        np.asarray(rewards_of(world, reward)),
        stretches,
        first_state=first,
        initial_value=float(method.initial_value),
        rule=RULES[type(method)],
        first_action=first_action,
        n_tables=2 if isinstance(method, DoubleQLearning) else 1,
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("seed", [7])
def test_the_table_and_the_curve_equal_the_loop(seed, name, kind):
    world, reward, settings = CASES[name]
    method = kind(**vars(settings))
    key = jax.random.key(seed)
    found = learn(key, world, reward, method)
    q, mean_returns, n_episodes = twin(key, world, reward, method)
    np.testing.assert_allclose(found.q, q, rtol=1e-12, atol=1e-12)
    assert found.curve.n_episodes.tolist() == n_episodes
    assert sum(n_episodes) > 0
    np.testing.assert_allclose(found.curve.mean_return, mean_returns, atol=1e-10)
    each = method.n_steps // method.n_stretches
    assert found.curve.step.tolist() == [
        each * (i + 1) for i in range(method.n_stretches)
    ]
    np.testing.assert_array_equal(
        found.policy.probabilities, np.eye(q.shape[1])[np.asarray(found.q).argmax(1)]
    )


def test_ends_are_never_written():
    world, reward, method = CASES["several starts"]
    found = learn(jax.random.key(0), world, reward, method)
    assert (np.asarray(found.q)[[1, 4, 8]] == 0.0).all()
    assert (np.asarray(found.q) != 1.5).any()


@pytest.mark.parametrize("seed", [3])
def test_draws_follow_what_they_are_drawn_from(seed):
    """Within four standard errors; see the twin for how they are used."""
    world, _, _ = CASES["several starts"]
    n = 20_000
    method = QLearning(n, exploration=0.3, n_stretches=1)
    seen = tabular.experience(world, Tabular(table(2, 9, 3, 9)))
    drawn = jax.jit(lambda key: tabular.draws(method, key, seen, 0))(
        jax.random.key(seed)
    )
    explore, action = np.asarray(drawn.explore), np.asarray(drawn.action(3))
    assert abs(explore.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / n)
    share = np.bincount(action[explore], minlength=3) / explore.sum()
    assert np.abs(share - 1 / 3).max() < 4 * np.sqrt(2 / 9 / explore.sum())
    initial = np.asarray(world.initial)
    starts = np.bincount(np.asarray(drawn.world.restart), minlength=9) / n
    error = np.sqrt(initial * (1 - initial) / n)
    assert (np.abs(starts - initial) <= 4 * error).all()
    branch = np.asarray(drawn.world.branch)
    assert abs(branch.mean() - 0.5) < 4 * np.sqrt(1 / 12 / n)
    # Independent of one another, as far as a correlation can tell.
    together = np.corrcoef([branch, explore, drawn.world.restart])
    assert np.abs(together - np.eye(3)).max() < 4 / np.sqrt(n)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_finds_the_optimum(seed):
    """Acting at random throughout, with falling steps.

    The last step size is a = .5 * 1000 / 401000 = .00125. A table entry then is a mean
    of the targets seen, of variance a / (2 - a) times theirs; a target has at most the
    standard deviation s of reward and next value, and an error in the next value
    counts `discount` times, hence 1 / (1 - discount) of them in the worst case. Below
    four times that.
    """
    discount = 0.6
    world = small_world(seed, 5, 2, 3, discount=discount, terminal=(3,))
    values = table(seed, 5, 2, 5)
    method = QLearning(
        400_000, step_size=Harmonic(0.5, 1000.0), exploration=1.0, n_stretches=4
    )
    found = learn(jax.random.key(seed), world, Tabular(values), method)
    r = planning.mean_rewards(world, values)
    best = planning.best_values(world, r)
    expected = planning.action_values(world, r, best)
    p = planning.transitions(world)
    ahead = values + discount * best
    spread = np.sqrt(((ahead - (p * ahead).sum(-1)[..., None]) ** 2 * p).sum(-1)).max()
    step_size = 0.5 * 1000 / 401_000
    bound = 4 * np.sqrt(step_size / 2) * spread / (1 - discount)
    assert bound < 0.2 * np.ptp(expected)  # or it would say nothing
    np.testing.assert_allclose(found.q, expected, atol=bound)


@pytest.mark.parametrize("seed", [4])
def test_several_keys_give_what_each_gives_alone(seed):
    world, reward, method = CASES["several starts"]
    keys = jax.random.split(jax.random.key(seed), 3)
    together = learn(keys, world, reward, method)
    for i in range(3):
        alone = learn(keys[i], world, reward, method)
        one = jax.tree.map(lambda leaf, at=i: np.asarray(leaf)[at], together)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(alone), strict=True):
            np.testing.assert_array_equal(a, b)
    first, second, _ = np.asarray(together.q)
    assert (first != second).any()


def test_the_same_key_gives_the_same_bits():
    world, reward, method = CASES["several starts"]
    key = jax.random.key(9)
    one, other = (learn(key, world, reward, method) for _ in range(2))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_other_numbers_compile_nothing_new():
    traces = []

    def count(state, action):
        traces.append(0)
        return state.index + action

    reward, key = Function(count), jax.random.key(0)
    found = []
    for size, chance, discount, start in [(0.1, 0.2, 0.5, 0.0), (0.4, 0.3, 0.7, 2.0)]:
        method = QLearning(
            60,
            step_size=size,
            exploration=chance,
            initial_value=start,
            n_stretches=3,
        )
        world = small_world(1, 4, 2, 2, discount=discount)
        found.append(np.asarray(learn(key, world, reward, method).q))
    assert len(traces) == 1
    assert (found[0] != found[1]).any()


def test_many_step_sizes_are_one_program():
    world, reward, method = CASES["time limit only"]
    seen, key = tabular.experience(world, reward), jax.random.key(1)

    def one(size):
        other = QLearning(900, step_size=size, exploration=0.3, n_stretches=5)
        return tabular.learner.run(key, seen, other).q

    together = np.asarray(jax.jit(jax.vmap(one))(jnp.array([0.5, 0.1, 0.9])))
    alone = learn(key, world, reward, method).q  # whose steps are 0.1
    np.testing.assert_allclose(together[1], alone, atol=1e-12)
    assert np.abs(together[0] - alone).max() > 0.01


@pytest.mark.parametrize("n_steps, n_stretches", [(100, 7), (100, 0), (3, 10)])
def test_stretches_that_do_not_divide_the_steps_are_refused(n_steps, n_stretches):
    with pytest.raises(ValueError, match=rf"n_steps = {n_steps} must be a multiple"):
        QLearning(n_steps, n_stretches=n_stretches)


def test_a_feature_that_the_world_lacks_is_refused():
    world, _, method = CASES["cliff"]
    with pytest.raises(ValueError, match="the feature 'fall', which the environment"):
        learn(jax.random.key(0), world, Linear(("step", "fall"), [1.0, 2.0]), method)
