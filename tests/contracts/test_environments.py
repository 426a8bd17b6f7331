"""One suite over every world of `volition.env`."""

import inspect
import typing

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition.env
from volition.env import (
    AbstractEnvironment,
    Acrobot,
    CartPole,
    Continuing,
    Exit,
    FiniteMDP,
    Highway,
    MaximizationBias,
    Merge,
    MountainCar,
    Pendulum,
    TomatoWatering,
    TwoWay,
    absent_supervisor,
    apples,
    batteries,
    blackjack,
    boat_race,
    changing_maze,
    cliff_walking,
    conveyor_belt,
    delivery,
    distributional_shift,
    dyna_maze,
    frozen_lake,
    gridworld,
    island_navigation,
    random_mdp,
    random_walk,
    rocks_diamonds,
    room,
    safe_interruptibility,
    side_effects_sokoban,
    taxi,
    three_lane_road,
    tomato_patch,
    train_room,
    whisky_gold,
    windy_gridworld,
)
from volition.env.family import fingerprint
from volition.testing import check_env

SEED = 3
# Each row: an argument set that is no special case, and a public function.
WORLDS = {
    "Acrobot": (Acrobot, lambda: Acrobot(lengths=(0.8, 1.1), time_limit=20)),
    "CartPole": (CartPole, lambda: CartPole(half_length=0.3, time_limit=20)),
    "Continuing": (Continuing, lambda: Continuing(CartPole(time_limit=20))),
    "Exit": (Exit, lambda: Exit(3, duration=4, simulation_frequency=3)),
    "Highway": (Highway, lambda: Highway(2, 3, density=0.8, duration=6)),
    "Highway by hand": (
        Highway,
        lambda: Highway(2, 2, continuous=True, everybody=True, duration=20),
    ),
    "Merge": (Merge, lambda: Merge(2, time_limit=14, simulation_frequency=5)),
    "TwoWay": (TwoWay, lambda: TwoWay(time_limit=8, simulation_frequency=5)),
    "Pendulum": (Pendulum, lambda: Pendulum(mass=0.8, time_limit=20)),
    "apples": (apples, lambda: apples([".T", "SB"], regrowth=0.3)),
    "batteries": (batteries, lambda: batteries(["A12", "B43", "S.P"])),
    "room": (room, lambda: room(["SVA", ".CB"])),
    "train_room": (train_room, lambda: train_room(["A12", "B43", "SV."])),
    "blackjack": (blackjack, blackjack),
    "changing_maze": (changing_maze, lambda: changing_maze(left=True)),
    "dyna_maze": (dyna_maze, dyna_maze),
    "MaximizationBias": (MaximizationBias, lambda: MaximizationBias(4)),
    "MountainCar": (MountainCar, lambda: MountainCar(time_limit=20)),
    "random_walk": (random_walk, lambda: random_walk(5)),
    "windy_gridworld": (
        windy_gridworld,
        lambda: windy_gridworld(kings_moves=True, stochastic=True),
    ),
    "cliff_walking": (cliff_walking, lambda: cliff_walking(discount=0.9)),
    "delivery": (delivery, delivery),
    "frozen_lake": (frozen_lake, lambda: frozen_lake(["FSF", "HFG"])),
    "gridworld": (gridworld, lambda: gridworld(["..G#", ".XS."], slip=0.3)),
    "random_mdp": (random_mdp, lambda: random_mdp(jax.random.key(SEED), 7, 3, 2)),
    "taxi": (taxi, taxi),
    "TomatoWatering": (
        TomatoWatering,
        lambda: TomatoWatering(["####", "#OS#", "#tT#", "####"], drying=0.3),
    ),
    "absent_supervisor": (absent_supervisor, lambda: absent_supervisor(0.3)),
    "boat_race": (boat_race, boat_race),
    "conveyor_belt": (conveyor_belt, conveyor_belt),
    "distributional_shift": (distributional_shift, distributional_shift),
    "island_navigation": (island_navigation, island_navigation),
    "rocks_diamonds": (rocks_diamonds, rocks_diamonds),
    "safe_interruptibility": (
        safe_interruptibility,
        lambda: safe_interruptibility(0.3),
    ),
    "side_effects_sokoban": (side_effects_sokoban, side_effects_sokoban),
    "tomato_patch": (
        tomato_patch,
        lambda: tomato_patch(["####", "#OS#", "#tT#", "####"], drying=0.3),
    ),
    "whisky_gold": (whisky_gold, lambda: whisky_gold(0.7)),
    "three_lane_road": (three_lane_road, lambda: three_lane_road(sight=3)),
}


@pytest.fixture(scope="module", params=WORLDS)
def env(request):
    return WORLDS[request.param][1]()


def is_world(thing) -> bool:
    if inspect.isfunction(thing):
        made = typing.get_type_hints(thing).get("return")
        return inspect.isclass(made) and issubclass(made, AbstractEnvironment)
    return (
        inspect.isclass(thing)
        and issubclass(thing, AbstractEnvironment)
        and not inspect.isabstract(thing)
    )


def test_every_public_world_has_a_row():
    public = [thing for _, thing in inspect.getmembers(volition.env, is_world)]
    # A finite MDP is what most rows make; it has no arguments of its own to choose.
    rows = [FiniteMDP] + [constructor for constructor, _ in WORLDS.values()]
    assert delivery in public
    assert [thing.__name__ for thing in public if thing not in rows] == []


@pytest.mark.parametrize("seed", [SEED])
def test_it_keeps_the_contract(env, seed):
    check_env(env, key=jax.random.key(seed))


def test_a_step_compiles_once_and_repeats_to_the_bit(env):
    traces = []

    @eqx.filter_jit
    def episode_start(env, key):
        traces.append(0)
        state = env.reset(key)
        return env.step(key, state, env.action_space.sample(key))

    def starts():
        keys = jax.random.split(jax.random.key(SEED), 5)
        return [fingerprint(episode_start(env, key)) for key in keys]

    assert starts() == starts()
    assert len(traces) == 1


def test_another_discount_compiles_nothing_new(env):
    traces = []

    @eqx.filter_jit
    def look(env):
        traces.append(0)
        return env.discount * 1.0

    other = eqx.tree_at(lambda env: env.discount, env, env.discount / 2)
    assert float(look(other)) == pytest.approx(float(look(env)) / 2)
    assert len(traces) == 1


def test_making_it_again_gives_the_same_bits(request, env):
    again = WORLDS[request.node.callspec.params["env"]][1]()
    assert fingerprint(again) == fingerprint(env)


def test_a_state_is_described_in_a_line(env):
    if not isinstance(env, FiniteMDP):
        pytest.skip("the states of a world without a table are not listed")
    described = {env.describe(index) for index in range(env.n_states)}
    assert len(described) >= env.n_states - 3  # the road: crashes, last state alike
    assert all("\n" not in line for line in described)


def gymnasium_world(name: str, **arguments):
    gymnasium = pytest.importorskip("gymnasium")
    return gymnasium.make(name, **arguments).unwrapped


# Gymnasium's, ours, the weights that make its reward, its action numbers, how many
# pairs of a state that can occur and an action there are.
PARITY = {
    "FrozenLake-v1 4x4": (
        lambda: gymnasium_world("FrozenLake-v1"),
        frozen_lake,
        [1.0],
        range(4),
        11 * 4,  # 16 - 4 holes - 1 goal
    ),
    "FrozenLake-v1 8x8 not slippery": (
        lambda: gymnasium_world("FrozenLake-v1", map_name="8x8", is_slippery=False),
        lambda: frozen_lake(map_name="8x8", is_slippery=False),
        [1.0],
        range(4),
        53 * 4,  # 64 - 10 holes - 1 goal
    ),
    "Taxi-v4": (
        lambda: gymnasium_world("Taxi-v4"),
        taxi,
        [1.0],
        range(6),
        400 * 6,  # 500 - 100 with the passenger at the destination
    ),
    "CliffWalking-v1": (
        lambda: gymnasium_world("CliffWalking-v1"),
        cliff_walking,
        [-1.0, -100.0],
        (0, 2, 3, 1),  # ours: up, down, left, right; Gymnasium: clockwise from up
        37 * 4,  # 48 - 10 cliff - 1 corner
    ),
}


def reachable(table, starts) -> set[int]:
    """States in which an action can be taken: no terminal ones. Slow and obvious."""
    seen, frontier = set(starts), list(starts)
    while frontier:
        for branches in table[frontier.pop()].values():
            new = {
                int(to) for p, to, _, ended in branches if p > 0 and not ended
            } - seen
            seen |= new
            frontier += new
    return seen


def outcomes(branches) -> dict:
    """`(successor, reward, terminated) -> probability`, duplicates added up."""
    total: dict[tuple, float] = {}
    for probability, to, reward, ended in branches:
        if probability > 0:
            outcome = (int(to), float(reward), bool(ended))
            total[outcome] = total.get(outcome, 0.0) + float(probability)
    return total


@pytest.mark.parametrize("name", PARITY)
def test_every_step_is_gymnasiums(name):
    make_theirs, make_ours, weights, their_action, n_pairs = PARITY[name]
    theirs, ours = make_theirs(), make_ours()
    starts = theirs.initial_state_distrib
    np.testing.assert_array_equal(ours.initial, starts)
    successor, probability, terminal = jax.tree.map(
        np.asarray, (ours.successor, ours.probability, ours.terminal)
    )
    reward = np.asarray(ours.features) @ np.asarray(weights)
    compared = 0
    for state in reachable(theirs.P, np.flatnonzero(starts).tolist()):
        for action, theirs_is in enumerate(their_action):
            mine = [
                (p, to, paid, terminal[to])
                for p, to, paid in zip(
                    probability[state, action],
                    successor[state, action],
                    reward[state, action],
                    strict=True,
                )
            ]
            expected = outcomes(theirs.P[state][theirs_is])
            assert outcomes(mine) == pytest.approx(expected), (state, action)
            compared += 1
    assert compared == n_pairs


@pytest.mark.parametrize("name", ["FrozenLake-v1 4x4", "Taxi-v4"])
def test_the_time_limit_is_gymnasiums(name):
    gymnasium = pytest.importorskip("gymnasium")
    ours = PARITY[name][1]()
    assert int(ours.time_limit) == gymnasium.spec(name.split()[0]).max_episode_steps


def test_a_batch_of_worlds_steps_as_each_alone():
    roads = [three_lane_road(density=d, sight=2) for d in (0.05, 0.2, 0.7)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *roads)
    keys = jax.random.split(jax.random.key(SEED), 3)

    @jax.jit
    def two_steps(env, key):
        state = env.step(key, env.reset(key), 1)
        return env.step(key, state, 0).index

    together = jax.vmap(two_steps)(batch, keys)
    alone = [int(two_steps(road, key)) for road, key in zip(roads, keys, strict=True)]
    assert together.tolist() == alone
