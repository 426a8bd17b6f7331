"""What is lost by optimising a learned reward, whoever optimises it."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP
from volition.evaluation.policies import mean_return, scaled_return, worst_tie_break
from volition.policy import Tabular, greedy
from volition.reward import AbstractReward
from volition.value import (
    PolicyIteration,
    QLearning,
    SoftValueIteration,
    ValueIteration,
    expected_reward,
    learn,
    plan,
)

# Of soft value iteration, as shares of the largest gap between two actions' values.
TEMPERATURES = (0.01, 0.05, 0.2)
MOST_SWEEPS = 20_000  # a soft value may have no bound where nothing is discounted
N_Q_STEPS = 100_000


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
    optimal policies the worst for the truth.

    Args:
        key: of Q-learning; consumed.
        env: the world.
        learned: what is optimised.
        truth: what scores.
        n_q_steps: steps of Q-learning.

    Raises:
        RuntimeError: where the learned reward cannot be optimised.

    Example:
        >>> import jax
        >>> from volition import env, reward
        >>> world = env.gridworld(["S..G"], discount=0.9)
        >>> pays = reward.Linear(world.feature_names, [-1.0, 10.0, -10.0])
        >>> found = scaled_regret(jax.random.key(0), world, pays, pays, n_q_steps=2000)
        >>> round(found.by["value iteration"], 6), len(found.by)
        (0.0, 6)

    Source: the scaled return of policies; see `scaled_return`.
    """
    exact = plan(env, learned)
    gap = jnp.max(jnp.max(exact.q, axis=-1) - jnp.min(exact.q, axis=-1))
    found = {"value iteration": plan(env, learned, ValueIteration()).policy}
    left_out = []
    for share in TEMPERATURES:
        name = f"soft value iteration, temperature {share:g} of the gap"
        scale = jnp.maximum(share * gap, 1e-12)
        method = SoftValueIteration(scale, max_sweeps=MOST_SWEEPS)
        soft = plan(env, learned, method, throw=False)
        if soft.converged:
            found[name] = soft.policy
        else:
            left_out.append(name)
    by_trial = learn(key, env, learned, QLearning(n_q_steps, exploration=0.3))
    found["Q-learning"] = greedy(by_trial.q)
    found["worst tie-break"] = worst_tie_break(env, learned, truth)
    by = {
        name: 1.0 - float(scaled_return(env, policy, truth))
        for name, policy in found.items()
    }
    return Regret(by, tuple(left_out))


@eqx.filter_jit
def range_regret(
    env: FiniteMDP, policy: Tabular, truth: AbstractReward
) -> Float[Array, ""]:
    """What a policy loses, as a share of the range from the worst policy to the best.

    `(J(best) - J(policy)) / (J(best) - J(worst))`, in `[0, 1]`.

    Args:
        env: the world.
        policy: what is scored.
        truth: what scores.
    """
    paid = expected_reward(env, truth)
    high = mean_return(env, PolicyIteration().solve(env, paid).policy, truth)
    low = mean_return(env, PolicyIteration().solve(env, -paid).policy, truth)
    return (high - mean_return(env, policy, truth)) / (high - low)
