"""Planning: the best policy of a finite MDP whose dynamics are known."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from volition.env import FiniteMDP
from volition.env.expected import expect_finite
from volition.expect import expect
from volition.policy import Tabular, greedy
from volition.reward import AbstractReward, expect_reward
from volition.value.bellman import backup, expected_reward, soft_maximum
from volition.value.evaluate import solve_rows


class Plan(eqx.Module):
    """What planning found.

    Args:
        value: of each state, reward units, `[state]`.
        q: of each action, reward units, `[state, action]`.
        policy: the policy to follow.
        residual: largest difference between the two sides of the Bellman equation.
        n_iterations: sweeps or improvements made.
        converged: whether the residual is within the method's tolerance.
    """

    value: Float[Array, " state"]
    q: Float[Array, "state action"]
    policy: Tabular
    residual: Float[Array, ""]
    n_iterations: Int[Array, ""]
    converged: Bool[Array, ""]

    @property
    def message(self) -> str:
        """How it went, in a sentence."""
        how = f"after {int(self.n_iterations)} iterations, residual {self.residual:.2g}"
        return f"converged {how}." if self.converged else f"did not converge {how}."


class AbstractPlanner(eqx.Module):
    """A way to solve a finite MDP."""

    @abc.abstractmethod
    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Solve for expected rewards `[state, action]`; pure, for use inside `jit`."""


@eqx.filter_jit
def _solve(mdp: FiniteMDP, reward: AbstractReward, method: AbstractPlanner) -> Plan:
    return method.solve(mdp, expected_reward(mdp, reward))


def plan(
    env: FiniteMDP,
    reward: AbstractReward,
    method: AbstractPlanner | None = None,
    *,
    throw: bool = True,
) -> Plan:
    """Find the best policy of a finite world for a reward.

    Args:
        env: the world.
        reward: what its transitions are worth.
        method: `PolicyIteration()` if left out.
        throw: whether to raise where the method did not converge.

    Raises:
        TypeError: where the world has no table, or an argument is of another kind.
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
    found = _solve(env, reward, PolicyIteration() if method is None else method)
    if throw and not found.converged:
        raise RuntimeError(
            f"planning {found.message} Raise its limit or its tolerance, or lower the "
            "discount; throw=False returns what there is."
        )
    return found


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
    tangent = solve_rows(mdp, successor, weights, paid, jnp.zeros_like(paid))
    return found.value, tangent


def tolerance_at(tolerance: float, value: Float[Array, " state"]) -> Float[Array, ""]:
    """The residual that counts as none: relative to the values, above rounding."""
    least = max(tolerance, 64 * float(jnp.finfo(value.dtype).eps))
    return least * (1.0 + jnp.max(jnp.abs(value)))


class ValueIteration(AbstractPlanner):
    """Sweeps of the Bellman optimality operator until they change nothing.

    Slow where the discount is near 1 (the error shrinks by the discount per sweep), but
    right for a discount of 1 as long as some policy ends, and safe at any size.

    Args:
        tolerance: relative residual to stop at.
        max_sweeps: limit on the sweeps.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., section 4.4.
    """

    tolerance: float = 1e-10
    max_sweeps: int = 200_000

    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Sweep from 0."""
        value, q, residual, count = _sweeps(
            mdp, reward, lambda q: jnp.max(q, axis=-1), self.tolerance, self.max_sweeps
        )
        converged = residual <= tolerance_at(self.tolerance, value)
        return Plan(value, q, greedy(q), residual, count, converged)


class SoftValueIteration(AbstractPlanner):
    """Value iteration with the soft maximum; its policy is Boltzmann in the values.

    `v(s) = temperature log sum_a exp(q(s,a) / temperature)`,
    `pi(a|s) = exp((q(s,a) - v(s)) / temperature)`.

    Args:
        temperature: reward units per nat, above 0.
        tolerance: relative residual to stop at.
        max_sweeps: limit on the sweeps.

    Source: B. D. Ziebart, PhD thesis, 2010, section 5.3.
    """

    temperature: ArrayLike = 1.0
    tolerance: float = 1e-10
    max_sweeps: int = 200_000

    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Sweep from 0."""
        value, q, residual, count = _sweeps(
            mdp,
            reward,
            lambda q: soft_maximum(q, self.temperature),
            self.tolerance,
            self.max_sweeps,
        )
        policy = Tabular(jax.nn.softmax(q / self.temperature, axis=-1))
        converged = residual <= tolerance_at(self.tolerance, value)
        return Plan(value, q, policy, residual, count, converged)


class PolicyIteration(AbstractPlanner):
    """Policy iteration: a few sweeps, then Newton steps on the Bellman equation.

    Each improvement evaluates its policy exactly: by dense factorisation in small
    worlds, by BiCGSTAB on the sparse rows in large ones (inexact policy iteration).
    Needs a discount below 1, or policies that end.

    Args:
        tolerance: relative residual to stop at.
        max_improvements: limit on the improvements.
        n_sweeps: sweeps of value iteration before the first improvement.

    Source: R. A. Howard, "Dynamic Programming and Markov Processes", 1960; the Krylov
    inner solver as in M. Gargiani et al., "Inexact policy iteration methods for
    large-scale Markov decision processes", 2024.
    """

    tolerance: float = 1e-10
    max_improvements: int = 200
    n_sweeps: int = 30

    def solve(self, mdp: FiniteMDP, reward: Float[Array, "state action"]) -> Plan:
        """Sweep from 0, then improve until the residual is within tolerance."""
        rows = jnp.arange(mdp.n_states)
        value, q, residual, _ = _sweeps(
            mdp, reward, lambda q: jnp.max(q, axis=-1), self.tolerance, self.n_sweeps
        )
        actions = jnp.argmax(q, axis=-1).astype(jnp.int32)

        def unfinished(carry):
            value, _, _, residual, changed, count = carry
            left = ~(residual <= tolerance_at(self.tolerance, value))
            return left & changed & (count < self.max_improvements)

        def improve(carry):
            value, q, actions, _, _, count = carry
            value = solve_rows(
                mdp,
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
            return value, q, actions, residual, changed, count + 1

        value, q, _, residual, _, count = jax.lax.while_loop(
            unfinished,
            improve,
            (
                value,
                q,
                actions,
                residual,
                jnp.ones((), dtype=bool),
                jnp.zeros((), dtype=jnp.int32),
            ),
        )
        converged = residual <= tolerance_at(self.tolerance, value)
        # Without a discount and without an end the equation has no solution, and what
        # the factorisation returns is rounding blown up.
        most = jnp.max(jnp.abs(reward)) / float(jnp.finfo(reward.dtype).eps) ** 0.6
        converged &= jnp.max(jnp.abs(value)) <= most
        return Plan(value, q, greedy(q), residual, count, converged)


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
