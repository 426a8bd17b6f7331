"""One suite over every reward of `volition.reward`."""

import inspect
import json
import typing

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition.reward
from tests.reference.worlds import table
from volition import record
from volition.env import (
    Acrobot,
    CartPole,
    Exit,
    FiniteMDP,
    Highway,
    MaximizationBias,
    Merge,
    MountainCar,
    Pendulum,
    Space,
    TwoWay,
    blackjack,
    changing_maze,
    cliff_walking,
    delivery,
    gridworld,
    random_walk,
    windy_gridworld,
)
from volition.policy import AbstractPolicy, episode
from volition.reward import (
    AbstractReward,
    ConvolutionalNetwork,
    Ensemble,
    ExitReward,
    FeatureInputs,
    Function,
    HighwayReward,
    Linear,
    MergeReward,
    Network,
    Scaled,
    Selected,
    Shaped,
    StepInputs,
    Tabular,
    TwoWayReward,
    acrobot as acrobot_reward,
    blackjack as blackjack_reward,
    cartpole as cartpole_reward,
    cliff_walking as cliff_reward,
    delivery_true,
    dyna_maze as maze_reward,
    maximization_bias as bias_reward,
    mountain_car as car_reward,
    pendulum as pendulum_reward,
    random_walk as walk_reward,
    windy_gridworld as windy_reward,
)
from volition.testing import check_reward
from volition.value import expected_reward

SEED = 2
NETWORKS = (Network, ConvolutionalNetwork)
WORLD = gridworld(["S.G", ".X#"], slip=0.3, discount=0.8, time_limit=9)
NAMES = WORLD.feature_names


class Anything(AbstractPolicy):
    """Whatever the space of actions holds."""

    space: Space

    def __call__(self, key, observation):
        del observation
        return self.space.sample(key)


def by_features(step, goal, pit):
    return goal - 0.1 * step - 2 * pit


def by_action(state, action):
    return state.row + jnp.where(action == 2, 1, -3)


def by_step(state, action, next_state):
    distance = jnp.hypot(
        next_state.row.astype(float), next_state.column.astype(float) + 0.2
    )
    return jnp.where(action == state.index, -distance, distance)


def of_features():
    names = Highway(2, 3).feature_names
    seen = np.random.default_rng(SEED).normal(size=(9, len(names)))
    return Network(FeatureInputs.over(names, seen), (5, 4), key=jax.random.key(SEED))


def of_several():
    weights = jnp.asarray([[-0.1, 1 / 3, -2.0], [0.2, 0.5, 1.0]])
    return Ensemble(jax.vmap(lambda one: Linear(NAMES, one))(weights))


# Each row: a public class or function, a world, and a reward made by it.
REWARDS = {
    "acrobot": (acrobot_reward, Acrobot, acrobot_reward),
    "exit": (ExitReward, lambda: Exit(3, simulation_frequency=3), ExitReward),
    "highway": (
        HighwayReward,
        lambda: Highway(2, 3, duration=6),
        lambda: HighwayReward(-2.0, right_lane=0.3),
    ),
    "merge": (MergeReward, lambda: Merge(simulation_frequency=5), MergeReward),
    "two_way": (TwoWayReward, lambda: TwoWay(simulation_frequency=5), TwoWayReward),
    "cartpole": (cartpole_reward, CartPole, cartpole_reward),
    "pendulum": (pendulum_reward, Pendulum, pendulum_reward),
    "blackjack": (blackjack_reward, blackjack, blackjack_reward),
    "dyna_maze": (maze_reward, lambda: changing_maze(right=True), maze_reward),
    "maximization_bias": (bias_reward, lambda: MaximizationBias(4), bias_reward),
    "mountain_car": (car_reward, MountainCar, car_reward),
    "random_walk": (walk_reward, lambda: random_walk(1), walk_reward),
    "windy_gridworld": (
        windy_reward,
        lambda: windy_gridworld(stochastic=True),
        windy_reward,
    ),
    "cliff_walking": (cliff_reward, cliff_walking, cliff_reward),
    "delivery_true": (delivery_true, delivery, delivery_true),
    "function (s, a)": (Function, lambda: WORLD, lambda: Function(by_action)),
    "function (s, a, s')": (Function, lambda: WORLD, lambda: Function(by_step)),
    "network (features)": (Network, lambda: Highway(2, 3, duration=6), of_features),
    "network (steps)": (
        Network,
        CartPole,
        lambda: Network(StepInputs(CartPole()), (6,), key=jax.random.key(SEED)),
    ),
    "network (pictures)": (
        ConvolutionalNetwork,
        lambda: Highway(2, 3, duration=6),
        lambda: ConvolutionalNetwork(Highway(2, 3), (3, 4), (5,)),
    ),
    "ensemble": (Ensemble, lambda: WORLD, of_several),
    "scaled": (
        Scaled,
        lambda: WORLD,
        lambda: Scaled(Linear(NAMES, [-0.1, 1 / 3, -2.0]), 0.3),
    ),
    "selected": (
        Selected,
        lambda: WORLD,
        lambda: Selected(Linear(NAMES[:0:-1], [-2.0, 1 / 3]), NAMES),
    ),
    "function (features)": (
        Function,
        lambda: WORLD,
        lambda: Function(by_features, features=NAMES),
    ),
    "linear": (Linear, lambda: WORLD, lambda: Linear(NAMES, [-0.1, 1 / 3, -2.0])),
    "shaped": (
        Shaped,
        lambda: WORLD,
        lambda: Shaped(Linear(NAMES, [0.1, 2.0, -3.0]), table(SEED, 6), 0.8),
    ),
    "shaped twice": (
        Shaped,
        lambda: WORLD,
        lambda: Shaped(
            Shaped(Tabular(table(1, 6)), table(2, 6), 0.8), table(3, 6), 0.3
        ),
    ),
    "tabular [s]": (Tabular, lambda: WORLD, lambda: Tabular(table(SEED, 6))),
    "tabular [s, a]": (Tabular, lambda: WORLD, lambda: Tabular(table(SEED, 6, 4))),
    "tabular [s, a, s']": (
        Tabular,
        lambda: WORLD,
        lambda: Tabular(table(SEED, 6, 4, 6)),
    ),
}


@pytest.fixture(scope="module", params=REWARDS)
def pair(request):
    _, make_world, make_reward = REWARDS[request.param]
    return make_reward(), make_world()


def is_reward(thing) -> bool:
    if inspect.isfunction(thing):
        made = typing.get_type_hints(thing).get("return")
        return inspect.isclass(made) and issubclass(made, AbstractReward)
    return (
        inspect.isclass(thing)
        and issubclass(thing, AbstractReward)
        and not inspect.isabstract(thing)
    )


def test_every_public_reward_has_a_row():
    public = [thing for _, thing in inspect.getmembers(volition.reward, is_reward)]
    rows = [constructor for constructor, _, _ in REWARDS.values()]
    assert Linear in public
    assert delivery_true in public
    takes_one = {volition.reward.reading}  # a reward, and selects what it reads
    missing = [one for one in public if one not in rows and one not in takes_one]
    assert [thing.__name__ for thing in missing] == []


def test_it_keeps_the_contract(pair):
    check_reward(*pair, key=jax.random.key(SEED))


@eqx.filter_jit
def transitions(world):
    random = Anything(world.action_space)
    play = lambda key: episode(key, world, random, 12).transition
    played = jax.vmap(play)(jax.random.split(jax.random.key(SEED), 12))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), played)


@eqx.filter_jit
def pay(reward, told):
    return jax.vmap(reward)(told)


def test_it_is_worth_the_same_after_json_and_a_file(pair, tmp_path):
    reward, world = pair
    told = transitions(world)
    before = np.asarray(pay(reward, told))
    text = json.dumps(record.to_json(reward))
    trust = record.foreign_parts(reward)
    assert bool(trust) == isinstance(reward, Function)  # all else is our own
    through_json = record.from_json(json.loads(text), trust=trust)
    record.save(reward, tmp_path / "reward.json")
    for back in (through_json, record.load(tmp_path / "reward.json", trust=trust)):
        assert eqx.tree_equal(back, reward, typematch=True)
        assert np.asarray(pay(back, told)).tobytes() == before.tobytes()


def test_it_is_differentiable_in_its_arrays(pair):
    """Against a central difference in a random direction."""
    reward, world = pair
    told = transitions(world)
    arrays, rest = eqx.partition(reward, reward.learned())
    leaves, structure = jax.tree.flatten(arrays)
    if not leaves:
        assert isinstance(reward, Function)
        return
    directions = [
        jnp.asarray(table(SEED + i, *leaf.shape), dtype=leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    direction = jax.tree.unflatten(structure, directions)

    @jax.jit
    def total(step):
        moved = jax.tree.map(
            lambda leaf, by: leaf + step.astype(leaf.dtype) * by, arrays, direction
        )
        paid = jax.vmap(eqx.combine(moved, rest))(told)
        return jnp.sum(paid * jnp.arange(1.0, 1.0 + paid.shape[0]))

    slope = float(jax.jit(jax.grad(total))(jnp.asarray(0.0)))
    # At most quadratic in the arrays, so that a central difference is exact; a network
    # is not, and has 24 bits.
    wide, slack = (1e-3, 1e-2) if isinstance(reward, NETWORKS) else (0.5, 1e-9)
    there, here = total(jnp.asarray(wide)), total(jnp.asarray(-wide))
    assert slope == pytest.approx(float(there - here) / (2 * wide), rel=slack)
    assert slope != 0.0


def test_a_world_pays_its_mean(pair):
    """And nothing in an end."""
    reward, world = pair
    if not isinstance(world, FiniteMDP):
        pytest.skip("the mean of a reward is computed in finite worlds")
    paid = np.asarray(jax.jit(expected_reward)(world, reward))
    assert paid.shape == (world.n_states, world.n_actions)
    assert np.isfinite(paid).all()
    assert (paid[np.asarray(world.terminal)] == 0.0).all()
    state, action = int(np.argmin(world.terminal)), world.n_actions - 1
    branches = range(world.successor.shape[2])
    at = jax.jit(lambda branch: reward(world.branch_transition(state, action, branch)))
    each = [float(at(jnp.int32(branch))) for branch in branches]
    mean = float(np.dot(each, np.asarray(world.probability)[state, action]))
    assert paid[state, action] == pytest.approx(mean, abs=1e-12)


def test_another_one_of_its_kind_compiles_nothing_new(pair):
    reward, world = pair
    told = jax.tree.map(
        lambda leaf: jnp.asarray(np.asarray(leaf)[0]), transitions(world)
    )
    traces = []

    @eqx.filter_jit
    def pay_one(reward, told):
        traces.append(0)
        return reward(told)

    arrays, rest = eqx.partition(reward, eqx.is_array)
    twice = lambda leaf: (2 * np.asarray(leaf)).astype(leaf.dtype)
    double = jax.tree.map(lambda leaf: jnp.asarray(twice(leaf)), arrays)
    for one in (reward, eqx.combine(double, rest)):
        assert np.isfinite(float(pay_one(one, told)))
    assert len(traces) == 1
