"""Whole episodes: as frequent as they are, marked, and the only ones inferred from."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition as vl
from tests.reference.worlds import small_world
from volition import record
from volition.env import CartPole, FiniteMDP, gridworld, host_env
from volition.evaluation import logged
from volition.feedback import Dataset, Demonstration, demonstration
from volition.inference import imitation, irl
from volition.policy import Always, Random, Segment, Tabular, episode, whole_episodes
from volition.reward import Linear, Tabular as TabularReward
from volition.value import SoftValueIteration, occupancy

N_STATES = 11  # 0 the fork, 1 to 9 the long way, 10 the end
HALF = Tabular(jnp.full((N_STATES, 2), 0.5))


def fork():
    """Action 0 ends at once, action 1 after nine further steps."""
    successor = np.zeros((N_STATES, 2, 1), int)
    successor[0, 0], successor[0, 1] = 10, 1
    successor[1:10, :, 0] = np.arange(2, 11)[:, None]
    successor[10] = 10
    return FiniteMDP(
        successor,
        np.ones((N_STATES, 2, 1)),
        terminal=np.arange(N_STATES) == 10,
        initial=np.eye(N_STATES)[0],
        discount=0.9,
    )


FORK = fork()
KEY = jax.random.key(0)
DRAWN = {
    "windows": lambda n: vl.rollout(KEY, FORK, HALF, n_segments=n, length=12),
    "episodes": lambda n: vl.episodes(KEY, FORK, HALF, n_episodes=n, time_limit=12),
}


def share_of_long(segments):
    state = np.asarray(segments.transition.state.index)
    there = (state == 0) & (np.asarray(segments.weight) > 0)
    return np.asarray(segments.transition.action)[there].mean(), there.sum()


@pytest.mark.parametrize("seed", range(3))
def test_at_each_step_episodes_act_as_their_policy_does_and_windows_do_not(seed):
    key = jax.random.key(seed)
    whole = vl.episodes(key, FORK, HALF, n_episodes=2000, time_limit=12)
    share, n = share_of_long(whole)
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(n)
    cut = vl.rollout(key, FORK, HALF, n_segments=2000, length=12)
    share, n = share_of_long(cut)
    assert abs(share - 0.5) > 10 * 0.5 / np.sqrt(n)


def test_what_is_inferred_from_episodes_is_what_was_done():
    told = DRAWN["episodes"](2000)
    error = 0.5 / np.sqrt(2000)
    found = irl.max_causal_entropy(FORK, told, TabularReward(jnp.zeros((N_STATES, 2))))
    assert found.converged, found.message
    assert abs(float(found.policies[0, 1]) - 0.5) < 4 * error
    cloned = imitation.tabular_cloning(FORK, told)
    assert abs(float(cloned.probabilities[0, 1]) - 0.5) < 4 * error


LINEAR = Linear(("reward",), [0.0])
GRID = gridworld(["S...", "...G"], discount=0.9)


def short_learner():
    return irl.soft_learner(512)


# Every verb that infers from behaviour, in worlds with a table and without.
VERBS = {
    "max_causal_entropy": (GRID, irl.max_causal_entropy),
    "apprenticeship": (GRID, irl.apprenticeship),
    "f_irl": (GRID, lambda env, told: irl.f_irl(env, told, horizon=5)),
    "policy_walk": (GRID, lambda env, told: irl.policy_walk(KEY, env, told)),
    "t_rex": (
        GRID,
        lambda env, told: irl.t_rex(KEY, told, Linear(env.feature_names), length=2),
    ),
    "tabular_cloning": (GRID, imitation.tabular_cloning),
    "density": (GRID, imitation.density),
    "behaviour_cloning": (
        CartPole(),
        lambda env, told: imitation.behaviour_cloning(KEY, env, told),
    ),
    "dagger": (
        CartPole(),
        lambda env, told: imitation.dagger(
            KEY, env, Always(0), demonstrations=told, length=5
        ),
    ),
    "d_rex": (
        CartPole(),
        lambda env, told: imitation.d_rex(KEY, env, told, Linear(env.feature_names)),
    ),
    "sqil": (
        CartPole(),
        lambda env, told: imitation.sqil(KEY, env, told, learner=short_learner()),
    ),
    "airl": (
        CartPole(),
        lambda env, told: irl.airl(KEY, env, told, learner=short_learner()),
    ),
    "gail": (
        CartPole(),
        lambda env, told: irl.gail(KEY, env, told, learner=short_learner()),
    ),
    "learn_from_demonstrations": (
        CartPole(),
        lambda env, told: irl.learn_from_demonstrations(
            KEY, env, told, Linear(env.feature_names), learner=short_learner()
        ),
    ),
    "logged": (
        GRID,
        lambda env, told: logged(
            env,
            told,
            Linear(env.feature_names),
            lambda seen: jnp.full(4, 0.25),
            lambda seen: jnp.full(4, 0.25),
        ),
    ),
    "demonstration": (
        GRID,
        lambda env, told: demonstration(jax.tree.map(lambda leaf: leaf[0], told)),
    ),
    "a data set of demonstrations": (
        GRID,
        lambda env, told: Dataset.of(
            jax.vmap(lambda one, number: demonstration(one, question=0))(
                told, jnp.arange(3)
            )
        ),
    ),
}


@pytest.mark.parametrize("unmarked", ["windows", "hand-built", "one window of three"])
@pytest.mark.parametrize("name", VERBS)
def test_inference_from_behaviour_refuses_windows(name, unmarked):
    env, infer = VERBS[name]
    random = Random(env.action_space.n)
    made = vl.episodes(KEY, env, random, n_episodes=3, time_limit=5)
    windows = vl.rollout(KEY, env, random, n_segments=3, length=5)
    told = {
        "windows": windows,
        "hand-built": Segment(made.transition, made.weight, made.present),
        "one window of three": eqx.tree_at(
            lambda one: one.whole, made, made.whole.at[0].set(False)
        ),
    }[unmarked]
    with pytest.raises(ValueError, match=r"whole episode.*vl\.episodes"):
        infer(env, told)


def test_a_question_may_begin_anywhere():
    cut = vl.rollout(KEY, GRID, Random(4), n_segments=3, length=5)
    one = jax.tree.map(lambda leaf: leaf[0], cut)
    assert not demonstration(one, False).given
    asked = jax.vmap(lambda each: demonstration(each, False))(cut)
    assert len(Dataset.of(asked)) == 3


def test_the_mark_is_kept_by_all_that_is_done_to_batches():
    told = vl.episodes(KEY, GRID, Random(4), n_episodes=6, time_limit=5)
    cut = vl.rollout(KEY, GRID, Random(4), n_segments=2, length=5)
    marks = lambda segments: np.asarray(segments.whole).all(axis=-1).tolist()
    pick = lambda rows: jax.tree.map(lambda leaf: leaf[rows], told)
    assert marks(pick(np.array([4, 1]))) == [True, True]
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), pick(slice(1)), cut)
    assert marks(both) == [True, False, False]
    pairs = jax.tree.map(lambda leaf: leaf.reshape(3, 2, *leaf.shape[1:]), told)
    assert marks(pairs) == [[True, True]] * 3
    shorter = jax.tree.map(lambda leaf: leaf[:, :3], told)  # cut at a fixed step
    assert marks(shorter) == [True] * 6
    one_by_one = jax.vmap(lambda one: episode(one, GRID, Random(4), 5))
    assert marks(one_by_one(jax.random.split(KEY, 6))) == [True] * 6
    rebuilt = jax.vmap(lambda one: Segment(one.transition, one.weight, one.present))
    assert marks(rebuilt(told)) == [False] * 6
    assert marks(whole_episodes(rebuilt(told))) == [True] * 6


def test_a_segment_of_an_earlier_record_loads_unmarked():
    told = vl.episodes(KEY, small_world(0), Random(2), n_episodes=2, time_limit=3)
    assert eqx.tree_equal(record.from_json(record.to_json(told)), told)
    saved = record.to_json(told)
    del saved["fields"]["whole"]
    found = record.from_json(saved)
    assert not found.whole.any()
    assert eqx.tree_equal(whole_episodes(found), told)


def test_episodes_of_tasks_and_on_the_host_are_by_the_same_verb():
    tasks = (gridworld(["S.G"]), gridworld(["S..G"]))
    one, two = vl.episodes(KEY, tasks, Always(3), n_episodes=2, time_limit=5)
    assert one.weight.sum(axis=1).tolist() == [2.0, 2.0]
    assert two.weight.sum(axis=1).tolist() == [3.0, 3.0]
    env = host_env("CartPole-v1", 2)
    told = vl.episodes(KEY, env, Random(2), n_episodes=5, time_limit=15)
    again = vl.episodes(KEY, env, Random(2), n_episodes=5, time_limit=15)
    assert eqx.tree_equal(told, again)
    assert told.whole.all()
    assert told.weight.shape == (5, 15)
    step, made = told.transition, np.asarray(told.weight) > 0
    # Each step begins where the one before led, before any automatic reset.
    before, after = np.asarray(step.state), np.asarray(step.next_state)
    np.testing.assert_array_equal(before[:, 1:], after[:, :-1])
    np.testing.assert_array_equal(np.asarray(step.features)[..., 0], made)
    ended = np.asarray(step.terminated)[:, -1]
    np.testing.assert_array_equal(made.all(axis=1), ~ended)
    assert told.present.all()
    # And what was seen on the host is learned from.
    cloned = imitation.behaviour_cloning(KEY, env, told)
    assert np.isfinite(cloned.cross_entropy).all()


def test_a_time_limit_of_the_host_is_padding_and_no_end():
    import gymnasium

    make = lambda: gymnasium.make("Pendulum-v1", max_episode_steps=4)
    env = host_env(make, 1)

    class Still(vl.policy.AbstractPolicy):
        def __call__(self, key, observation):
            return jnp.zeros(1)

    told = vl.episodes(KEY, env, Still(), n_episodes=2, time_limit=6)
    assert told.weight.tolist() == [[1.0] * 4 + [0.0] * 2] * 2
    assert told.present.tolist() == [[True] * 4 + [False] * 2] * 2
    assert not np.asarray(told.transition.terminated).any()


@pytest.mark.parametrize(
    ("env", "settings", "message"),
    [
        (GRID, {"n_episodes": 0, "time_limit": 1}, "at least 1"),
        (GRID, {"n_episodes": 1, "time_limit": 0}, "at least 1"),
        ((), {"n_episodes": 1, "time_limit": 1}, "no task"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(env, settings, message):
    with pytest.raises(ValueError, match=message):
        vl.episodes(KEY, env, Random(4), **settings)


def test_who_runs_out_of_time_is_as_likely_as_they_act_where_episodes_end():
    # A path that ended early was planned for all of the time, as it is sampled.
    world = gridworld(["S.G"], discount=1.0)
    person = vl.human.Boltzmann(acting=vl.human.SoftHorizon(world))
    judge = person.judge(Linear(world.feature_names, [-0.2, 1.0, 0.0]))
    asked = demonstration(episode(KEY, world, Random(4), 3), False)
    drawn = jax.vmap(lambda key: judge.sample(key, asked))(
        jax.random.split(jax.random.key(1), 4000)
    )
    assert isinstance(drawn, Demonstration)
    code = np.asarray(drawn.done.transition.action) + 1
    code = (code * (np.asarray(drawn.done.weight) > 0)) @ np.array([25, 5, 1])
    chance = np.exp(np.asarray(jax.vmap(judge.log_prob)(drawn)))
    _, first, count = np.unique(code, return_index=True, return_counts=True)
    likely = chance[first] > 0.01
    assert likely.sum() > 5
    error = np.sqrt(chance[first] * (1 - chance[first]) / 4000)
    away = np.abs(count / 4000 - chance[first]) / error
    assert away[likely].max() < 4.5
    assert chance[first].sum() == pytest.approx(1.0, abs=0.05)


def test_soft_visits_of_whole_episodes_are_those_of_the_policy():
    # The oracle of what demonstrations should say: expected discounted visits.
    plan = SoftValueIteration().solve(GRID, jnp.zeros((GRID.n_states, 4)))
    told = vl.episodes(KEY, GRID, plan.policy, n_episodes=3000, time_limit=150)
    each = irl.state_visits(GRID, told)
    truth = np.asarray(occupancy(GRID, plan.policy.probabilities)).sum(axis=1)
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    assert (np.abs(each.mean(axis=0) - truth) <= 4.5 * error + 1e-5).all()
