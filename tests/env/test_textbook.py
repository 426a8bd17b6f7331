"""The textbook's worlds: their shortest ways and best values, from outside."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition import reward
from volition.env import (
    MaximizationBias,
    blackjack,
    changing_maze,
    dyna_maze,
    random_walk,
    windy_gridworld,
)
from volition.value import evaluate_policy, expected_reward, plan


def start_value(world, paid) -> float:
    return float(plan(world, paid).value @ world.initial)


@pytest.mark.parametrize("kings_moves, steps", [(False, 15), (True, 7)])
def test_the_wind_lets_nobody_be_faster_than_in_the_book(kings_moves, steps):
    world = windy_gridworld(kings_moves=kings_moves)
    assert start_value(world, reward.windy_gridworld()) == pytest.approx(-steps)


def test_gusts_blow_where_there_is_wind_and_nowhere_else():
    world = windy_gridworld(stochastic=True)
    left = world.action_names.index("left")
    at = lambda row, column: 10 * row + column
    assert set(world.successor[at(4, 1), left].tolist()) == {at(4, 0)}
    assert world.successor[at(4, 6), left].tolist() == [at(2, 5), at(3, 5), at(1, 5)]
    # Against the upper edge all three end alike.
    assert set(world.successor[at(0, 6), left].tolist()) == {at(0, 5)}


@pytest.mark.parametrize(
    "world, steps",
    [
        (dyna_maze(), 14),
        (changing_maze(right=True), 10),
        (changing_maze(left=True), 16),
        (changing_maze(left=True, right=True), 10),
    ],
    ids=["still", "right gap", "left gap", "both gaps"],
)
def test_the_mazes_take_as_many_steps_as_in_the_book(world, steps):
    found = start_value(world, reward.dyna_maze())
    assert found == pytest.approx(0.95 ** (steps - 1))


@pytest.mark.parametrize("scale", [2, 3])
def test_a_finer_maze_is_the_same_maze(scale):
    world, coarse = dyna_maze(scale=scale), dyna_maze()
    for row, line in enumerate(world.board):
        for column, tile in enumerate(line):
            before = coarse.board[row // scale][column // scale]
            assert (tile == "#") == (before == "#")
    assert [line.find("S") for line in world.board].index(0) == 2 * scale
    assert world.board[0][-1] == "G"
    # At scale k from row 2k down to 4k, right by 9k - 1, and up from 4k to 0.
    steps = 2 * scale + 9 * scale - 1 + 4 * scale
    found = start_value(world, reward.dyna_maze())
    assert found == pytest.approx(0.95 ** (steps - 1))


def test_a_maze_without_tiles_is_refused():
    with pytest.raises(ValueError, match="scale = 0 tiles along a side: at least 1"):
        dyna_maze(scale=0)


def test_a_wall_without_a_gap_is_refused():
    with pytest.raises(ValueError, match=r"leaves no way: set left or right\."):
        changing_maze()


@pytest.mark.parametrize("n_states", [1, 5, 19])
def test_the_walk_is_worth_the_odds_of_its_ends(n_states):
    values = plan(random_walk(n_states), reward.random_walk()).value[1:-1]
    expected = 2.0 * np.arange(1, n_states + 1) / (n_states + 1) - 1.0
    np.testing.assert_allclose(values, expected, atol=1e-9)


@pytest.mark.parametrize("n_states", [0, 4, -3])
def test_a_row_without_a_middle_is_refused(n_states):
    with pytest.raises(ValueError, match=rf"n_states is odd, not {n_states}\."):
        random_walk(n_states)


def test_the_best_play_is_that_of_the_book():
    game = blackjack()
    q = np.asarray(plan(game, reward.blackjack()).q)[:200]
    first_stick = 12 + (q[:, 0] >= q[:, 1]).reshape(2, 10, 10).argmax(axis=1)
    # Figure 5.2, by the dealer's card from ace to ten.
    assert first_stick[0].tolist() == [17, 13, 13, 12, 12, 12, 17, 17, 17, 17]
    # The notch at its left end, which Thorp's strategy does not have, is there.
    assert first_stick[1].tolist() == [19] + [18] * 7 + [19] * 2


@pytest.mark.parametrize("threshold", [18, 20])
@pytest.mark.parametrize("seed", [1])
def test_a_policy_earns_what_it_does_at_gymnasiums_table(threshold, seed):
    game = blackjack()
    hit = np.asarray(game.states.total) < threshold
    policy = jnp.asarray(np.stack([~hit, hit], axis=-1), dtype=float)
    values = evaluate_policy(game, policy, expected_reward(game, reward.blackjack()))
    table = gymnasium.make("Blackjack-v1", sab=True)
    n_games, returns = 20_000, []
    (total, _, _), _ = table.reset(seed=seed)
    while len(returns) < n_games:
        (total, _, _), paid, ended, _, _ = table.step(int(total < threshold))
        if ended:
            returns.append(float(paid))
            (total, _, _), _ = table.reset()
    error = np.std(returns) / np.sqrt(n_games)
    assert float(values @ game.initial) == pytest.approx(
        np.mean(returns), abs=4 * error
    )


@pytest.mark.parametrize("seed", [0])
def test_the_arms_pay_noise_and_the_right_way_nothing(seed):
    world = MaximizationBias(4, mean=-0.3, deviation=2.0)
    keys = jax.random.split(jax.random.key(seed), 4000)
    fork = world.reset(keys[0])
    assert [int(world.step(keys[0], fork, a).place) for a in (0, 1)] == [1, 2]
    assert world.available(jnp.int32(0)).tolist() == [True, True, False, False]
    assert world.available(jnp.int32(1)).all()
    arms = world.step(keys[0], fork, 0)
    pull = lambda key: world.step(key, arms, 2).payoff
    paid = np.asarray(jax.vmap(pull)(keys))
    assert abs(paid.mean() + 0.3) < 4 * 2.0 / np.sqrt(4000)
    assert abs(paid.std() - 2.0) < 4 * 2.0 / np.sqrt(8000)
