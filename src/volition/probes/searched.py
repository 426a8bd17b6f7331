"""Policies that an audit searches, and what each is worth under any reward."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

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
    """The plan for expected rewards `[state, action]`; compiled once for a world.

    Planned in units of the largest reward, so that the unit does not matter. Of actions
    that are equally good up to rounding the first is taken, so that precision does not
    decide between them.
    """
    unit = unit_of(paid)
    plan = _solved(env, jnp.asarray(np.asarray(paid) / unit, dtype=float))
    equal = equally_good(env, np.asarray(plan.q))
    chosen = np.eye(env.n_actions)[np.argmax(equal, axis=-1)]
    return eqx.tree_at(
        lambda one: (one.value, one.q, one.residual, one.policy.probabilities),
        plan,
        (
            plan.value * unit,
            plan.q * unit,
            plan.residual * unit,
            jnp.asarray(chosen, dtype=plan.q.dtype),
        ),
    )


def unit_of(paid: Float[np.ndarray, "state action"]) -> float:
    """The size of the largest reward, or 1 where all are 0."""
    return float(np.max(np.abs(paid), initial=0.0)) or 1.0


def equally_good(
    env: FiniteMDP, q: Float[np.ndarray, "state action"]
) -> Bool[np.ndarray, "state action"]:
    """Which actions are as good as the best of their state, up to rounding.

    A step more on the way costs `1 - discount` of the value or more: a hundredth of
    that is no difference, from rounding at 64 bits to that at 32.
    """
    share = np.clip(0.01 * (1.0 - float(env.discount)), 1e-9, 1e-6)
    size = np.max(np.abs(q), initial=0.0)
    return q >= q.max(axis=-1, keepdims=True) - share * size


def best_of_the_best(
    env: FiniteMDP,
    first: Float[np.ndarray, "state action"],
    then: Float[np.ndarray, "state action"],
) -> Tabular:
    """Of the policies that are best for a first reward, the one best for another.

    Args:
        env: the world.
        first: expected rewards, `[state, action]`.
        then: the other ones, which break ties.
    """
    equal = equally_good(env, np.asarray(best(env, first).q))
    states, numbers = np.arange(env.n_states), np.arange(env.n_actions)
    # An action that is not among the best stands for the first one that is.
    stands_for = np.where(equal, numbers, np.argmax(equal, axis=-1)[:, None])
    rows = states[:, None]
    narrowed = eqx.tree_at(
        lambda one: (one.successor, one.probability),
        env,
        (env.successor[rows, stands_for], env.probability[rows, stands_for]),
    )
    found = best(narrowed, np.asarray(then)[rows, stands_for]).policy
    chosen = np.argmax(np.asarray(found.probabilities), axis=-1)
    taken = np.eye(env.n_actions)[stands_for[states, chosen]]
    return Tabular(jnp.asarray(taken, dtype=float))


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
    unit = unit_of(paid)
    scaled = jnp.asarray(np.asarray(paid) / unit, dtype=float)
    return np.asarray(_softly(env, scaled, jnp.asarray(temperature / unit)))


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
