"""H1: the best loop is the best of all, and what is said of it is so."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import karp, planning
from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.probes import audit, loops_that_pay, replay
from volition.probes.loops import best_loop
from volition.reward import Tabular as TabularReward

SEEDS = range(12)
N, A = 9, 2


def deterministic(seed: int) -> FiniteMDP:
    """Random steps; some states end, some only can begin, so some are out of reach."""
    rng = np.random.default_rng(seed)
    successor = rng.integers(0, N, (N, A, 1))
    terminal = (rng.random(N) < 0.3) & (np.arange(N) > 0)
    initial = np.where(terminal, 0.0, (rng.random(N) < 0.1) + (np.arange(N) == 0.0))
    return FiniteMDP(
        successor,
        np.ones((N, A, 1)),
        terminal=terminal,
        initial=initial / initial.sum(),
        goal=terminal,
        discount=0.95,
    )


KINDS = {
    "real": lambda rng: rng.standard_normal((N, A)) - 0.5,
    "whole numbers, many ties": lambda rng: rng.integers(-2, 2, (N, A)).astype(float),
    "nearly all alike": lambda rng: 1e-6 * rng.standard_normal((N, A)) - 1.0,
    "large": lambda rng: 1e6 * rng.standard_normal((N, A)),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_best_loop_is_karps(kind, seed):
    world = deterministic(seed)
    paid = KINDS[kind](np.random.default_rng(seed + 100))
    paid[np.asarray(world.terminal)] = 0.0
    expected = karp.max_mean_cycle(world, paid)
    found = best_loop(world, paid)
    if found is None:
        assert expected == -np.inf
        return
    mean, cycle, actions = found
    assert mean == pytest.approx(expected, rel=1e-12, abs=1e-9 * np.abs(paid).max())
    assert abs(mean - expected) <= 1e-11 * np.abs(paid).max()
    after = np.asarray(world.successor)[cycle, actions[cycle], 0]
    assert after.tolist() == [*cycle[1:], cycle[0]]
    assert paid[cycle, actions[cycle]].mean() == pytest.approx(mean)
    assert set(cycle) <= set(karp.reached(world))


def test_the_worlds_above_hold_all_kinds():
    """With and without loops, ends, and loops that are out of reach and pay more."""
    means, hidden = [], 0
    for seed in SEEDS:
        world = deterministic(seed)
        paid = KINDS["real"](np.random.default_rng(seed + 100))
        means.append(karp.max_mean_cycle(world, paid))
        everywhere = FiniteMDP(
            world.successor,
            world.probability,
            terminal=world.terminal,
            initial=np.full(N, 1 / N),
            discount=0.95,
        )
        hidden += karp.max_mean_cycle(everywhere, paid) > means[-1]
    assert min(means) < 0 < max(means)
    assert hidden >= 2


def chancy(seed: int) -> FiniteMDP:
    """Five states, three branches of which some have probability 0; 4 ends."""
    rng = np.random.default_rng(seed)
    probability = rng.random((5, 2, 3)) * (rng.random((5, 2, 3)) < 0.6)
    probability[..., 0] += 0.1
    return FiniteMDP(
        rng.integers(0, 5, (5, 2, 3)),
        probability / probability.sum(axis=-1, keepdims=True),
        terminal=np.arange(5) == 4,
        initial=np.array([0.5, 0.5, 0.0, 0.0, 0.0]),
        goal=np.arange(5) == 4,
        discount=0.95,
    )


def best_class(world: FiniteMDP, paid: np.ndarray) -> float:
    """The best mean over the recurrent classes of all deterministic policies."""
    best, starts = -np.inf, karp.reached(world)
    for actions in itertools.product(range(2), repeat=5):
        chain = planning.transitions(world)[np.arange(5), actions]
        # Long averages; the lazy chain has the same ones and no period.
        lazy = np.linalg.matrix_power((chain + np.eye(5)) / 2, 2**14)
        for state in starts:
            stays = np.flatnonzero(lazy[state] > 1e-9)
            closed = lazy[np.ix_(stays, stays)].sum(axis=1).min() > 1 - 1e-9
            recurrent = lazy[state, state] > 1e-9 and closed
            if recurrent and not np.asarray(world.terminal)[stays].any():
                best = max(best, float(lazy[state] @ paid[np.arange(5), actions]))
    return best


@pytest.mark.parametrize("seed", range(16))
def test_with_chance_it_is_the_best_recurrent_class(seed):
    world, paid = chancy(seed), np.random.default_rng(seed).standard_normal((5, 2))
    paid[4] = 0.0
    found, expected = best_loop(world, paid), best_class(world, paid)
    if found is None:
        assert expected == -np.inf
    else:
        assert found[0] == pytest.approx(expected, abs=1e-9)


def test_those_worlds_are_of_both_kinds():
    none = [best_loop(chancy(seed), np.zeros((5, 2))) is None for seed in range(16)]
    assert 2 <= sum(none) <= 14


def ring(rewards, *, goal: bool = True, out_of_reach: bool = False) -> FiniteMDP:
    """States in a ring (action 0), each with a way out to the end (action 1)."""
    n = len(rewards)
    # Always six states, so that one program serves: from the others it only ends.
    successor = np.full((6, 2), n)
    successor[:n, 0] = np.roll(np.arange(n), -1)
    return FiniteMDP(
        successor[..., None],
        np.ones((6, 2, 1)),
        terminal=np.arange(6) == n,
        initial=np.arange(6) == (5 if out_of_reach else 0),
        goal=(np.arange(6) == n) & goal,
        discount=0.9,
    )


def pays(world: FiniteMDP, rewards, end: float = -200.0) -> TabularReward:
    values = np.zeros((world.n_states, 2))
    values[: len(rewards), 0] = rewards
    values[: len(rewards), 1] = end
    return TabularReward(values)


def leave(world: FiniteMDP) -> Tabular:
    """A policy that ends at once, so that only the loop can be found."""
    return Tabular(jnp.broadcast_to(jnp.array([0.0, 1.0]), (world.n_states, 2)))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(
    "rewards, flagged",
    [
        ([3.0, -3.0], True),
        ([0.1, 0.2, -0.3], True),  # 6e-17 in doubles
        ([0.3, -0.1, -0.2], True),  # -3e-17
        ([0.0], True),
        ([3.0, -3.000002], False),
        ([-1e-6, 1.0, -1.0], False),
        ([2e-6, 1.0, -1.0], True),
    ],
    ids=str,
)
def test_a_mean_of_0_is_flagged_and_one_slightly_below_is_not(rewards, flagged, scale):
    world = ring(rewards)
    reward = pays(world, np.multiply(scale, rewards), end=-9.0 * scale)
    found = loops_that_pay(world, reward, leave(world))
    assert bool(found) == flagged


def test_a_loop_that_nobody_gets_to_is_not_flagged():
    rewards = [5.0, 4.0]
    for hidden in (False, True):
        world = ring(rewards, out_of_reach=hidden)
        found = loops_that_pay(world, pays(world, rewards), leave(world))
        assert bool(found) != hidden


def test_without_a_goal_nothing_is_found_and_it_says_so():
    rewards = [5.0, 4.0]
    world = ring(rewards, goal=False)
    found = audit(pays(world, rewards), world, leave(world))
    probes = {one.probe for one in found.findings}
    assert not probes & {"H1", "H2"}
    for name in ("Paying loop", "Harmful end"):
        says = f"{name} check does not apply: the world names no goal."
        assert says in found.not_applicable


@pytest.mark.parametrize("rewards", [[1.5], [4.0, -1.0, 0.3, -2.0]], ids=str)
def test_what_the_sentence_says_is_what_the_path_pays(rewards):
    world = ring(rewards)
    reward = pays(world, rewards)
    (finding,) = loops_that_pay(world, reward, leave(world))
    assert finding.loop is not None
    assert finding.path.states[finding.loop] == finding.path.states[-1]
    _, steps = replay(world, reward, finding.path)
    around = steps[finding.loop :]
    assert len(around) == len(rewards)
    assert f"A loop of {len(rewards)} steps" in finding.sentence
    assert f"pays {np.mean(rewards):+.3g} reward units per step" in finding.sentence


def test_a_policy_that_never_ends_is_found_from_the_share_of_starts_it_says():
    world = ring([-1.0, -1.0, -1.0])
    # It begins anywhere but at the end; from 1 the policy leaves, from 2 it goes to 0.
    initial = jnp.array([0.3, 0.5, 0.2, 0.0, 0.0, 0.0])
    begun = FiniteMDP(
        np.array([[0, 3], [2, 3], [0, 3], [3, 3], [3, 3], [3, 3]])[..., None],
        world.probability,
        terminal=world.terminal,
        initial=initial,
        goal=world.goal,
        discount=0.9,
    )
    stay, go = [1.0, 0.0], [0.0, 1.0]
    policy = Tabular(jnp.array([stay, go, stay, stay, stay, stay]))
    (finding,) = loops_that_pay(begun, pays(begun, [-1.0] * 3), policy)
    assert "From 50% of the starts the policy never ends" in finding.sentence
    assert (finding.path.states, finding.loop) == ((0, 0), 0)
    assert loops_that_pay(begun, pays(begun, [-1.0] * 3), leave(begun)) == ()


def test_a_policy_of_chance_is_followed_to_where_it_stays():
    """From 0 it ends with .6, else it goes to 1 and stays: the likeliest way ends."""
    begun = FiniteMDP(
        np.array([[1, 2], [1, 1], [2, 2]])[..., None],
        np.ones((3, 2, 1)),
        terminal=np.array([False, False, True]),
        initial=np.array([1.0, 0.0, 0.0]),
        goal=np.array([False, False, True]),
        discount=0.9,
    )
    policy = Tabular(jnp.array([[0.4, 0.6], [0.5, 0.5], [1.0, 0.0]]))
    (finding,) = loops_that_pay(begun, pays(begun, [-1.0, -1.0]), policy)
    assert "From 40% of the starts" in finding.sentence
    assert finding.loop is not None
    assert finding.path.states == (0, 1, 1)


def test_where_chance_decides_no_loop_of_so_many_steps_is_claimed():
    """0 and 1, each to either with the same chance; 0 pays 2, 1 pays -1: 1/2 a step."""
    world = FiniteMDP(
        np.broadcast_to(np.array([[0, 1], [2, 2]]), (3, 2, 2)),
        np.broadcast_to([[0.5, 0.5], [1.0, 0.0]], (3, 2, 2)),
        terminal=np.array([False, False, True]),
        initial=np.array([0.5, 0.5, 0.0]),
        goal=np.array([False, False, True]),
        discount=0.9,
    )
    reward = TabularReward(np.array([2.0, -1.0, 0.0]))
    policy = Tabular(jnp.broadcast_to(jnp.array([1.0, 0.0]), (3, 2)))
    finding = loops_that_pay(world, reward, policy)[0]
    assert "A loop of" not in finding.sentence
    assert "+0.5 reward units per step on average" in finding.sentence
    replay(world, reward, finding.path)
