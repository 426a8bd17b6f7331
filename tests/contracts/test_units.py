"""One suite over what is computed of rewards: no unit and no precision changes it.

Each row computes something of one or two rewards in a finite world and returns numbers
or a policy. A row of a planner is in `PLANNERS`, of another verb in `SCORES`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import table
from volition.env import FiniteMDP, delivery, gridworld, random_mdp
from volition.evaluation import (
    dard_distance,
    epic_distance,
    hackability,
    policy_returns,
    policy_set,
    proxy_bound,
    range_regret,
    rank_correlation,
    reward_distances,
    scaled_regret,
    scaled_return,
    score_reward,
    starc_distance,
    worst_tie_break,
)
from volition.policy import Tabular as TabularPolicy
from volition.reward import Linear, Tabular, delivery_true
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    backward_induction,
    plan,
    worst_case,
)

UNITS = (1e-30, 1e-12, 1e-7, 1e5, 1e12, 1e30)
units = pytest.mark.parametrize("unit", UNITS)


def precision(bits: int):
    return jax.enable_x64(bits == 64)


def board(discount=0.97):
    """Open ground with many ways of equal length, a pit and a slippery floor."""
    return gridworld(["S....", ".#.X.", "...#G"], slip=0.1, discount=discount)


def tied(discount=0.95):
    """Two ways round an obstacle, equally long: the first of equals is taken."""
    return gridworld(["...", "S#G", "..."], discount=discount)


def garnet(discount=0.9):
    return random_mdp(jax.random.key(3), 12, 3, 4, discount=discount)


LINEAR = (-0.7, 10.3, -7.1)
# World, reward in a unit.
TASKS = {
    "board": (board, lambda w, u: Linear(w.feature_names, np.array(LINEAR) * u)),
    "ties": (tied, lambda w, u: Linear(w.feature_names, np.array(LINEAR) * u)),
    "no discount": (
        lambda: board(1.0),
        lambda w, u: Linear(w.feature_names, np.array(LINEAR) * u),
    ),
    "random": (garnet, lambda w, u: Tabular(table(5, 12, 3) * u)),
    "delivery": (
        delivery,
        lambda w, u: Linear(
            w.feature_names, np.array([-1.0, 50.0, -50.0, 1.0, -1.0, -2.0]) * u
        ),
    ),
}
PLANNERS = {
    "PolicyIteration": lambda u: PolicyIteration(),
    "ValueIteration": lambda u: ValueIteration(),
    "SoftValueIteration": lambda u: SoftValueIteration(0.3 * u),
}
tasks = pytest.mark.parametrize("task", TASKS)
planners = pytest.mark.parametrize("planner", PLANNERS)


def solved(task: str, planner: str, unit: float, bits: int):
    make, reward = TASKS[task]
    with precision(bits):
        world = make()
        found = plan(world, reward(world, unit), PLANNERS[planner](unit))
        value = np.asarray(found.value, dtype=float) / unit
        return value, np.asarray(found.policy.probabilities, dtype=float)


@planners
@tasks
def test_no_unit_and_no_precision_changes_a_plan(task, planner):
    value, policy = solved(task, planner, 1.0, 64)
    for bits in (32, 64):
        for unit in UNITS:
            other_value, other = solved(task, planner, unit, bits)
            rtol = 1e-8 if bits == 64 else 1e-4  # a discount in 32 bits is rounded
            np.testing.assert_allclose(other_value, value, rtol=rtol, err_msg=str(unit))
            atol = 0.0 if planner != "SoftValueIteration" else rtol
            np.testing.assert_allclose(other, policy, atol=atol, err_msg=str(unit))


def test_a_public_planner_has_a_row():
    from tests.contracts.test_planners import PLANNERS as every

    assert sorted(PLANNERS) == sorted(every)


@planners
@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e200, 1e300])
def test_the_ends_of_64_bits_are_planned(planner, unit):
    value, policy = solved("board", planner, 1.0, 64)
    other_value, other = solved("board", planner, unit, 64)
    np.testing.assert_allclose(other_value, value, rtol=1e-8)
    np.testing.assert_allclose(other, policy, atol=1e-8)


@pytest.mark.parametrize("unit", [1e-300, 1e-45, 1e45])
def test_what_32_bits_cannot_hold_is_refused(unit):
    with precision(32), pytest.raises(ValueError, match="which 32 bits cannot hold"):
        Linear(("step", "goal", "pit"), np.array(LINEAR) * unit)
    with precision(32), pytest.raises(ValueError, match="which 32 bits cannot hold"):
        Tabular(np.array(LINEAR) * unit)


@pytest.mark.parametrize("bits", [32, 64])
def test_values_beyond_the_largest_number_are_refused(bits):
    with precision(bits):
        endless = garnet(discount=0.999)
        largest = float(jnp.finfo(endless.probability.dtype).max)
        with pytest.raises(RuntimeError, match="give the reward in another unit"):
            plan(endless, Tabular(np.full(12, 0.5 * largest)))


def small() -> tuple[FiniteMDP, np.ndarray, np.ndarray]:
    """A world that ends, and tables of a proxy and a truth, `[state, action]`."""
    world = gridworld(["S..", ".X.", "..G"], slip=0.2, discount=0.9)
    truth = table(1, 9, 4)
    return world, truth + 0.6 * table(2, 9, 4), truth


UNIFORM = np.full((9, 4), 0.25)


def _uniform():
    return TabularPolicy(jnp.asarray(UNIFORM, dtype=float))


def _hackable(key, world, proxy, truth):
    policies = policy_set(key, world, [proxy, truth], 12)
    found = hackability(
        np.asarray(policy_returns(world, proxy, policies)),
        np.asarray(policy_returns(world, truth, policies)),
    )
    return [len(found.inversions), found.mass, found.lost, found.blind_mass]


def _regret(key, world, proxy, truth):
    found = scaled_regret(key, world, proxy, truth, n_q_steps=500)
    # Q-learning draws other numbers in 32 bits.
    return [one for name, one in found.by.items() if name != "Q-learning"]


def _distances(key, world, proxy, truth):
    found = reward_distances(world, proxy, truth)
    return [
        found.starc,
        *found.epic.values(),
        *found.dard.values(),
        *found.raw.values(),
    ]


def _ranks(key, world, proxy, truth):
    found = rank_correlation(
        world, proxy, truth, policy_set(key, world, [proxy, truth])
    )
    return [
        found.kendall.value,
        found.kendall.low,
        found.kendall.high,
        found.pearson,
        found.spearman,
        found.pearson_canonical,
        found.spearman_canonical,
    ]


def _score(key, world, proxy, truth):
    found = score_reward(world, proxy, truth)
    return [found.scaled_return, found.never_end, found.end_elsewhere]


def _bound(key, world, proxy, truth):
    best = plan(world, proxy).policy
    found = proxy_bound(world, proxy, truth, best, _uniform())
    return [found.correlation, found.chi_squared, found.bound, found.true_gain]


SCORES = {
    "backward_induction": lambda key, w, p, t: backward_induction(w, p, 7).policies,
    "dard_distance": lambda key, w, p, t: [dard_distance(w, p, t)],
    "epic_distance": lambda key, w, p, t: [epic_distance(w, p, t)],
    "hackability": _hackable,
    "policy_set": lambda key, w, p, t: policy_set(key, w, [p, t], 3),
    "proxy_bound": _bound,
    "range_regret": lambda key, w, p, t: range_regret(w, plan(w, p).policy, t),
    "rank_correlation": _ranks,
    "reward_distances": _distances,
    "scaled_regret": _regret,
    "scaled_return": lambda key, w, p, t: scaled_return(w, plan(w, p).policy, t),
    "score_reward": _score,
    "starc_distance": lambda key, w, p, t: [starc_distance(w, p, t)],
    "worst_tie_break": lambda key, w, p, t: worst_tie_break(w, p, t).probabilities,
}
scores = pytest.mark.parametrize("score", SCORES)


def scored(score: str, proxy_unit: float, truth_unit: float, bits: int) -> np.ndarray:
    with precision(bits):
        world, proxy, truth = small()
        key = jax.random.key(0)
        rewards = (Tabular(proxy * proxy_unit), Tabular(truth * truth_unit))
        return np.asarray(SCORES[score](key, world, *rewards), dtype=float)


@scores
def test_no_unit_and_no_precision_changes_a_score(score):
    expected = scored(score, 1.0, 1.0, 64)
    assert np.isfinite(expected).all()
    for bits, rtol in ((64, 1e-7), (32, 2e-3)):
        for unit, other in ((1e-12, 1e12), (1e12, 1e-7), (1e-30, 1e30)):
            found = scored(score, unit, other, bits)
            np.testing.assert_allclose(
                found, expected, rtol, rtol, err_msg=f"{bits} bits, {unit}, {other}"
            )


@scores
@pytest.mark.parametrize("place", [0, 1], ids=["proxy", "truth"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_no_score_comes_of_what_is_not_finite(score, place, number):
    if score in ("backward_induction",) and place == 1:
        return  # it takes one reward
    world, *tables = small()
    tables[place][3, 2] = number
    with pytest.raises(ValueError, match=f"{number}.*finite"):
        SCORES[score](jax.random.key(0), world, *(Tabular(one) for one in tables))


@scores
@pytest.mark.parametrize("place", [0, 1], ids=["proxy", "truth"])
def test_a_table_for_another_world_is_refused(score, place):
    if score in ("backward_induction",) and place == 1:
        return  # it takes one reward
    world, *tables = small()
    tables[place] = tables[place][:-1]
    with pytest.raises(ValueError, match=r"shape \(8, 4\), but the world has 9 states"):
        SCORES[score](jax.random.key(0), world, *(Tabular(one) for one in tables))


@units
def test_the_worst_case_is_the_same_in_any_unit(unit):
    world, one, other = small()

    def margin(unit):
        rewards = jax.vmap(Tabular)(jnp.stack([jnp.asarray(one), other]) * unit)
        return np.asarray(
            worst_case(world, rewards, jnp.array([-1.0, 0.5]) * unit).margin
        )

    np.testing.assert_allclose(margin(unit) / unit, margin(1.0), rtol=1e-6)


def test_small_differences_beside_large_ones_are_seen():
    """A goal of 1e6 and a way that costs 1e-4 more: the cheap way is taken."""
    world = gridworld(["...", "S#G", "..."], discount=1.0)
    cost = np.full(9, -1e-4)
    cost[1] = -2e-4  # the upper way
    cost[[5]] = 0.0
    toll = np.zeros((9, 4, 9)) + cost[:, None, None]
    toll[:, :, 5] += 1e6
    for method in (PolicyIteration(), ValueIteration(1e-15)):
        found = plan(world, Tabular(toll), method)
        assert int(np.argmax(found.policy.probabilities[3])) == 1  # down


def test_a_reward_of_the_delivery_world_keeps_its_best_policy():
    world, truth = delivery(), delivery_true()
    best = np.asarray(plan(world, truth).policy.probabilities)
    for unit in (1e-12, 1e12):
        scaled = Linear(truth.feature_names, truth.weights * unit)
        np.testing.assert_array_equal(plan(world, scaled).policy.probabilities, best)
