"""One suite over every deep learner."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

import volition.value
from volition import record
from volition.env import CartPole, MaximizationBias, gridworld
from volition.reward import AbstractReward, Linear
from volition.testing import KnownAnswer, check_env
from volition.value import (
    DQN,
    MLP,
    PQN,
    SAC,
    AbstractDeepLearner,
    Adam,
    Passes,
    Replay,
    Rollout,
    learn,
)

SMALL = MLP((16,))
FAST = Adam(0.01)
REPLAY = Replay(1024, 64, n_updates=8, warm_up=128, target_rate=0.1)
ROLLOUT = Rollout(16, 4)


def dqn(n_steps, n_stretches=1):
    return DQN(
        n_steps,
        rollout=ROLLOUT,
        replay=REPLAY,
        network=SMALL,
        optimiser=FAST,
        exploration=0.5,
        n_stretches=n_stretches,
    )


def pqn(n_steps, n_stretches=1):
    return PQN(
        n_steps,
        rollout=ROLLOUT,
        passes=Passes(4, 2, 0.5),
        network=SMALL,
        optimiser=FAST,
        exploration=0.5,
        n_stretches=n_stretches,
    )


def sac(n_steps, n_stretches=1):
    return SAC(
        n_steps,
        rollout=ROLLOUT,
        replay=REPLAY,
        network=SMALL,
        optimiser=FAST,
        n_stretches=n_stretches,
    )


LEARNERS = {"DQN": (DQN, dqn), "PQN": (PQN, pqn), "SAC": (SAC, sac)}
learners = pytest.mark.parametrize(
    "make", [row[1] for row in LEARNERS.values()], ids=LEARNERS
)
NAMES = KnownAnswer().feature_names
STEP, LAST, SIGN, ACTION, BOTH, SQUARE = np.eye(len(NAMES))
N_STEPS, TOLERANCE = 4096, 0.06


def world_for(make, length=1, **settings):
    return KnownAnswer(length, continuous=make is sac, **settings)


def q_of(found, sign, time, action):
    """By the critic that is learning, or the smaller of two."""
    observation = jnp.array([sign, time])
    if isinstance(found.policy, volition.value.GreedyNetwork):
        return float(found.policy.q(observation)[int(action > 0)])
    inputs = found.policy.inputs(observation)
    x = jnp.append(inputs, jnp.float32(action / 2.0))
    memory = found.stand.memory
    judged = jax.vmap(lambda critic: critic(x))(memory.critics)
    return float(memory.known.scale * jnp.min(judged))


def test_every_public_one_has_a_row():
    public = {
        thing
        for _, thing in inspect.getmembers(volition.value, inspect.isclass)
        if issubclass(thing, AbstractDeepLearner) and not inspect.isabstract(thing)
    }
    assert public == {row[0] for row in LEARNERS.values()}


@pytest.mark.parametrize("continuous", [False, True])
def test_the_world_of_known_answers_is_one(continuous):
    check_env(KnownAnswer(3, continuous=continuous))
    check_env(KnownAnswer(4, continuous=continuous, truncates=True, hidden=True))


@learners
def test_it_finds_known_answers(make):
    """The reward, the observation, the discount, the action: one after the other."""
    method, key = make(N_STEPS), jax.random.key(3)

    def found(length, weights, **settings):
        world = world_for(make, length, **settings)
        return learn(key, world, Linear(NAMES, weights), method)

    one = found(1, STEP)
    signs = found(1, 2.0 * SIGN)
    later = found(2, LAST)
    good = 0.8 * ACTION - 0.5 * SQUARE if make is sac else 0.3 * ACTION
    acts = found(1, good)
    both = found(1, 0.8 * BOTH - 0.5 * SQUARE if make is sac else 0.3 * BOTH)
    for sign in (-1.0, 1.0):
        assert q_of(one, sign, 0.0, 1.0) == pytest.approx(1.0, abs=TOLERANCE)
        assert q_of(signs, sign, 0.0, 1.0) == pytest.approx(2 * sign, abs=TOLERANCE)
        assert q_of(later, sign, 0.0, 1.0) == pytest.approx(0.5, abs=TOLERANCE)
        assert q_of(later, sign, 0.5, 1.0) == pytest.approx(1.0, abs=TOLERANCE)
        observation = jnp.array([sign, 0.0])
        does = lambda found, seen=observation: found.policy(key, seen).item()
        if make is sac:
            assert does(acts) == pytest.approx(0.8, abs=0.15)
            assert does(both) == pytest.approx(0.8 * sign, abs=0.15)
        else:
            assert does(acts) == 1
            assert does(both) == (sign > 0)
            assert q_of(both, sign, 0.0, 1.0) == pytest.approx(
                0.3 * sign, abs=TOLERANCE
            )


@learners
@pytest.mark.parametrize(
    "truncates, value", [(True, 2.0), (False, 1.75)], ids=["limit", "outcome"]
)
def test_an_outcome_ends_the_future_and_a_time_limit_does_not(make, truncates, value):
    """1 + 1/2 + 1/4 to an outcome after three steps; 2 for ever, where time is hidden.

    Taking the limit for an outcome would give a mean of 1.75, 1.5 and 1.
    """
    world = world_for(make, 3, truncates=truncates, hidden=truncates)
    found = learn(jax.random.key(4), world, Linear(NAMES, STEP), make(N_STEPS))
    for sign in (-1.0, 1.0):
        assert q_of(found, sign, 0.0, 1.0) == pytest.approx(value, abs=TOLERANCE)


@learners
def test_where_it_stopped_is_all_that_is_needed_to_go_on(make, tmp_path):
    """To the bit; also from a file; and the same key gives the same bits."""
    world, reward = world_for(make, 3), Linear(NAMES, STEP + SIGN)
    key, seen = jax.random.key(5), []
    whole = learn(
        key, world, reward, make(1024, 4), progress=lambda *told: seen.append(told)
    )
    half = learn(key, world, reward, make(512, 2))
    record.save((half.policy, half.stand), tmp_path / "half.json")
    policy, stand = record.load(tmp_path / "half.json")
    rest = learn(key, world, reward, make(512, 2), after=stand)
    assert eqx.tree_equal(whole.stand, rest.stand)
    assert eqx.tree_equal(whole.policy, rest.policy)
    assert not eqx.tree_equal(half.policy, rest.policy)
    observations = jnp.array([[-1.0, 0.3], [1.0, 0.6]])
    np.testing.assert_array_equal(
        jax.vmap(policy, (None, 0))(key, observations),
        jax.vmap(half.policy, (None, 0))(key, observations),
    )
    parts = (half.curve, rest.curve)
    for name in ("step", "mean_return", "n_episodes"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(whole.curve, name), joined)
    assert [steps for steps, _ in seen] == [256, 512, 768, 1024]
    assert eqx.tree_equal(seen[-1][1], whole.curve)
    # 16 instances of 16 steps each, episodes of 3: 5 ended and one in progress.
    assert int(whole.curve.n_episodes[0]) == 16 * 5


@learners
def test_a_stand_that_does_not_fit_is_refused(make, tmp_path):
    world, reward = world_for(make, 3), Linear(NAMES, STEP)
    key = jax.random.key(6)
    stand = learn(key, world, reward, make(64)).stand
    wider = eqx.tree_at(lambda method: method.network, make(64), MLP((24,)))
    deeper = eqx.tree_at(lambda method: method.network, make(64), MLP((16, 16)))
    with pytest.raises(ValueError, match=r"`after` has float32\[.*go on with the"):
        learn(key, world, reward, wider, after=stand)
    with pytest.raises(ValueError, match="left by another method"):
        learn(key, world, reward, deeper, after=stand)
    record.save(stand, tmp_path / "stand.json")
    arrays = tmp_path / "stand.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-100])
    with pytest.raises(
        ValueError, match=r"stand.json is not a record .* save it again"
    ):
        record.load(tmp_path / "stand.json")


@learners
def test_seeds_together_are_each_by_itself(make):
    world, reward = world_for(make, 2), Linear(NAMES, ACTION + SIGN)
    keys = jax.random.split(jax.random.key(7), 3)
    together = learn(keys, world, reward, make(512, 2))
    assert together.curve.step.shape == (3, 2)
    for i, key in enumerate(keys):
        alone = learn(key, world, reward, make(512, 2))
        mine = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(mine), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    first, second = (together.curve.mean_return[i] for i in (0, 1))
    assert (np.asarray(first) != np.asarray(second)).all()


class Count:
    """How often something was traced; the same for every compilation cache."""

    n = 0


class Counting(AbstractReward):
    """Counts how often it is traced."""

    weights: Float[Array, " feature"]
    count: Count = eqx.field(static=True)

    def __call__(self, transition):
        self.count.n += 1
        return jnp.dot(transition.features, self.weights)

    @property
    def feature_names(self):
        return NAMES


@learners
def test_it_is_compiled_once(make):
    count = Count()
    world = world_for(make, 2)
    learn(jax.random.key(0), world, Counting(jnp.asarray(STEP), count), make(256, 4))
    once = count.n
    learn(jax.random.key(1), world, Counting(jnp.asarray(SIGN), count), make(256, 4))
    later = world_for(make, 3, discount=0.9)
    learn(jax.random.key(2), later, Counting(jnp.asarray(SIGN), count), make(256, 4))
    assert count.n == once > 0


@learners
def test_tasks_are_learned_together(make):
    """Each with its own discount: one and a half, and 1.9."""
    tasks = tuple(
        world_for(make, length, discount=discount)
        for length, discount in ((1, 0.5), (2, 0.9))
    )
    found = learn(jax.random.key(8), tasks, Linear(NAMES, LAST), make(N_STEPS))
    # The first one is over at time 1/1; both are at time 0, where the values of 1 and
    # 0.9 are seen alike, in 2/3 and 1/3 of the cases.
    half = q_of(found, 1.0, 0.5, 1.0)
    start = q_of(found, 1.0, 0.0, 1.0)
    assert half == pytest.approx(1.0, abs=TOLERANCE)
    assert start == pytest.approx((2 * 1.0 + 0.9) / 3, abs=TOLERANCE)


@learners
def test_what_cannot_be_learned_is_said(make):
    reward = Linear(NAMES, STEP)
    other = world_for(sac if make is not sac else dqn)
    with pytest.raises(ValueError, match=r"the actions are .*: learn with"):
        learn(jax.random.key(0), other, reward, make(64))
    with pytest.raises(ValueError, match="does not have"):
        learn(jax.random.key(0), CartPole(), reward, make(64))
    many = tuple(world_for(make, n) for n in range(1, 18))
    with pytest.raises(ValueError, match="17 tasks need as many instances"):
        learn(jax.random.key(0), many, reward, make(64))
    if make is not sac:
        world = MaximizationBias(4)
        nothing = Linear(world.feature_names)
        with pytest.raises(ValueError, match="cannot always be taken"):
            learn(jax.random.key(0), world, nothing, make(64))
    grids = (gridworld(["SG"]), gridworld(["S.G"]))
    with pytest.raises(ValueError, match="task 1 is of another shape"):
        learn(jax.random.key(0), grids, Linear(grids[0].feature_names), make(64))
