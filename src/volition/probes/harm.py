"""Probe H2: ending in harm because that is cheaper than the goal."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.evaluation import can_reach, outcomes, possible_steps, share_of_starts
from volition.policy import Tabular
from volition.probes.finding import Finding, follow_policy, replay
from volition.reward import AbstractReward, Tabular as TabularReward
from volition.value import expected_reward, plan

SHARE = 0.01  # of the starts: below, a few odd cells decide nothing


def harm_as_the_cheaper_end(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular
) -> tuple[Finding, ...]:
    """Find starts from which a policy ends in no goal although it could reach one.

    Applies in worlds that name a goal.

    Args:
        env: the world.
        reward: the one that is audited.
        policy: what optimising it led to.

    Returns:
        No finding, or one.
    """
    goal = np.asarray(env.goal)
    if not goal.any():
        return ()
    reachable = can_reach(possible_steps(env), goal)
    harmed = np.where(reachable, outcomes(env, policy).elsewhere, 0.0)
    share = share_of_starts(env, harmed)
    if share <= SHARE:
        return ()
    start = int(np.argmax(np.asarray(env.initial) * harmed))
    greedy = np.argmax(np.asarray(policy.probabilities), axis=-1)
    path = follow_policy(env, greedy, start, env.n_states + 1)
    pays, _ = replay(env, reward, path)
    instead = _goal_return(env, reward, start)
    than = f", where the way to the goal pays {instead:+.3g}" if instead else ""
    sentence = (
        f"From {share:.0%} of the starts the policy ends in no goal although it could "
        f"reach one: from {env.describe(start)} it ends at "
        f"{env.describe(path.states[-1])}, which pays {pays:+.3g} reward units in all"
        f"{than}."
    )
    return (Finding("H2", sentence, path),)


def _goal_return(env: FiniteMDP, reward: AbstractReward, start: int) -> float | None:
    """What the best way to the goal pays, if the likeliest way gets there."""
    goal, terminal = np.asarray(env.goal), np.asarray(env.terminal)
    paid = expected_reward(env, reward)
    harmful = jnp.asarray((terminal & ~goal)[np.asarray(env.successor)])
    risk = jnp.sum(jnp.where(harmful, env.probability, 0.0), axis=-1)
    # A fine and a prize beyond all that can be earned on the way.
    arrive = jnp.asarray(goal[np.asarray(env.successor)])
    prize = jnp.sum(jnp.where(arrive, env.probability, 0.0), axis=-1)
    bound = 1e3 * env.n_states * (1.0 + jnp.max(jnp.abs(paid)))
    shifted = paid + bound * (prize - risk)
    shifted = jnp.where(env.terminal[:, None], 0.0, shifted)
    near = eqx.tree_at(
        lambda world: world.discount, env, jnp.minimum(env.discount, 0.999)
    )
    found = plan(near, TabularReward(shifted), throw=False)
    actions = np.argmax(np.asarray(found.q), axis=-1)
    path = follow_policy(env, actions, start, env.n_states + 1)
    return replay(env, reward, path)[0] if goal[path.states[-1]] else None
