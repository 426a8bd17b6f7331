"""A reward written for one world, optimised in another: the lava case.

The designer tests on dirt and grass. Where the reward is used there is lava, on the
short way, of which they said nothing.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Feature, Tile, gridworld
from volition.feedback import Dataset, proxy_reward
from volition.human import Boltzmann, BradleyTerry, optimal_bags
from volition.inference import NUTS, Draws, Gaussian, Laplace, Normal, fit
from volition.reward import Linear
from volition.value import PolicyIteration, expected_reward, occupancy, worst_case

NAMES = ("dirt", "grass", "target", "lava")
INFO = tuple(Feature(name, "1", f"1 for a step that ends on {name}") for name in NAMES)
LEGEND = {
    "S": Tile(ground=("dirt",), start=True),
    ".": Tile(ground=("dirt",)),
    "g": Tile(ground=("grass",)),
    "T": Tile(ground=("target",)),
    "L": Tile(ground=("lava",)),
}
DISCOUNT = 0.9
TRAINING = gridworld(
    [
        "S.gT.",
        "..gg.",
        ".....",
    ],
    LEGEND,
    INFO,
    discount=DISCOUNT,
)
DEPLOYED = gridworld(
    [
        "SLLLT",
        ".....",
    ],
    LEGEND,
    INFO,
    discount=DISCOUNT,
)
PROXY = np.array([-0.2, -1.0, 1.0, 0.0])  # nothing is said of lava
SCALE, LAVA = 2.0, NAMES.index("lava")
PRIOR = Normal(SCALE)


def linear(weights):
    return jax.vmap(lambda one: Linear(NAMES, one))(jnp.asarray(weights))


@functools.cache
def written():
    """What was written, among 40 rewards that could have been."""
    others = SCALE * np.random.default_rng(0).normal(size=(39, len(NAMES)))
    options = optimal_bags(TRAINING, linear(np.vstack([PROXY, others])))
    return Dataset.empty().append(proxy_reward(options, 0))


def understood(method):
    person = Boltzmann(choice=BradleyTerry())
    return fit(Linear(NAMES), person, written(), method, prior=PRIOR)


@functools.cache
def learned():
    return understood(NUTS(400, n_chains=2))


def steps_on(terrain, visits):
    features = np.asarray(DEPLOYED.features)[:, :, 0, NAMES.index(terrain)]
    return float((np.asarray(visits) * features).sum())


def test_of_what_never_varied_nothing_is_learned():
    belief = understood(Laplace()).belief
    assert isinstance(belief, Gaussian)
    covariance = np.asarray(belief.covariance)
    assert covariance[LAVA, LAVA] == pytest.approx(SCALE**2, abs=1e-9)
    np.testing.assert_allclose(np.delete(covariance[LAVA], LAVA), 0.0, atol=1e-9)
    assert float(belief.location[LAVA]) == pytest.approx(0.0, abs=1e-6)


def test_draws_of_it_are_those_of_the_prior():
    belief = learned().belief
    assert isinstance(belief, Draws)
    draws = np.asarray(belief.draws)
    # The standard error of a variance of n independent draws is sqrt(2 / n) of it;
    # these are taken to be worth half as many.
    error = 4 * np.sqrt(2 / (len(draws) / 2))
    assert draws[:, LAVA].var() == pytest.approx(SCALE**2, rel=error)
    # That the target was wanted is understood.
    dirt, grass, target = draws[:, :LAVA].T
    assert (target > dirt).mean() > 0.95
    assert (target > grass).mean() > 0.95


def test_taken_literally_the_reward_crosses_the_lava():
    reward = Linear(NAMES, PROXY)
    plan = PolicyIteration().solve(DEPLOYED, expected_reward(DEPLOYED, reward))
    visits = occupancy(DEPLOYED, plan.policy.probabilities)
    assert steps_on("lava", visits) > 0.5
    assert steps_on("target", visits) > 5.0


def test_who_is_not_sure_goes_around_it_and_comes_to_the_target():
    """Of the best plans for what may be meant, the one whose worst case is best."""
    draws = np.asarray(learned().sample(jax.random.key(1), 50).weights)
    rewards = linear(np.vstack([PROXY, draws]))
    # Beside standing on the dirt where it begins.
    reference = draws[:, NAMES.index("dirt")] / (1 - DISCOUNT)

    @jax.jit
    def best(reward):
        paid = expected_reward(DEPLOYED, reward)
        plan = PolicyIteration().solve(DEPLOYED, paid)
        return occupancy(DEPLOYED, plan.policy.probabilities), paid

    visits, paid = (np.asarray(part) for part in jax.lax.map(best, rewards))
    gains = np.einsum("psa,rsa->pr", visits, paid[1:]) - reference[None]
    chosen = int(gains.min(axis=1).argmax())
    assert steps_on("lava", visits[0]) > 2.0  # the proxy, taken literally
    assert steps_on("lava", visits[chosen]) < 1e-9
    assert steps_on("target", visits[chosen]) > 5.0
    assert gains[chosen].min() > 0.0
    # A random policy may do a little better yet, by crossing now and then.
    found = worst_case(DEPLOYED, linear(draws), jnp.asarray(reference))
    assert float(found.margin.min()) >= gains[chosen].min() - 1e-9
    assert steps_on("lava", found.occupancy) < 0.25 * steps_on("lava", visits[0])


def test_the_programme_is_the_best_plan_where_there_is_one_reward():
    reward = Linear(NAMES, PROXY)
    paid = expected_reward(DEPLOYED, reward)
    plan = PolicyIteration().solve(DEPLOYED, paid)
    best = float(plan.value @ DEPLOYED.initial)
    found = worst_case(DEPLOYED, linear(PROXY[None]), jnp.zeros(1))
    assert float(found.margin[0]) == pytest.approx(best, abs=1e-8)
    visits = occupancy(DEPLOYED, found.policy.probabilities)
    np.testing.assert_allclose(visits, found.occupancy, atol=1e-8)


def test_no_policy_is_better_in_the_worst_case():
    """Beside a thousand random ones; against each reward's own best it may lose."""
    weights = np.random.default_rng(2).normal(size=(6, len(NAMES)))
    found = worst_case(DEPLOYED, linear(weights), jnp.zeros(6))
    least = float(found.margin.min())
    paid = np.asarray(
        jax.vmap(lambda one: expected_reward(DEPLOYED, one))(linear(weights))
    )
    policies = np.random.default_rng(3).dirichlet(
        0.1 * np.ones(DEPLOYED.n_actions), (1000, DEPLOYED.n_states)
    )
    visits = jax.vmap(occupancy, (None, 0))(DEPLOYED, jnp.asarray(policies))
    worst = np.einsum("psa,rsa->pr", np.asarray(visits), paid).min(axis=1)
    assert worst.max() <= least + 1e-9
    assert worst.max() > least - 20.0


def test_without_an_end_or_a_discount_there_is_no_plan():
    endless = gridworld(["S.T"], LEGEND, INFO, discount=1.0)
    with pytest.raises(RuntimeError, match="Give a discount below 1"):
        worst_case(endless, linear(PROXY[None]), jnp.zeros(1))
