"""One suite over every tabular learner."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import ArrayLike

import volition.value
from tests.reference.worlds import small_world, table
from volition.env import (
    AbstractEnvironment,
    MaximizationBias,
    gridworld,
    three_lane_road,
)
from volition.reward import Function, Linear, Tabular, maximization_bias
from volition.value import (
    SARSA,
    AbstractLearner,
    ByVisit,
    Constant,
    DoubleQLearning,
    DynaQ,
    DynaQPlus,
    ExpectedSARSA,
    Harmonic,
    Linear as Falling,
    MonteCarlo,
    NStepSARSA,
    PengQ,
    PrioritizedSweeping,
    QLearning,
    SARSALambda,
    TreeBackup,
    WatkinsQ,
    backup,
    evaluate_policy,
    expected_reward,
    plan,
    sweep,
)
from volition.value.tabular import learn

LEARNERS = {
    "double Q-learning": DoubleQLearning,
    "Dyna-Q": DynaQ,
    "Dyna-Q+": DynaQPlus,
    "expected SARSA": ExpectedSARSA,
    "Monte Carlo": MonteCarlo,
    "n-step SARSA": NStepSARSA,
    "Peng's Q(lambda)": PengQ,
    "prioritised sweeping": PrioritizedSweeping,
    "Q-learning": QLearning,
    "SARSA": SARSA,
    "SARSA(lambda)": SARSALambda,
    "tree backup": TreeBackup,
    "Watkins's Q(lambda)": WatkinsQ,
}
ON_POLICY = (ExpectedSARSA, MonteCarlo, NStepSARSA, SARSA, SARSALambda)
learners = pytest.mark.parametrize("kind", LEARNERS.values(), ids=LEARNERS)
DISCOUNT, N_STEPS = 0.6, 400_000
WITHOUT_CHANCE = 1  # in such worlds alone Dyna's last outcome is a model


class Unrolled(AbstractEnvironment):
    """A finite world of which nobody can see the table."""

    discount: ArrayLike
    world: AbstractEnvironment

    def reset(self, key):
        return self.world.reset(key)

    def step(self, key, state, action):
        return self.world.step(key, state, action)

    def observe(self, state):
        return self.world.observe(state)

    def terminated(self, state):
        return self.world.terminated(state)

    def truncated(self, state):
        return self.world.truncated(state)

    def transition(self, state, action, next_state):
        return self.world.transition(state, action, next_state)

    def scene(self, state):
        return self.world.scene(state)

    @property
    def action_space(self):
        return self.world.action_space

    @property
    def observation_space(self):
        return self.world.observation_space

    @property
    def feature_info(self):
        return self.world.feature_info


def fixed_point(kind, world, reward):
    """Where it goes when it acts at random: the optimum, or the value of that."""
    r = expected_reward(world, reward)
    if kind is PengQ:
        trace = float(PengQ(100).trace)
        q = jnp.zeros_like(r)
        for _ in range(100):
            mixed = trace * q.mean(axis=1) + (1.0 - trace) * q.max(axis=1)
            q = backup(world, r, mixed)
        return q
    if kind not in ON_POLICY:
        return plan(world, reward).q
    policy = jnp.full((world.n_states, world.n_actions), 1.0 / world.n_actions)
    return backup(world, r, evaluate_policy(world, policy, r))


def acting_at_random(kind, n_steps, half):
    """A learner whose step sizes fall to half in so many visits."""
    size = ByVisit(Harmonic(1.0, half=half))
    return kind(n_steps, step_size=size, exploration=1.0, n_stretches=1)


def test_every_public_one_has_a_row():
    public = {
        thing
        for _, thing in inspect.getmembers(volition.value, inspect.isclass)
        if issubclass(thing, AbstractLearner) and not inspect.isabstract(thing)
    }
    assert public == set(LEARNERS.values())


@learners
def test_it_goes_to_its_fixed_point_in_ten_random_worlds(kind):
    """Within what noise leaves.

    An entry visited n times ends with a step size of about a = 100 / n, so it is a mean
    of its last targets with a variance of a / 2 times theirs; targets spread by at most
    the range of q and reward, and errors behind count `discount` times.
    """
    method = acting_at_random(kind, N_STEPS, 100.0)
    ranges, errors = [], []
    for seed in range(10):
        branches = WITHOUT_CHANCE if issubclass(kind, DynaQ) else 3
        world = small_world(
            seed, 5, 2, branches, discount=DISCOUNT, terminal=(3,), time_limit=8
        )
        reward = Tabular(table(seed, 5, 2, 5))
        found = learn(jax.random.key(seed), world, reward, method)
        expected = fixed_point(kind, world, reward)
        ranges.append(float(np.ptp(expected)))
        # Nothing may lead to a state of a world without chance.
        visits = np.asarray(found.stand.visits)
        errors.append(np.abs(found.q - expected)[visits > 0].max())
        assert ((visits > N_STEPS / 200) | (visits == 0)).all()
        assert (visits > 0).sum() >= 4
    # 8 entries share the steps, of double Q-learning 16.
    last = 100.0 / (N_STEPS / (16 if kind is DoubleQLearning else 8))
    bound = 4 * np.sqrt(last / 2) * np.array(ranges) / (1 - DISCOUNT)
    assert (np.array(errors) < bound).all(), (errors, bound)
    assert (bound < 0.5 * np.array(ranges)).all()  # or it would say nothing


@learners
@pytest.mark.parametrize("seed", [2])
def test_a_world_without_a_table_is_learned_alike(kind, seed):
    branches = WITHOUT_CHANCE if issubclass(kind, DynaQ) else 2
    world = small_world(seed, 4, 2, branches, discount=0.5, terminal=(3,), time_limit=9)
    reward = Tabular(table(seed, 4, 2))
    method = acting_at_random(kind, 40_000, 20.0)  # averages forget too slowly
    found = learn(jax.random.key(seed), Unrolled(world.discount, world), reward, method)
    known = learn(jax.random.key(seed), world, reward, method)
    expected = fixed_point(kind, world, reward)
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(found.q, expected, atol=0.1)
    np.testing.assert_allclose(known.q, expected, atol=0.1)
    assert int(found.curve.n_episodes.sum()) > 1000


@learners
def test_a_sweep_is_each_setting_and_seed_by_itself(kind):
    world = gridworld(["S.G", "..#"], discount=0.9)
    reward = Linear(world.feature_names, [-0.1, 1.0, -1.0])
    make = lambda size, chance: kind(300, step_size=size, exploration=chance)
    sizes, chances = jnp.array([0.1, 0.7]), jnp.array([0.5, 0.2])
    keys = jax.random.split(jax.random.key(1), 3)
    together = sweep(keys, world, reward, jax.vmap(make)(sizes, chances))
    for i in range(2):
        for j in range(3):
            alone = learn(keys[j], world, reward, make(sizes[i], chances[i]))
            np.testing.assert_allclose(together.q[i, j], alone.q, atol=1e-12)
    assert len(np.unique(np.asarray(together.q), axis=0)) == 2


@learners
def test_what_is_watched_is_every_step(kind):
    world = gridworld(["S.G", "..#"], discount=0.9)
    reward = Linear(world.feature_names, [-0.1, 1.0, -1.0])
    method = kind(600, exploration=0.5, n_stretches=6)
    found = learn(
        jax.random.key(0), world, reward, method, watch=lambda q, seen: (q, seen)
    )
    q, seen = found.watched
    assert q.shape == (600, 6, 4)
    np.testing.assert_array_equal(q[-1], found.q)
    assert int(seen.over.sum()) == int(found.curve.n_episodes.sum()) > 0
    on = ~np.asarray(seen.over)[:-1]
    np.testing.assert_array_equal(
        np.asarray(seen.next_state)[:-1][on], np.asarray(seen.state)[1:][on]
    )


def test_told_its_progress_it_learns_the_same():
    world = gridworld(["S.G", "..#"], discount=0.9)
    reward = Linear(world.feature_names, [-0.1, 1.0, -1.0])
    method, key, told = QLearning(600, n_stretches=3), jax.random.key(2), []
    alone = volition.value.learn(key, world, reward, method)
    found = volition.value.learn(
        key, world, reward, method, progress=lambda *now: told.append(now)
    )
    np.testing.assert_array_equal(found.q, alone.q)
    np.testing.assert_array_equal(found.curve.mean_return, alone.curve.mean_return)
    assert [(steps, len(curve.step)) for steps, curve in told] == [
        (200, 1),
        (400, 2),
        (600, 3),
    ]
    with pytest.raises(ValueError, match="learns in one functional world"):
        volition.value.learn(key, (world, world), reward, method)


@learners
def test_the_curve_is_of_whole_stretches(kind):
    with pytest.raises(ValueError, match="must be a multiple of n_stretches = 7"):
        kind(100, n_stretches=7)


@learners
@pytest.mark.parametrize(
    "settings, what",
    [
        ({"step_size": 1.5}, r"step_size = 1.5 must be in \[0, 1\]"),
        ({"step_size": -0.1}, r"step_size = -0.1 must be in \[0, 1\]"),
        ({"step_size": ByVisit(Constant(2.0))}, r"step_size = 2 must be in \[0, 1\]"),
        ({"exploration": 1.01}, r"exploration = 1.01 must be in \[0, 1\]"),
        ({"exploration": Falling(0.5, -0.1, 10)}, r"exploration = -0.1 must be in"),
        ({"exploration": float("nan")}, r"exploration = nan must be in \[0, 1\]"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, settings, what):
    with pytest.raises(ValueError, match=what):
        kind(100, **settings)


@pytest.mark.parametrize(
    "kind, settings, what",
    [
        (SARSALambda, {"trace": 1.1}, r"trace = 1.1 must be in \[0, 1\]"),
        (WatkinsQ, {"trace": -0.5}, r"trace = -0.5 must be in \[0, 1\]"),
        (PengQ, {"trace": 2}, r"trace = 2 must be in \[0, 1\]"),
        (DynaQ, {"n_planning": -1}, "n_planning = -1 must be at least 0"),
        (DynaQPlus, {"n_planning": -3}, "n_planning = -3 must be at least 0"),
        (DynaQPlus, {"curiosity": -1.0}, "curiosity = -1 must be at least 0"),
        (PrioritizedSweeping, {"n_planning": 0}, "n_planning = 0 must be at least 1"),
        (PrioritizedSweeping, {"threshold": -1.0}, "threshold = -1 must be at least 0"),
        (MonteCarlo, {"n": 0}, "n = 0 steps"),
    ],
)
def test_a_learners_own_numbers_out_of_range_are_refused(kind, settings, what):
    with pytest.raises(ValueError, match=what):
        kind(100, **settings)


def test_the_ends_of_the_ranges_are_taken():
    assert float(PengQ(100, trace=1.0, exploration=0.0, step_size=1.0).trace) == 1.0
    assert DynaQ(100, n_planning=0).n_planning == 0


def test_observations_that_are_no_numbers_are_refused():
    class Seeing(Unrolled):
        @property
        def observation_space(self):
            return volition.env.Box(0.0, 1.0, (2,))

    with pytest.raises(ValueError, match="a table needs numbered observations"):
        learn(
            jax.random.key(0),
            Seeing(0.9, three_lane_road()),
            Function(lambda state, action: 0.0),
            QLearning(100),
        )


@learners
def test_to_go_on_is_not_to_have_stopped(kind):
    world = gridworld(["S.G", "..#"], discount=0.9)
    reward = Linear(world.feature_names, [-0.1, 1.0, -1.0])
    key, half = jax.random.key(3), kind(200, exploration=0.5, n_stretches=4)
    whole = learn(key, world, reward, kind(400, exploration=0.5, n_stretches=8))
    first = learn(key, world, reward, half)
    then = learn(key, world, reward, half, after=first.stand)
    for a, b in zip(
        jax.tree.leaves((whole.q, whole.stand)),
        jax.tree.leaves((then.q, then.stand)),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert then.curve.step.tolist() == [250, 300, 350, 400]
    assert int(whole.curve.n_episodes.sum()) > 0


@learners
def test_what_is_not_available_is_not_done(kind):
    """And its value stays -inf, while the others are learned."""
    method = kind(3000, exploration=0.5, n_stretches=1, random_ties=True)
    found = learn(
        jax.random.key(0),
        MaximizationBias(4),
        maximization_bias(),
        method,
        watch=lambda q, seen: (seen.state, seen.action),
    )
    state, action = map(np.asarray, found.watched)
    assert set(action[state == 0]) == {0, 1}
    assert set(action[state == 1]) == {0, 1, 2, 3}
    assert np.isneginf(np.asarray(found.q)[0]).tolist() == [False, False, True, True]
    assert np.isfinite(np.asarray(found.q)[1]).all()
