"""What is lost by optimising a learned reward, whoever optimises it."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP, Transition
from volition.evaluation.policies import (
    checked_policy,
    scaled_return,
    worst_tie_break,
)
from volition.policy import Tabular, greedy
from volition.reward import AbstractReward
from volition.value import (
    PolicyIteration,
    QLearning,
    SoftValueIteration,
    ValueIteration,
    branch_reward,
    checked_reward,
    evaluate_policy,
    from_start,
    in_double,
    learn,
    plan,
)

# Of soft value iteration: as warm as costs so much of the learned reward's own return.
OWN_LOSSES = (0.001, 0.01, 0.05)
MOST_SWEEPS = 20_000  # a soft value may have no bound where nothing is discounted
WARMEST, COLDEST = 6.0, -24.0  # powers of 2 of the largest gap between action values
N_HALVINGS = 20
N_Q_STEPS = 100_000
# Rewards that Q-learning sees are rounded to so much of the largest, so that it takes
# the same way whatever their unit.
GRAIN = 2.0**-18

Paid = Float[Array, "state action"]


class Regret(eqx.Module):
    """What is lost by optimising a learned reward, on a scale of the truth.

    Args:
        by: name of the optimiser to `1 - scaled return` of what it finds: 0 is the best
            policy, 1 is no better than acting at random.
        left_out: optimisers that did not converge.
    """

    by: Mapping[str, float]
    left_out: tuple[str, ...] = eqx.field(static=True, default=())

    @property
    def worst(self) -> float:
        """The greatest: what is to be reported."""
        return max(self.by.values())

    @property
    def worst_optimiser(self) -> str:
        """Whose that is."""
        return max(self.by, key=lambda name: self.by[name])


def scaled_regret(
    key: PRNGKeyArray,
    env: FiniteMDP,
    learned: AbstractReward,
    truth: AbstractReward,
    *,
    n_q_steps: int = N_Q_STEPS,
) -> Regret:
    """Optimise a learned reward in several ways, and score each by the truth.

    Value iteration, soft value iteration at three temperatures, Q-learning, and of all
    optimal policies the worst for the truth. The temperatures are those that cost 0.1,
    1 and 5 % of the learned reward's own scaled return; so the regret of the truth
    itself is known, at most 0.05, and no scale of the reward matters.

    Args:
        key: of Q-learning; consumed.
        env: the world.
        learned: what is optimised.
        truth: what scores.
        n_q_steps: steps of Q-learning.

    Raises:
        ValueError: where a reward is not finite, or does not fit the world.
        RuntimeError: where the learned reward cannot be optimised.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S..G"], discount=0.9)
        >>> pays = reward.Linear(world.feature_names, [-1.0, 10.0, -10.0])
        >>> found = scaled_regret(jax.random.key(0), world, pays, pays, n_q_steps=2000)
        >>> round(found.by["value iteration"], 6), len(found.by)
        (0.0, 6)

    Source: the scale is that of `scaled_return`; the three temperatures are ours.
    """
    paid = checked_reward(env, learned, "the learned reward")
    checked_reward(env, truth, "the true reward")
    found = {"value iteration": plan(env, learned, ValueIteration()).policy}
    left_out = []
    softs, own_losses = _soft_policies(env, paid)
    for row, loss in enumerate(OWN_LOSSES):
        name = f"soft value iteration, {loss:.1%} of its own return"
        if float(own_losses[row]) <= loss:
            found[name] = Tabular(softs[row])
        else:
            left_out.append(name)
    usual = _Unitless(learned, _largest(env, learned))
    by_trial = learn(key, env, usual, QLearning(n_q_steps, exploration=0.3))
    found["Q-learning"] = greedy(by_trial.q)
    found["worst tie-break"] = worst_tie_break(env, learned, truth)
    by = {
        name: 1.0 - float(scaled_return(env, policy, truth))
        for name, policy in found.items()
    }
    return Regret(by, tuple(left_out))


class _Unitless(AbstractReward):
    """A reward relative to the largest, but for its last digits."""

    reward: AbstractReward
    largest: Float[Array, ""]

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        paid = self.reward(transition) / self.largest
        return jnp.round(paid / GRAIN) * GRAIN

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.reward.feature_names


@eqx.filter_jit
def _largest(env: FiniteMDP, reward: AbstractReward) -> Float[Array, ""]:
    each = jnp.where(env.probability > 0.0, branch_reward(env, reward), 0.0)
    largest = jnp.max(jnp.abs(each))
    return jnp.where(largest > 0.0, largest, 1.0)


@in_double
@eqx.filter_jit
def _soft_policies(
    env: FiniteMDP, paid: Paid
) -> tuple[Float[Array, "loss state action"], Float[Array, " loss"]]:
    """The warmest soft policies that lose no more than `OWN_LOSSES`, and what they do.

    Where no temperature gets there, what is lost is more, or infinite.
    """
    best = PolicyIteration().solve(env, paid)
    known = jnp.isfinite(best.q)
    least = jnp.min(jnp.where(known, best.q, jnp.inf), axis=-1)
    gap = jnp.max(jnp.where(known, best.q - least[:, None], 0.0))
    gap = jnp.where(gap > 0.0, gap, 1.0)
    uniform = jnp.full_like(paid, 1.0 / env.n_actions)
    value = lambda policy: from_start(env, evaluate_policy(env, policy, paid))
    high, low = value(best.policy.probabilities), value(uniform)
    # Of a reward that says nothing, nothing is lost by acting at random.
    span = jnp.where(high > low, high - low, 1.0)

    def soft(power: Array) -> tuple[Array, Array]:
        method = SoftValueIteration(gap * 2.0**power, max_sweeps=MOST_SWEEPS)
        found = method.solve(env, paid)
        lost = (high - value(found.policy.probabilities)) / span
        return found.policy.probabilities, jnp.where(found.converged, lost, jnp.inf)

    def one(most: Array) -> tuple[Array, Array]:
        def halve(_, ends):
            cold, warm = ends
            middle = (cold + warm) / 2.0
            fine = soft(middle)[1] <= most
            return jnp.where(fine, middle, cold), jnp.where(fine, warm, middle)

        ends = (jnp.asarray(COLDEST, paid.dtype), jnp.asarray(WARMEST, paid.dtype))
        return soft(jax.lax.fori_loop(0, N_HALVINGS, halve, ends)[0])

    return jax.lax.map(one, jnp.asarray(OWN_LOSSES, dtype=paid.dtype))


def range_regret(
    env: FiniteMDP, policy: Tabular, truth: AbstractReward
) -> Float[Array, ""]:
    """What a policy loses, as a share of the range from the worst policy to the best.

    `(J(best) - J(policy)) / (J(best) - J(worst))`, in `[0, 1]`.

    Args:
        env: the world.
        policy: what is scored.
        truth: what scores.

    Returns:
        The share; NaN where all policies return the same, or at a discount of 1 a
        policy has no finite return.

    Raises:
        ValueError: where the truth is not finite, or does not fit the world.
    """
    paid = checked_reward(env, truth, "the true reward")
    return _range_regret(env, checked_policy(env, policy), paid)


@in_double
@eqx.filter_jit
def _range_regret(env: FiniteMDP, policy: Tabular, paid: Paid) -> Float[Array, ""]:
    value = lambda one: from_start(env, evaluate_policy(env, one.probabilities, paid))
    high = value(PolicyIteration().solve(env, paid).policy)
    low = value(PolicyIteration().solve(env, -paid).policy)
    # Of a truth that tells no policies apart, rounding is left, and no range.
    rounding = 64 * float(jnp.finfo(paid.dtype).eps)
    wide = high - low > rounding * jnp.maximum(jnp.abs(high), jnp.abs(low))
    lost = high - value(policy)
    return jnp.where(wide, lost / jnp.where(wide, high - low, 1.0), jnp.nan)
