"""What planners share: a world and rewards of a usual size, and what was found."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.value.endless import Endless, endless
from volition.value.precision import in_precision, unit_of

NAMED = 3  # states that are named in a sentence


class Plan(eqx.Module):
    """What planning found.

    Args:
        value: of each state, reward units, `[state]`. At a discount of 1 it is minus
            infinity where every policy may go on for ever and pay for it, and NaN where
            it may go on for ever and be paid.
        q: of each action, reward units, `[state, action]`; minus infinity for one that
            may lead to where the value is.
        policy: the policy to follow; all actions alike in states without a finite
            value.
        residual: largest difference between the two sides of the Bellman equation.
        n_iterations: sweeps or improvements made.
        converged: whether the residual is within the method's tolerance, and every
            state in which an episode can begin has a finite value.
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
        left = self._left_out()
        return (
            f"converged {how}{left}." if self.converged else f"did not converge {how}."
        )

    def _left_out(self) -> str:
        wrong = np.flatnonzero(~np.isfinite(np.asarray(self.value)))
        if len(wrong) == 0:
            return ""
        named = ", ".join(str(state) for state in wrong[:NAMED])
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        several = f"states {named}{more} have"
        which = several if len(wrong) > 1 else f"state {named} has"
        return (
            f"; {which} no finite value, as acting there may go on for ever, "
            "undiscounted (no episode needs to go there)"
        )


def tolerance_at(tolerance: float, value: Float[Array, " state"]) -> Float[Array, ""]:
    """The residual that counts as none, of values whose largest reward is about 1."""
    least = max(tolerance, 64 * float(jnp.finfo(value.dtype).eps))
    return least * (1.0 + jnp.max(jnp.abs(value)))


class Task(eqx.Module):
    """A world and its rewards, as planners solve them: finite, and of a usual size.

    Args:
        mdp: in the precision of the reward; states without a value are its ends.
        reward: divided by `unit`.
        unit: reward units, a power of two.
        endless: the states that were left out.
        rounding: of the numbers that the world was given in, relative.
        begins: where episodes can begin.
    """

    mdp: FiniteMDP
    reward: Float[Array, "state action"]
    unit: Float[Array, ""]
    endless: Endless
    rounding: float = eqx.field(static=True)
    begins: Bool[Array, " state"]

    def ties(self, value: Float[Array, " state"]) -> Float[Array, ""]:
        """What two action values may differ by that are equal but for rounding."""
        exact = float(jnp.finfo(value.dtype).eps)
        span = 1.0 + jnp.max(value) - jnp.min(value)
        return 64 * (self.rounding * span + exact * (1.0 + jnp.max(jnp.abs(value))))

    def plan(
        self,
        value: Float[Array, " state"],
        q: Float[Array, "state action"],
        policy: Float[Array, "state action"],
        residual: Float[Array, ""],
        count: Int[Array, ""],
        converged: Bool[Array, ""],
    ) -> Plan:
        """The result, in reward units."""
        alike = jnp.full_like(policy, 1.0 / policy.shape[1])
        left = self.endless.without_value
        value, q = value * self.unit, q * self.unit
        allowed = ~self.mdp.terminal[:, None]
        fits = jnp.all(jnp.isfinite(value))
        fits &= jnp.all(jnp.isfinite(q) | self.endless.blocked)
        fits &= ~jnp.any(left & self.begins)
        q = jnp.where(self.endless.blocked & allowed, -jnp.inf, q)
        return Plan(
            self.endless.marked(value),
            self.endless.marked(q),
            Tabular(jnp.where(left[:, None], alike, policy)),
            residual * self.unit,
            count,
            converged & fits,
        )


def task_of(
    mdp: FiniteMDP,
    reward: Float[Array, "state action"],
    *,
    temperature: ArrayLike | None = None,
) -> Task:
    """Prepare what a planner solves.

    Args:
        mdp: the world.
        reward: as `expected_reward` gives it, `[state, action]`.
        temperature: of a soft planner, reward units.
    """
    rounding = float(jnp.finfo(mdp.probability.dtype).eps)
    mdp = in_precision(mdp, reward.dtype)
    soft = temperature is not None
    reward = jnp.where(mdp.terminal[:, None], 0.0, reward)
    unit = unit_of(reward, 0.0 if temperature is None else temperature)
    left = endless(mdp, reward, soft=soft)
    begins = (mdp.initial > 0.0) & ~mdp.terminal
    world, paid = left.reduced(mdp, reward / unit)
    return Task(world, paid, unit, left, rounding, begins)


def one_hot(
    actions: Int[Array, " state"], q: Float[Array, "state action"]
) -> Float[Array, "state action"]:
    """The policy that takes these actions."""
    return jax.nn.one_hot(actions, q.shape[-1], dtype=q.dtype)
