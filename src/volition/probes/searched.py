"""Policies that an audit searches, and what each is worth under any reward."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.value import Plan, PolicyIteration, SoftValueIteration, occupancy

# Temperatures of soft policies, in shares of what a wrong action costs in the mean.
TEMPERATURES = (0.03, 0.3, 3.0)
CONCENTRATION = 0.3  # of random policies: below 1 they have favourites


class Searched(eqx.Module):
    """Policies, and how much discounted time each spends where.

    As the mean return is linear in the time spent, it is known for every reward.

    Args:
        names: of the policies, in words.
        policies: probability of each action, `[policy, state, action]`.
        visits: steps, `[policy, state, action]`.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    policies: Float[np.ndarray, "policy state action"]
    visits: Float[np.ndarray, "policy state action"]

    def returns(
        self, paid: Float[np.ndarray, "state action"]
    ) -> Float[np.ndarray, " policy"]:
        """Mean return of each policy, reward units.

        Args:
            paid: expected rewards, as `expected_reward` gives them.
        """
        return np.einsum("psa,sa->p", self.visits, paid)

    def policy(self, number: int) -> Tabular:
        """One of them."""
        return Tabular(jnp.asarray(self.policies[number]))


def search(
    env: FiniteMDP,
    paid: Mapping[str, Float[np.ndarray, "state action"]],
    given: Mapping[str, Tabular] | None = None,
    *,
    n_random: int = 20,
    key: PRNGKeyArray | None = None,
) -> Searched:
    """Gather policies: the best and the soft ones for each reward, given and random.

    Args:
        env: the world.
        paid: expected rewards by name, `[state, action]`.
        given: further policies by name.
        n_random: policies whose actions are random but fixed in their odds.
        key: of those; the same ones if left out.
    """
    n_states, n_actions = env.n_states, env.n_actions
    found = {"random actions": np.full((n_states, n_actions), 1.0 / n_actions)}
    for name, policy in (given or {}).items():
        found[name] = np.asarray(policy.probabilities)
    for name, each in paid.items():
        plan = best(env, each)
        found[f"the best for {name}"] = np.asarray(plan.policy.probabilities)
        for share in TEMPERATURES:
            soft = soft_policy(env, each, share * cost_of_a_slip(plan))
            found[f"a soft one for {name} (temperature {share:g})"] = soft
    shape = (n_random, n_states)
    odds = jnp.full(n_actions, CONCENTRATION)
    key = jax.random.key(0) if key is None else key
    for number, one in enumerate(jax.random.dirichlet(key, odds, shape)):
        found[f"random policy {number}"] = np.asarray(one)
    policies = np.stack(list(found.values()))
    visits = np.stack([visits_of(env, each) for each in policies])
    return Searched(tuple(found), policies, visits)


@eqx.filter_jit
def _solved(env: FiniteMDP, paid: Float[Array, "state action"]) -> Plan:
    return PolicyIteration().solve(env, paid)


@eqx.filter_jit
def _softly(env: FiniteMDP, paid: Array, temperature: Array) -> Array:
    planner = SoftValueIteration(temperature, tolerance=1e-8)
    return planner.solve(env, paid).policy.probabilities


@eqx.filter_jit
def _visits(env: FiniteMDP, policy: Float[Array, "state action"]) -> Array:
    return occupancy(env, policy)


def best(env: FiniteMDP, paid: Float[np.ndarray, "state action"]) -> Plan:
    """The plan for expected rewards `[state, action]`; compiled once for a world."""
    return _solved(env, jnp.asarray(paid, dtype=float))


def soft_policy(
    env: FiniteMDP, paid: Float[np.ndarray, "state action"], temperature: float
) -> Float[np.ndarray, "state action"]:
    """The soft policy for expected rewards, by probability of each action.

    Args:
        env: the world.
        paid: `[state, action]`.
        temperature: reward units per nat; at 0 or below, actions are random.
    """
    if temperature <= 0.0:
        return np.full(paid.shape, 1.0 / paid.shape[1])
    return np.asarray(_softly(env, jnp.asarray(paid), jnp.asarray(temperature)))


def visits_of(
    env: FiniteMDP, policy: Float[np.ndarray, "state action"]
) -> Float[np.ndarray, "state action"]:
    """Discounted steps that a policy spends on each state and action."""
    return np.asarray(_visits(env, jnp.asarray(policy)))


def cost_of_a_slip(plan: Plan) -> float:
    """What a random action costs in the mean, once, by a plan: reward units."""
    return float(jnp.mean(jnp.max(plan.q, axis=-1, keepdims=True) - plan.q))


def range_of(
    env: FiniteMDP, paid: Float[np.ndarray, "state action"]
) -> tuple[float, float]:
    """The least and the greatest mean return that any policy has."""
    initial = np.asarray(env.initial)
    most = float(initial @ np.asarray(best(env, paid).value))
    least = -float(initial @ np.asarray(best(env, -np.asarray(paid)).value))
    return least, most
