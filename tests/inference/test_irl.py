"""Inverse reinforcement learning in finite worlds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import GOLDEN_P, golden_mdp, golden_rewards
from volition.env import Feature, FiniteMDP, cliff_walking, gridworld, random_mdp
from volition.inference.irl import (
    check_demonstrations,
    common_reward,
    left_open,
    max_causal_entropy,
    max_entropy,
    rewards_alike,
    state_visits,
)
from volition.policy import Random, Tabular as TabularPolicy, episodes
from volition.reward import FeatureInputs, Linear, Network, Tabular
from volition.value import (
    SoftValueIteration,
    backup,
    expected_reward,
    induction,
    occupancy,
    optimal_value,
    state_distribution,
)

HORIZON = 20
# imitation 1.0.1, tests/algorithms/test_mce_irl.py: what is seen of each of five
# states, what each is worth, and where three actions lead.
SEEN = np.array(
    [
        [3, -5, -1, -1, -4, 5, 3, 0],
        [4, -4, 2, 2, -4, -1, -2, -2],
        [3, -1, 5, -1, 0, 2, -5, 2],
        [-5, -1, 4, 1, 4, 1, 5, 3],
        [2, -5, 1, -5, 1, 4, 4, -3],
    ],
    dtype=float,
)
WORTH = jnp.array([1.0, 2.0, 2.0, -20.0, 3.0])
NAMES = tuple(f"seen {number}" for number in range(8))


def reasonable(discount: float) -> FiniteMDP:
    leads = np.zeros((5, 3, 5))
    leads[0, 0, [1, 2]] = 0.9, 0.1
    leads[0, 1, 3] = 1.0
    leads[0, 2, [1, 2]] = 0.1, 0.9
    for state in (1, 2):
        leads[state, 0, [3, 4]] = 0.05, 0.95
        leads[state, 1, 3] = leads[state, 2, 4] = 1.0
    leads[3, :, 4] = leads[4, :, 0] = 1.0
    return FiniteMDP(
        np.broadcast_to(np.arange(5), (5, 3, 5)),
        leads,
        terminal=np.zeros(5, dtype=bool),
        initial=np.array([0.5, 0.0, 0.0, 0.0, 0.5]),
        features=np.broadcast_to(SEEN[:, None, None], (5, 3, 5, 8)),
        feature_info=tuple(Feature(name, "1", "as there") for name in NAMES),
        discount=discount,
    )


def expert(world, reward, horizon):
    """Expected visits, and the policies, of who wants a reward."""
    paid = expected_reward(world, reward)
    plan = induction(world, paid, horizon, temperature=1.0)
    mass = state_distribution(world, plan.policies)[:-1]
    factor = world.discount ** jnp.arange(horizon, dtype=float)
    spent = jnp.einsum("t,ts,tsa->sa", factor, mass, plan.policies)
    return spent, plan.policies


FORMS = {
    "tabular": lambda: None,
    "linear": lambda: Linear(NAMES),
    "network": lambda: Network(FeatureInputs.over(NAMES, SEEN), (32, 32)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("discount", [0.0, 0.99, 1.0])
def test_a_reasonable_world_is_matched(form, discount):
    world = reasonable(discount)
    spent, policies = expert(world, Tabular(WORTH), HORIZON)
    total = HORIZON if discount == 1.0 else (1 - discount**HORIZON) / (1 - discount)
    assert float(spent.sum()) == pytest.approx(total)
    # What the peer's tests say of the policy itself.
    if discount > 0.0:
        np.testing.assert_allclose(policies[:-1, 0, 0], policies[:-1, 0, 2])
        assert (policies[:-1, 0, 0] > 2 * policies[:-1, 0, 1]).all()
    np.testing.assert_allclose(policies[:5, 3:5], 1 / 3)
    found = max_causal_entropy(world, spent, FORMS[form](), horizon=HORIZON)
    assert found.converged, found.message
    assert found.gap < 1e-3
    mass = state_distribution(world, found.policies)[:-1]
    factor = discount ** np.arange(HORIZON)
    np.testing.assert_allclose(factor @ mass, spent.sum(axis=1), atol=1e-3)
    if discount > 0.0:
        assert float(jnp.sum(mass @ WORTH)) > (HORIZON - 1) * 2 * 0.8


def test_visits_matched_to_the_last_digit_are_made_by_the_same_policy():
    world = reasonable(0.99)
    spent, policies = expert(world, Tabular(WORTH), HORIZON)
    found = max_causal_entropy(world, spent, horizon=HORIZON, tolerance=1e-9)
    assert found.gap < 1e-9
    np.testing.assert_allclose(found.policies, policies, atol=1e-6)


def test_a_form_that_cannot_match_says_so():
    """The cliff by rows alone: which corner ends is not told."""
    world = gridworld(["S..", "XX.", "G.."], discount=1.0, time_limit=30)
    names = ("row",)
    rows = np.broadcast_to(
        (np.arange(world.n_states) % 2.0)[:, None, None, None],
        (*world.successor.shape, 1),
    )
    info = (Feature("row", "1", "odd or even"),)
    weak = FiniteMDP(
        world.successor,
        world.probability,
        terminal=world.terminal,
        initial=world.initial,
        features=rows,
        feature_info=info,
        discount=1.0,
    )
    spent, _ = expert(weak, Tabular(jnp.arange(float(weak.n_states))), 10)
    found = max_causal_entropy(weak, spent, Linear(names), horizon=10)
    assert not found.converged
    assert found.message.startswith("No reward of this form acts as was demonstrated")
    assert "tells more states apart" in found.message
    assert max_causal_entropy(weak, spent, horizon=10).converged


@pytest.mark.parametrize("horizon", [12, None])
def test_many_paths_say_what_their_policy_wants(horizon):
    world = random_mdp(jax.random.key(1), 8, 3, 3, discount=0.7)
    truth = Tabular(2.0 * jax.random.normal(jax.random.key(2), (8,)))
    plan = SoftValueIteration().solve(world, expected_reward(world, truth))
    paths = episodes(
        jax.random.key(3),
        world,
        TabularPolicy(plan.policy.probabilities),
        n_episodes=3000,
        time_limit=12 if horizon else 30,
    )
    if horizon:
        # Who acts for ever acts for twelve steps as one who plans for so many; nearly.
        found = max_causal_entropy(world, paths, horizon=horizon)
        policies = found.policies[0]
    else:
        found = max_causal_entropy(world, paths)
        policies = found.policies
    assert found.converged, found.message
    np.testing.assert_allclose(policies, plan.policy.probabilities, atol=0.06)
    visits = state_visits(world, paths)
    assert visits.shape == (3000, 8)
    np.testing.assert_allclose(visits.mean(axis=0), found.demonstrated)


@pytest.mark.parametrize("seed", range(4))
def test_few_paths_of_a_soft_expert_are_no_reason_to_blame_the_form(seed):
    world = random_mdp(jax.random.key(seed), 12, 3, 3, discount=0.9)
    truth = Tabular(2.0 * jax.random.normal(jax.random.key(20 + seed), (12,)))
    plan = SoftValueIteration().solve(world, expected_reward(world, truth))
    policy = TabularPolicy(plan.policy.probabilities)
    key = jax.random.key(40 + seed)
    paths = episodes(key, world, policy, n_episodes=15, time_limit=60)
    found = max_causal_entropy(world, paths)
    assert found.converged, found.message


def test_without_a_horizon_visits_are_matched_too():
    world = random_mdp(jax.random.key(4), 9, 2, 3, discount=0.9)
    truth = Tabular(jax.random.normal(jax.random.key(5), (9, 2)))
    policy = SoftValueIteration().solve(world, expected_reward(world, truth)).policy
    spent = occupancy(world, policy.probabilities)
    form = Tabular(jnp.zeros((9, 2)))
    found = max_causal_entropy(world, spent, form, tolerance=1e-6)
    assert found.converged, found.message
    np.testing.assert_allclose(found.policies, policy.probabilities, atol=1e-5)
    # The reward itself is not found: shaping is left open.
    assert np.abs(np.asarray(found.reward.values - truth.values)).max() > 0.1


def test_in_a_world_without_chance_paths_and_their_visits_say_the_same():
    world = random_mdp(jax.random.key(6), 5, 2, 1, discount=1.0)
    paths = episodes(jax.random.key(7), world, Random(2), n_episodes=40, time_limit=4)
    of_paths = max_causal_entropy(world, paths, horizon=4, tolerance=1e-7)
    visits = np.zeros((5, 2))
    told = paths.transition
    np.add.at(visits, (np.asarray(told.state.index), np.asarray(told.action)), 1 / 40)
    starts = np.bincount(np.asarray(told.state.index)[:, 0], minlength=5) / 40
    begun = eqx.tree_at(lambda one: one.initial, world, jnp.asarray(starts))
    of_visits = max_causal_entropy(begun, visits, horizon=4, tolerance=1e-7)
    np.testing.assert_allclose(of_paths.policies, of_visits.policies, atol=1e-4)


def test_the_same_demonstrations_give_the_same_bits():
    world = reasonable(0.9)
    spent, _ = expert(world, Tabular(WORTH), 7)
    one, other = (max_causal_entropy(world, spent, horizon=7) for _ in range(2))
    np.testing.assert_array_equal(one.reward.values, other.reward.values)


def test_what_was_never_seen_stays_near_0_under_a_penalty():
    """And the visits are matched but nearly, which it says."""
    world = reasonable(0.9)
    spent, _ = expert(world, Tabular(WORTH), HORIZON)
    free = max_causal_entropy(world, spent, horizon=HORIZON, tolerance=1e-6)
    drawn = max_causal_entropy(world, spent, horizon=HORIZON, penalty=0.01)
    size = lambda found: float(jnp.abs(found.reward.values).max())
    assert size(drawn) < 0.7 * size(free)
    assert drawn.converged
    assert "a smaller penalty" in drawn.message
    assert 1e-3 < drawn.gap < 0.5
    tiny = max_causal_entropy(
        world, spent, horizon=HORIZON, penalty=1e-9, tolerance=1e-6
    )
    assert tiny.gap < 1e-4


def test_progress_is_told_of_every_step():
    world = reasonable(1.0)
    spent, _ = expert(world, Tabular(WORTH), HORIZON)
    told = []
    found = max_causal_entropy(
        world, spent, horizon=HORIZON, progress=lambda *step: told.append(step)
    )
    assert [number for number, _ in told] == list(range(1, found.n_steps + 1))
    assert told[-1][1] == pytest.approx(found.gap)


def paths_of(world, n=3, length=5):
    return episodes(
        jax.random.key(0), world, Random(4), n_episodes=n, time_limit=length
    )


def _nothing(paths):
    return eqx.tree_at(lambda p: p.weight, paths, paths.weight.at[1].set(0.0))


def _at(where, value):
    def change(paths):
        return eqx.tree_at(where, paths, where(paths).at[2, 3].set(value))

    return change


BAD = {
    "no step": (_nothing, "demonstration 1 has no step"),
    "a state too many": (
        _at(lambda p: p.transition.state.index, 48),
        "step 3 of demonstration 2 has the state 48, where the world has 0 to 47",
    ),
    "an action below 0": (
        _at(lambda p: p.transition.action, -1),
        "step 3 of demonstration 2 has the action -1",
    ),
    "NaN": (
        _at(lambda p: p.transition.features, jnp.nan),
        "step 3 of demonstration 2 has a feature that is not finite",
    ),
    "a leap": (
        _at(lambda p: p.transition.next_state.index, 5),
        "step 3 of demonstration 2 goes from state .* which the world never does",
    ),
    "one path": (
        lambda paths: jax.tree.map(lambda leaf: leaf[0], paths),
        "give a batch of segments",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_have_happened_is_refused_in_a_sentence(case):
    world = cliff_walking(discount=0.9)
    change, sentence = BAD[case]
    check_demonstrations(world, paths_of(world))
    with pytest.raises(ValueError, match=sentence):
        max_causal_entropy(world, change(paths_of(world)))


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"horizon": 0}, "must be at least one step"),
        ({"penalty": -1.0}, "penalty = -1.0 at least 0"),
        ({"horizon": 7}, "demonstration 0 has 5 steps and no end"),
        ({"demonstrations": jnp.ones((3, 4))}, r"visits are \[state, action\]"),
        ({"demonstrations": jnp.full((48, 4), jnp.nan)}, "finite, not negative"),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    world = cliff_walking(discount=0.9)
    demonstrations = arguments.pop("demonstrations", paths_of(world))
    with pytest.raises(ValueError, match=sentence):
        max_causal_entropy(world, demonstrations, **arguments)


def two_worlds(discounts=(0.9, 0.5), seeds=(0, 0)):
    return [
        random_mdp(jax.random.key(seed), 3, 2, 2, discount=discount)
        for seed, discount in zip(seeds, discounts, strict=True)
    ]


def policies_of(worlds, reward):
    return [
        SoftValueIteration().solve(world, expected_reward(world, reward)).policy
        for world in worlds
    ]


def test_one_world_leaves_as_much_open_as_it_has_states():
    (world, _) = two_worlds()
    truth = Tabular(jax.random.normal(jax.random.key(9), (3, 2)))
    found = rewards_alike([world])
    assert found.n_open == 3
    (policy,) = policies_of([world], truth)
    for direction in found.directions:
        moved = Tabular(truth.values + 2.0 * direction)
        (other,) = policies_of([world], moved)
        np.testing.assert_allclose(
            other.probabilities, policy.probabilities, atol=1e-12
        )
    assert "a constant and 2 dimensions of shaping" in found.sentence


@pytest.mark.parametrize(
    "discounts, seeds", [((0.9, 0.5), (0, 0)), ((0.9, 0.9), (0, 1))]
)
def test_two_discounts_or_two_dynamics_leave_the_constant(discounts, seeds):
    """Cao et al. 2021: the matrix of the two has rank 2 S - 1."""
    worlds = two_worlds(discounts, seeds)
    found = rewards_alike(worlds)
    assert found.n_open == 1
    assert np.ptp(found.directions) < 1e-9
    assert "a constant open, and nothing else" in found.sentence
    truth = Tabular(jax.random.normal(jax.random.key(9), (3, 2)))
    policies = [one.probabilities for one in policies_of(worlds, truth)]
    reward, error = common_reward(worlds, policies)
    assert error < 1e-9
    assert np.std(np.asarray(reward.values - truth.values)) < 1e-9


def soft_policy_of(values, discount):
    """The soft-optimal policy of the golden world, by NumPy."""
    q = values
    for _ in range(500):
        q = values + discount * GOLDEN_P @ np.log(np.exp(q).sum(axis=1))
    return np.exp(q) / np.exp(q).sum(axis=1, keepdims=True)


def test_the_golden_world_is_told_by_two_discounts():
    """v = [3, -1, .7] changes the reward and no policy; the rank of two is 5."""
    shaping = np.array([3.0, -1.0, 0.7])
    truth = np.sum(GOLDEN_P * golden_rewards()["R1"], axis=-1)
    moved = truth + shaping[:, None] - 0.9 * GOLDEN_P @ shaping
    assert np.max(np.abs(moved - truth)) > 2.9
    policies = [soft_policy_of(truth, discount) for discount in (0.9, 0.5)]
    np.testing.assert_allclose(soft_policy_of(moved, 0.9), policies[0], atol=1e-14)
    assert np.max(np.abs(soft_policy_of(moved, 0.5) - policies[1])) > 0.01
    worlds = [golden_mdp(discount) for discount in (0.9, 0.5)]
    blocks = [
        np.hstack([np.eye(3) - 0.9 * led, 0.5 * led - np.eye(3)])
        for led in np.moveaxis(GOLDEN_P, 1, 0)
    ]
    assert np.linalg.matrix_rank(np.vstack(blocks)) == 5
    # As many as 2 S less the rank.
    assert rewards_alike(worlds).n_open == 1
    reward, error = common_reward(worlds, policies)
    assert error < 1e-12
    assert np.std(np.asarray(reward.values) - truth) < 1e-12


def test_two_worlds_that_are_the_same_tell_nothing_more():
    worlds = two_worlds((0.9, 0.9))
    assert rewards_alike(worlds).n_open == 3


def test_people_who_want_different_things_have_no_common_reward():
    worlds = two_worlds()
    wants = [Tabular(jax.random.normal(jax.random.key(n), (3, 2))) for n in (1, 2)]
    policies = [
        policies_of([world], reward)[0].probabilities
        for world, reward in zip(worlds, wants, strict=True)
    ]
    assert common_reward(worlds, policies)[1] > 0.01


def test_where_a_world_ends_no_constant_is_open():
    world = gridworld(["S.G"], discount=0.9)
    other = gridworld(["S.G"], discount=0.5)
    found = rewards_alike([world, other])
    assert found.n_open == 0
    assert "nothing open" in found.sentence


def test_worlds_of_other_states_are_refused():
    with pytest.raises(ValueError, match="other states, actions or ends"):
        rewards_alike([gridworld(["S.G"]), gridworld(["S..G"])])
    with pytest.raises(ValueError, match="at least one"):
        rewards_alike([])
    with pytest.raises(ValueError, match="every action in every state"):
        common_reward(two_worlds(), [np.eye(3, 2)] * 2)


def listed_visits(world, values, horizon):
    """Expected visits of paths that are as likely as they pay, by listing them all."""
    states, kinds = range(world.n_states), range(world.n_actions)
    leads = np.zeros((world.n_states, world.n_actions, world.n_states))
    rows = np.arange(world.n_states)[:, None, None]
    np.add.at(
        leads,
        (rows, np.arange(world.n_actions)[None, :, None], np.asarray(world.successor)),
        np.asarray(world.probability),
    )
    total = np.zeros(world.n_states)
    for start in states:
        weights, counts = [], []

        def go(state, weight, count, left, weights=weights, counts=counts):
            if left == 0:
                weights.append(weight)
                counts.append(count)
                return
            here = count + np.eye(world.n_states)[state]
            for kind in kinds:
                for after in np.flatnonzero(leads[state, kind]):
                    chance = leads[state, kind, after] * np.exp(values[state])
                    go(after, weight * chance, here, left - 1)

        go(start, 1.0, np.zeros(world.n_states), horizon)
        each = np.array(weights) @ np.array(counts) / np.sum(weights)
        total += float(world.initial[start]) * each
    return total


def test_paths_of_good_luck_count_as_chosen_in_maximum_entropy():
    world = random_mdp(jax.random.key(8), 3, 2, 2, discount=1.0)
    values = np.array([0.5, -1.0, 1.5])
    visits = listed_visits(world, values, 3)
    found, gap = max_entropy(world, visits, 3, tolerance=1e-8)
    assert gap < 1e-7
    np.testing.assert_allclose(
        listed_visits(world, np.asarray(found.values), 3), visits, atol=1e-6
    )
    # Who cannot bend their luck and wants the same is found elsewhere.
    spent, _ = expert(world, Tabular(jnp.asarray(values)), 3)
    assert np.abs(np.asarray(spent).sum(axis=1) - visits).max() > 0.01


def test_without_chance_maximum_entropy_is_causal():
    world = random_mdp(jax.random.key(9), 6, 2, 1, discount=1.0)
    spent, policies = expert(world, Tabular(jnp.linspace(-1.0, 1.0, 6)), 5)
    reward, gap = max_entropy(world, spent.sum(axis=1), 5, tolerance=1e-9)
    assert gap < 1e-8
    _, found = expert(world, reward, 5)
    np.testing.assert_allclose(found, policies, atol=1e-5)


def test_maximum_entropy_refuses_a_discount_and_other_states():
    world = random_mdp(jax.random.key(9), 6, 2, 1, discount=0.9)
    with pytest.raises(ValueError, match="a path is one choice"):
        max_entropy(world, np.ones(6), 3)
    with pytest.raises(ValueError, match="visits of 6 states"):
        max_entropy(world, np.ones(5), 3)


@pytest.mark.slow
def test_a_hundred_thousand_states():
    world = random_mdp(jax.random.key(0), 100_000, 4, 10, discount=0.95)
    truth = Tabular(jax.random.normal(jax.random.key(1), (100_000,)))
    spent, _ = expert(world, truth, 40)
    found = max_causal_entropy(world, spent, horizon=40)
    assert found.converged, found.message


def ring(*steps, ends=False):
    """Six states in a ring, and how far each action leads."""
    leads = (np.arange(6)[:, None] + np.array(steps)[None, :]) % 6
    return FiniteMDP(
        leads[..., None],
        np.ones((6, 3, 1)),
        terminal=np.arange(6) == (5 if ends else 6),
        initial=np.full(6, 1.0 / 6.0),
        discount=0.9,
    )


# With steps of odd length alone, odd and even states alternate.
RINGS = {
    "stay": ring(-1, 0, 1),
    "alternate": ring(-1, 1, 3),
    "one way": ring(1, 1, 1),
    "end": ring(-1, 0, 1, ends=True),
}


@eqx.filter_jit
def log_policies(world, values, horizon):
    paid = expected_reward(world, Tabular(values))
    if horizon is None:
        value = optimal_value(SoftValueIteration(), world, paid)
        return jax.nn.log_softmax(backup(world, paid, value))
    return jnp.log(induction(world, paid, horizon, temperature=1.0).policies)


@eqx.filter_jit
def slope_of_policies(world, values, horizon):
    logs = lambda values: log_policies(world, values, horizon).ravel()
    return jax.jacrev(logs)(values)


@pytest.mark.parametrize("horizon", [None, 1, 4])
def test_what_is_left_open_is_what_moves_no_policy(horizon):
    """As many dimensions as the slope of the policies is flat in."""
    at = jax.random.normal(jax.random.key(0), (6, 3))
    for name, world in RINGS.items():
        acting = ~np.asarray(world.terminal)
        slope = np.asarray(slope_of_policies(world, at, horizon))[:, acting]
        logs = log_policies(world, at, horizon)
        forms = {(6,): slope.sum(axis=2), (6, 3): slope.reshape(len(slope), -1)}
        for shape, of_it in forms.items():
            rank = np.linalg.matrix_rank(of_it, tol=1e-7)
            found = left_open(world, Tabular(jnp.zeros(shape)), horizon)
            assert found.n_open == of_it.shape[1] - rank, name
            for direction in found.directions:
                moved = log_policies(world, at + jnp.asarray(direction), horizon)
                np.testing.assert_allclose(moved, logs, atol=1e-8)


def test_what_was_found_names_what_is_not_identified():
    world = RINGS["one way"]
    spent = np.zeros((6, 3))
    spent[:4, 1] = 1.0
    start = Tabular(jnp.zeros((6, 3)))
    found = max_causal_entropy(world, spent, start, horizon=4, max_steps=3)
    told = found.unidentified()
    # Where all actions lead to the same state, what it pays is never weighed.
    assert told.n_open == 6
    assert told.sentence == (
        "Behaviour leaves a constant and 5 dimensions of shaping open of a reward of "
        "this form: a world of another discount or dynamics would tell more. In 2 of 6 "
        "states, such as state 4, nothing was demonstrated: what these pay is a guess."
    )
    everywhere = np.full((6, 3), 0.5)
    found = max_causal_entropy(world, everywhere, start, horizon=4, max_steps=3)
    assert "nothing was demonstrated" not in found.unidentified().sentence


def test_a_network_leaves_open_what_its_form_can_make():
    """Of features of the state: a constant by its bias, and nothing else."""
    ends, seen = RINGS["end"], RINGS["stay"]
    info = (Feature("height", "1", "made up"),)
    height = np.array([0.3, -1.0, 2.0, 0.7, -0.4, 1.1])
    features = np.broadcast_to(height[:, None, None, None], (6, 3, 1, 1))
    told = lambda world: FiniteMDP(
        world.successor,
        world.probability,
        terminal=world.terminal,
        initial=world.initial,
        discount=0.9,
        features=features,
        feature_info=info,
    )
    inputs = FeatureInputs.over(("height",), height[:, None])
    reward = Network(inputs, (8,))
    assert left_open(told(seen), reward).n_open == 1
    assert left_open(told(ends), reward).n_open == 0
    assert left_open(told(seen), Linear(("height",), [2.0])).n_open == 0
