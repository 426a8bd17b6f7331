"""Distances of rewards: golden numbers, and what they must not see."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import golden_mdp, golden_rewards, small_world, table
from volition.env import Feature, FiniteMDP, random_mdp
from volition.evaluation import (
    dard_distance,
    dynamics,
    dynamics_coverage,
    epic_distance,
    full_reward,
    mixed_coverage,
    norm_distance,
    pearson_distance,
    possible_reward,
    range_regret,
    reward_distances,
    starc_canonical,
    starc_distance,
    uniform_coverage,
    visit_coverage,
)
from volition.policy import Tabular as TabularPolicy
from volition.reward import Linear, Scaled, Shaped, Tabular
from volition.value import SoftValueIteration, plan

# anchors, made by an independent program: EPIC uniform, EPIC over the dynamics, DARD
# over the dynamics, raw Pearson, regret of optimising it as a share of the range.
GOLDEN = {
    "R2": (0.0, 0.0, 0.0, 0.553617, 0.0),
    "R3": (0.709809, 0.852439, 0.845992, 0.709860, 1.0),
    "R4": (1.0, 1.0, 1.0, 1.0, 1.0),
    "R5": (0.138761, 0.103343, 0.095788, 0.138642, 0.0),
}
WITHIN = 1e-6
SEEDS = range(8)
ENDS = {"no end": (), "ends": (1, 5)}
ends = pytest.mark.parametrize("terminal", ENDS.values(), ids=ENDS)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_distances(name):
    world, rewards = golden_mdp(), golden_rewards()
    learned, truth = Tabular(rewards[name]), Tabular(rewards["R1"])
    uniform, led, dard, raw, regret = GOLDEN[name]
    found = reward_distances(world, learned, truth)
    assert found.epic["all"] == pytest.approx(uniform, abs=WITHIN)
    assert found.epic["dynamics"] == pytest.approx(led, abs=WITHIN)
    assert found.dard["dynamics"] == pytest.approx(dard, abs=WITHIN)
    assert found.raw["all"] == pytest.approx(raw, abs=WITHIN)
    assert found.left_out == ""
    policy = plan(world, learned).policy
    assert float(range_regret(world, policy, truth)) == pytest.approx(regret, abs=1e-6)


def test_golden_plans():
    world, truth = golden_mdp(), Tabular(golden_rewards()["R1"])
    best = plan(world, truth)
    worst = plan(world, Tabular(-truth.values))
    assert float(jnp.mean(best.value)) == pytest.approx(8.483921, abs=WITHIN)
    assert float(-jnp.mean(worst.value)) == pytest.approx(-7.376664, abs=WITHIN)
    assert jnp.argmax(best.policy.probabilities, axis=1).tolist() == [0, 0, 0]
    soft = plan(world, truth, SoftValueIteration())
    np.testing.assert_allclose(
        soft.value, [10.235443, 10.247437, 9.705726], atol=WITHIN
    )
    np.testing.assert_allclose(
        soft.policy.probabilities[:, 0], [0.846751, 0.870807, 0.821213], atol=WITHIN
    )


def redistributed(world, values: np.ndarray, seed: int) -> np.ndarray:
    """Another reward of each outcome, of the same mean for every state and action."""
    moved = values + table(seed, *values.shape)
    led = np.asarray(dynamics(world))
    mean = np.einsum("sat,sat->sa", led, moved - values)
    return moved - mean[:, :, None]


def distances(world, learned, truth, coverage):
    return (
        epic_distance(world, learned, truth, coverage),
        dard_distance(world, learned, truth, coverage),
        starc_distance(world, learned, truth),
    )


@ends
@pytest.mark.parametrize("seed", SEEDS)
def test_invariances_over_random_worlds(seed, terminal):
    """What each distance must not see, what it must, over weights drawn at random."""
    world = small_world(seed, terminal=terminal)
    values, potential = table(seed, 7, 3, 7), 3.0 * table(seed + 50, 7)
    potential = np.where(world.terminal, 0.0, potential)
    truth = Tabular(values)
    drawn = np.random.default_rng(seed).random((7, 3, 7))
    coverage = drawn * uniform_coverage(world)
    coverage = coverage / coverage.sum()
    # Potential shaping and a positive scale.
    shaped = 0.4 * (values + 0.85 * potential - potential[:, None, None])
    for found in distances(world, Tabular(shaped), truth, coverage):
        assert found == pytest.approx(0.0, abs=1e-7)
    # The raw distance sees it.
    assert pearson_distance(shaped, values, coverage) > 0.01
    # The opposite, shaped.
    for found in distances(world, Tabular(-shaped), truth, coverage):
        assert found == pytest.approx(1.0, abs=1e-7)
    # Other pay for each outcome, of the same mean: nobody acts otherwise.
    moved = Tabular(redistributed(world, values, seed + 100))
    epic, _, starc = distances(world, moved, truth, coverage)
    assert starc == pytest.approx(0.0, abs=1e-7)
    assert epic > 0.01
    # A constant: shaping where nothing ends, the worth of going on where it does.
    for found in distances(world, Tabular(values + 5.0), truth, coverage):
        assert found == pytest.approx(0.0, abs=1e-7) if not terminal else found > 0.01
    # Another reward: the same both ways, and further for the opposite.
    other = Tabular(table(seed + 1, 7, 3, 7))
    there = distances(world, other, truth, coverage)
    back = distances(world, truth, other, coverage)
    against = distances(world, other, Tabular(-values), coverage)
    for one, two, three in zip(there, back, against, strict=True):
        assert one == pytest.approx(two, abs=1e-12)
        # Both are chords of the same half circle: d^2 + d'^2 = 1.
        assert one**2 + three**2 == pytest.approx(1.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_starc_is_0_where_all_policies_are_ordered_alike(seed):
    """And only there: the returns of all deterministic policies say which it is."""
    world = small_world(seed, 4, 2, 3, terminal=(2,))
    values, other = table(seed, 4, 2, 4), table(seed + 1, 4, 2, 4)
    alike = redistributed(world, 2.0 * values, seed + 2)
    led = np.asarray(dynamics(world))

    def returns(reward):
        paid = np.einsum("sat,sat->sa", led, reward)
        found = []
        for number in range(16):
            acts = (number >> np.arange(4)) & 1
            chain = led[np.arange(4), acts] * (np.arange(4) != 2)[None, :]
            gain = np.where(np.arange(4) == 2, 0.0, paid[np.arange(4), acts])
            value = np.linalg.solve(np.eye(4) - 0.85 * chain, gain)
            found.append(float(np.asarray(world.initial) @ value))
        return np.array(found)

    same = np.corrcoef(returns(alike), returns(values))[0, 1]
    apart = np.corrcoef(returns(other), returns(values))[0, 1]
    assert same == pytest.approx(1.0)
    assert starc_distance(world, Tabular(alike), Tabular(values)) < 1e-7
    assert apart < 0.999
    assert starc_distance(world, Tabular(other), Tabular(values)) > 0.01


@ends
def test_relabelled_states_are_as_far_apart(terminal):
    world = small_world(0, terminal=terminal)
    order = np.random.default_rng(5).permutation(7)
    place = np.argsort(order)
    other = small_world(0, terminal=tuple(place[list(terminal)]))
    other = moved_states(other, world, order, place)
    one, two = table(1, 7, 3, 7), table(2, 7, 3, 7)
    move = lambda values: Tabular(values[order][:, :, order])
    for coverage in (uniform_coverage, dynamics_coverage):
        before = distances(world, Tabular(one), Tabular(two), coverage(world))
        after = distances(other, move(one), move(two), coverage(other))
        np.testing.assert_allclose(after, before, rtol=1e-9)


def moved_states(other, world, order, place):
    return eqx.tree_at(
        lambda tree: (tree.successor, tree.probability),
        other,
        (
            jnp.asarray(place, jnp.int32)[world.successor[order]],
            world.probability[order],
        ),
    )


@ends
def test_a_reward_of_no_substance_is_at_the_middle(terminal):
    world = small_world(3, terminal=terminal)
    potential = np.where(world.terminal, 0.0, table(4, 7))
    nothing = np.broadcast_to(
        0.85 * potential - potential[:, None, None], (7, 3, 7)
    ).copy()
    zero, truth = Tabular(np.zeros((7, 3, 7))), Tabular(table(3, 7, 3, 7))
    coverage = uniform_coverage(world)
    for learned in (Tabular(nothing), zero):
        epic, dard, starc = distances(world, learned, truth, coverage)
        assert (epic, dard) == (pytest.approx(0.5**0.5), pytest.approx(0.5**0.5))
        assert starc == pytest.approx(0.5)
    assert distances(world, Tabular(nothing), zero, coverage) == (0.0, 0.0, 0.0)


def test_epic_depends_on_what_is_looked_at_and_says_so():
    """Rewards that differ where acting well never leads."""
    world = golden_mdp()
    truth = Tabular(golden_rewards()["R1"])
    rare = visit_coverage(world, plan(world, truth).policy) < 1e-3
    mirage = Tabular(truth.values + 9.0 * rare)
    found = reward_distances(world, mirage, truth)
    assert found.epic["all"] > found.epic["best policy"] + 0.1
    assert found.epic_spread > 0.1
    assert reward_distances(world, truth, truth).epic_spread < 1e-7


@ends
def test_coverages_are_distributions_over_what_happens(terminal):
    world = small_world(1, terminal=terminal)
    policy = TabularPolicy(jnp.asarray(np.full((7, 3), 1 / 3)))
    visits = visit_coverage(world, policy)
    made = [uniform_coverage(world), dynamics_coverage(world), visits]
    made.append(mixed_coverage(made, [1.0, 2.0, 3.0]))
    for weight in made:
        assert weight.sum() == pytest.approx(1.0)
        assert not weight[list(terminal)].any()
    assert not np.where(dynamics(world) > 0, 0.0, made[1] + visits).any()
    # Summed up step by step, in place of solved for.
    acting = ~np.asarray(world.terminal)
    chain = dynamics(world).mean(axis=1)
    mass, expected = np.asarray(world.initial) * acting, np.zeros(7)
    for _ in range(300):
        expected += mass
        mass = 0.85 * (mass @ chain) * acting
    states = visits.sum(axis=(1, 2))
    np.testing.assert_allclose(states, expected / expected.sum(), rtol=1e-9)


def test_rewards_of_features_are_compared_by_what_happens():
    """In place of a guess at features of steps that the world never makes."""
    drawn = small_world(6, terminal=(4,))
    features = np.asarray(jax.random.normal(jax.random.key(1), (7, 3, 4, 2)))
    info = (Feature("a", "1", "one"), Feature("b", "1", "other"))
    world = FiniteMDP(
        drawn.successor,
        drawn.probability,
        terminal=drawn.terminal,
        initial=drawn.initial,
        discount=0.85,
        features=features,
        feature_info=info,
    )
    truth = Linear(("a", "b"), [1.0, -2.0])
    learned = Linear(("a", "b"), [1.0, 2.0])
    coverages = {"all": uniform_coverage(world), "dynamics": dynamics_coverage(world)}
    found = reward_distances(world, learned, truth, coverages)
    assert found.epic == {}
    assert found.dard == {}
    assert 0.1 < found.starc < 0.99
    assert 0.1 < found.raw["dynamics"] < 0.99
    assert "all" not in found.raw
    assert "read a, b" in found.left_out
    with pytest.raises(ValueError, match="reads the features"):
        epic_distance(world, learned, truth)
    # What is asked of transitions that happen is the same in both ways.
    plain = Tabular(table(9, 7, 3, 7))
    there = (dynamics(world) > 0) & ~np.asarray(world.terminal)[:, None, None]
    both = full_reward(world, plain), possible_reward(world, plain)
    np.testing.assert_array_equal(both[0][there], both[1][there])


def test_what_cannot_be_mixed_or_listed():
    assert norm_distance(np.zeros(3), np.zeros(3)) == 0.0
    numbers = np.array([1.0, 2.0])
    assert norm_distance(numbers, -2.0 * numbers) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="as many shares"):
        mixed_coverage([np.ones((1, 1, 1))], [0.5, 0.5])
    large = random_mdp(jax.random.key(0), 3000, 2, 1)
    with pytest.raises(ValueError, match="use STARC"):
        dynamics_coverage(large)


@pytest.mark.slow
def test_starc_takes_a_large_world():
    large = random_mdp(jax.random.key(0), 3000, 2, 3)
    truth = Tabular(table(0, 3000, 2))
    shaped = Shaped(Scaled(truth, 2.0), table(1, 3000), large.discount)
    assert starc_distance(large, shaped, truth) < 1e-7
    assert starc_distance(large, Tabular(table(2, 3000, 2)), truth) > 0.5
    assert starc_canonical(large, truth).shape == (3000, 2)
