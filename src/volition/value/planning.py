"""Planning: the best policy of a finite MDP whose dynamics are known."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from volition.env import FiniteMDP
from volition.env.expected import expect_finite
from volition.expect import expect
from volition.reward import AbstractReward, expect_reward
from volition.value.bellman import (
    backup,
    checked_reward,
    expected_reward,
    soft_maximum,
)
from volition.value.endless import best_actions, never_ending, towards
from volition.value.evaluate import solve_rows
from volition.value.precision import in_double, traced
from volition.value.task import Plan, one_hot, task_of, tolerance_at


class AbstractPlanner(eqx.Module):
    """A way to solve a finite MDP."""

    @abc.abstractmethod
    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Solve for expected rewards `[state, action]`; pure, for use inside `jit`.

        What is found does not depend on the unit of the reward. The world may be in 32
        bits and the reward in 64: then it is solved in 64.
        """


_paid = eqx.filter_jit(expected_reward)


@in_double
@eqx.filter_jit
def _solve(
    mdp: FiniteMDP, reward: Float[Array, "state action"], method: AbstractPlanner
) -> Plan:
    return method.solve(mdp, reward)


def plan(
    env: FiniteMDP,
    reward: AbstractReward,
    method: AbstractPlanner | None = None,
    *,
    throw: bool = True,
) -> Plan:
    """Find the best policy of a finite world for a reward.

    It is computed in 64 bits, also where JAX is set to 32. The unit of the reward
    changes no policy. Of actions that are equal but for rounding the first is taken.

    With a discount of 1 a state from which nothing ever ends need not have a value.
    Those are left out and named in the result's `message`, unless an episode can begin
    there.

    Args:
        env: the world.
        reward: what its transitions are worth.
        method: `PolicyIteration()` if left out.
        throw: whether to raise where the method did not converge.

    Raises:
        TypeError: where the world has no table, or an argument is of another kind.
        ValueError: where the reward is not finite, or does not fit the world.
        RuntimeError: where the method did not converge and `throw` is set.

    Example:
        >>> from volition import env, reward
        >>> world = env.delivery()
        >>> best = plan(world, reward.delivery_true())
        >>> round(float(best.value @ world.initial), 3)  # 41.208 in the study
        41.208
    """
    expect_finite(env, "plan", "learn a policy there with vl.learn")
    expect_reward(reward)
    if method is not None:
        such = "give one, such as vl.value.PolicyIteration()"
        expect(method, AbstractPlanner, "the method", such)
    paid = checked_reward(env, reward)
    found = _solve(env, paid, PolicyIteration() if method is None else method)
    if not traced(found) and _overflows(env, found):
        found = eqx.tree_at(lambda one: one.converged, found, jnp.zeros((), dtype=bool))
    if throw and not traced(found.converged) and not found.converged:
        raise RuntimeError(f"planning {found.message} {_remedy(env, paid, found)}")
    return found


def _overflows(env: FiniteMDP, found: Plan) -> bool:
    """Whether values are too large for the precision that JAX is set to."""
    value = np.asarray(found.value)
    wrong = value == np.inf
    # Without a discount, minus infinity is what a state can be worth.
    return bool((wrong | ((value == -np.inf) & (float(env.discount) < 1.0))).any())


def _remedy(env: FiniteMDP, paid: Float[Array, "state action"], found: Plan) -> str:
    """What to do where planning did not converge."""
    begins = np.asarray(env.initial) > 0
    value = np.asarray(found.value)
    largest = float(jnp.finfo(paid.dtype).max)
    hopeless = np.flatnonzero(begins & (np.isnan(value) | (value == -np.inf)))
    if _overflows(env, found):
        return (
            f"Its values are above {largest:.2g}, the largest number in the precision "
            "of the reward: give the reward in another unit."
        )
    if float(env.discount) >= 1.0 and len(hopeless):
        state = int(hopeless[0])
        return (
            f"Episodes can begin in state {state} ({env.describe(state)}), from where "
            "acting may never end, and without a discount it then has no finite value. "
            "Lower the discount, give the world an end that can be reached, or let "
            "episodes begin elsewhere; throw=False returns what there is."
        )
    if float(env.discount) >= 1.0:
        return (
            "Without a discount a loop that pays is worth more than any end. Lower the "
            "discount, or raise the planner's limit where no loop pays; throw=False "
            "returns what there is."
        )
    return (
        "Raise its limit or its tolerance, or lower the discount; throw=False returns "
        "what there is."
    )


def optimal_value(
    planner: AbstractPlanner, mdp: FiniteMDP, reward: Float[Array, "state action"]
) -> Float[Array, " state"]:
    """The value that a planner finds, differentiable in the reward.

    By the envelope theorem the slope of the optimal value is the value of the slope
    under the optimal policy, so nothing is differentiated through the iterations.

    Args:
        planner: the method.
        mdp: the world.
        reward: as `expected_reward` gives it, `[state, action]`.
    """

    return _solved(reward, planner=planner, mdp=mdp)


@eqx.filter_custom_jvp
def _solved(reward, *, planner, mdp):
    return planner.solve(mdp, reward).value


@_solved.def_jvp
def _solved_jvp(primals, tangents, *, planner, mdp):
    (reward,), (change,) = primals, tangents
    found = jax.lax.stop_gradient(planner.solve(mdp, jax.lax.stop_gradient(reward)))
    if change is None:
        return found.value, None
    policy = found.policy.probabilities
    weights = (policy[:, :, None] * mdp.probability).reshape(mdp.n_states, -1)
    paid = jnp.sum(policy * change, axis=-1)
    successor = mdp.successor.reshape(mdp.n_states, -1)
    left = ~jnp.isfinite(found.value) & (mdp.discount >= 1.0)
    world = eqx.tree_at(lambda one: one.terminal, mdp, mdp.terminal | left)
    tangent = solve_rows(world, successor, weights, paid, jnp.zeros_like(paid))
    return found.value, tangent


class ValueIteration(AbstractPlanner):
    """Sweeps of the Bellman optimality operator until they change nothing.

    `v(s) <- max over a of r(s,a) + discount sum P(s'|s,a) v(s')`, all states at once.
    Sure but slow: it gains a factor of the discount per sweep.

    Args:
        tolerance: residual to stop at, relative to the largest reward and value.
        max_sweeps: limit on the sweeps.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., section 4.4.
    """

    tolerance: float = 1e-10
    max_sweeps: int = 200_000

    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Sweep from 0."""
        task = task_of(mdp, reward)
        value, q, residual, count = _sweeps(
            task.mdp,
            task.reward,
            lambda q: jnp.max(q, axis=-1),
            self.tolerance,
            self.max_sweeps,
        )
        # The values are off by up to residual / (1 - discount), mostly all alike.
        size = 1.0 + jnp.max(jnp.abs(value))
        left = jnp.maximum(1.0 - task.mdp.discount, 1e-4)
        slack = task.ties(value) + jnp.minimum(2.0 * residual / left, 1e-7 * size)
        policy = one_hot(best_actions(task.mdp, q, slack), q)
        converged = residual <= tolerance_at(self.tolerance, value)
        return task.plan(value, q, policy, residual, count, converged)


class SoftValueIteration(AbstractPlanner):
    """Sweeps of the soft Bellman operator: the maximum causal entropy policy.

    `v(s) <- T log sum over a of exp(q(s,a) / T)`; the policy is `exp((q - v) / T)`. As
    `T` goes to 0 it becomes value iteration. At a discount of 1 staying is paid by its
    entropy, so all who cannot end have no value.

    Args:
        temperature: T, reward units per nat, above 0.
        tolerance: residual to stop at, relative to the largest of reward, temperature
            and value.
        max_sweeps: limit on the sweeps.

    Source: B. D. Ziebart, PhD thesis, 2010, section 5.3.
    """

    temperature: ArrayLike = 1.0
    tolerance: float = 1e-10
    max_sweeps: int = 200_000

    def __check_init__(self):
        if not traced(self.temperature) and not np.all(
            (np.asarray(self.temperature) > 0.0)
            & np.isfinite(np.asarray(self.temperature))
        ):
            raise ValueError(
                f"temperature = {self.temperature} must be above 0 and finite."
            )

    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Sweep from 0."""
        temperature = jnp.asarray(self.temperature).astype(reward.dtype)
        task = task_of(mdp, reward, temperature=temperature)
        # Below the smallest number it would be 0, which divides nothing.
        coldest = 1e8 * float(jnp.finfo(reward.dtype).tiny)
        warmth = jnp.maximum(temperature / task.unit, coldest)
        value, q, residual, count = _sweeps(
            task.mdp,
            task.reward,
            lambda q: soft_maximum(q, warmth),
            self.tolerance,
            self.max_sweeps,
        )
        policy = jax.nn.softmax(q / warmth, axis=-1)
        converged = residual <= tolerance_at(self.tolerance, value)
        return task.plan(value, q, policy, residual, count, converged)


class PolicyIteration(AbstractPlanner):
    """Policy iteration: a few sweeps, then Newton steps on the Bellman equation.

    Each improvement evaluates its policy exactly: by dense factorisation in small
    worlds, by BiCGSTAB on the sparse rows in large ones (inexact policy iteration). It
    stops at the first policy that no other action improves by more than rounding.

    Args:
        tolerance: residual that counts as converged, relative to the largest reward
            and value.
        max_improvements: limit on the improvements.
        n_sweeps: sweeps of value iteration before the first improvement; at a discount
            of 1 as many as there are states, if it takes them.

    Source: R. A. Howard, "Dynamic Programming and Markov Processes", 1960; the Krylov
    inner solver as in M. Gargiani et al., "Inexact policy iteration methods for
    large-scale Markov decision processes", 2024.

    Differs: at a discount of 1 it begins with a policy that ends from everywhere, so
    that one which never ends is only ever an improvement where going on for ever pays.
    """

    tolerance: float = 1e-10
    max_improvements: int = 200
    n_sweeps: int = 30

    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Sweep from 0, then improve until nothing is gained."""
        task = task_of(mdp, reward)
        mdp, reward = task.mdp, task.reward
        rows = jnp.arange(mdp.n_states)
        most = max(self.n_sweeps, mdp.n_states)
        n_sweeps = jnp.where(mdp.discount >= 1.0, most, self.n_sweeps)
        value, q, residual, _ = _sweeps(
            mdp, reward, lambda q: jnp.max(q, axis=-1), self.tolerance, n_sweeps
        )
        actions = best_actions(mdp, q, task.ties(value))
        lost = _lost(mdp, reward, actions)
        allowed = ~task.endless.blocked
        actions = towards(mdp, actions, allowed, ~(lost[1] | lost[2]))

        def unfinished(carry):
            _, _, _, _, changed, bounded, count = carry
            return changed & bounded & (count < self.max_improvements)

        def improve(carry):
            value, q, actions, _, _, _, count = carry
            idle, costs, gains = _lost(mdp, reward, actions)
            world = eqx.tree_at(
                lambda one: one.terminal, mdp, mdp.terminal | idle | costs | gains
            )
            value = solve_rows(
                world,
                mdp.successor[rows, actions],
                mdp.probability[rows, actions],
                reward[rows, actions],
                value,
            )
            q = backup(mdp, reward, value)
            # An action is kept unless another is better by more than rounding, or
            # equal ones would take turns for ever.
            best = jnp.argmax(q, axis=-1).astype(jnp.int32)
            gain = jnp.where(mdp.terminal, 0.0, jnp.max(q, axis=-1) - q[rows, actions])
            slack = tolerance_at(0.0, value)
            actions = jnp.where(gain > slack, best, actions)
            changed = jnp.max(gain) > slack
            residual = _residual(mdp, q, value)
            bounded = ~jnp.any(costs | gains)
            return value, q, actions, residual, changed, bounded, count + 1

        yes = jnp.ones((), dtype=bool)
        value, q, actions, residual, _, bounded, count = jax.lax.while_loop(
            unfinished,
            improve,
            (value, q, actions, residual, yes, yes, jnp.zeros((), dtype=jnp.int32)),
        )
        converged = bounded & (residual <= tolerance_at(self.tolerance, value))
        # Where going on for ever pays, the policy that does is what there is.
        best = best_actions(mdp, q, task.ties(value))
        policy = one_hot(jnp.where(bounded, best, actions), q)
        return task.plan(value, q, policy, residual, count, converged)


def _lost(mdp: FiniteMDP, reward: Array, actions: Int[Array, " state"]):
    rows = jnp.arange(mdp.n_states)
    successor, chance = mdp.successor[rows, actions], mdp.probability[rows, actions]
    return never_ending(mdp, successor, chance, reward[rows, actions])


def _residual(mdp, q, value):
    return jnp.max(jnp.abs(jnp.where(mdp.terminal, 0.0, jnp.max(q, axis=-1) - value)))


def _sweeps(mdp, reward, maximum, tolerance, max_sweeps):
    """Sweep from 0; returns value, its q, its residual, and the number of sweeps."""

    def swept(q):
        return jnp.where(mdp.terminal, 0.0, maximum(q))

    def unfinished(carry):
        value, _, residual, count = carry
        return (residual > tolerance_at(tolerance, value)) & (count < max_sweeps)

    def sweep(carry):
        _, q, _, count = carry
        value = swept(q)
        q = backup(mdp, reward, value)
        return value, q, jnp.max(jnp.abs(swept(q) - value)), count + 1

    value = jnp.zeros(mdp.n_states, dtype=reward.dtype)
    # What lies ahead is worth 0, so the rewards are the q of this value.
    residual = jnp.full((), jnp.inf, dtype=reward.dtype)
    start = (value, reward, residual, jnp.int32(0))
    return jax.lax.while_loop(unfinished, sweep, start)
