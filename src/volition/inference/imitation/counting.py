"""Behaviour cloning in finite worlds: counting."""

import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.inference.expected import expect_behaviour
from volition.inference.irl.demonstrations import check_demonstrations
from volition.policy import Segment, Tabular


def tabular_cloning(
    env: FiniteMDP, demonstrations: Segment, *, pseudo_count: float = 1.0
) -> Tabular:
    """The policy that does in each state what was done there, as often.

    `pi(a|s) = (n(s, a) + c) / sum over b of (n(s, b) + c)`, the mean of a Dirichlet
    posterior whose prior has seen every action `c` times; without prior, the policy of
    greatest likelihood, uniform where nothing was demonstrated.

    Args:
        env: the finite world.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        pseudo_count: `c`, steps, at least 0.

    Raises:
        ValueError: where demonstrations cannot have happened in this world, or the
            pseudo-count is no such number.

    Example:
        >>> import jax
        >>> from volition import env, policy
        >>> world = env.cliff_walking()
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Always(0), n_episodes=2, time_limit=4
        ... )
        >>> cloned = tabular_cloning(world, made, pseudo_count=0.0)
        >>> cloned.probabilities[world.reset(jax.random.key(0)).index].tolist()
        [1.0, 0.0, 0.0, 0.0]

    Source: C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section
    2.2.1.
    """
    expect_behaviour(env, demonstrations, "tabular_cloning", finite=True)
    if not np.isfinite(pseudo_count) or pseudo_count < 0:
        raise ValueError(
            f"pseudo_count = {pseudo_count} is a number of steps, at least 0."
        )
    check_demonstrations(env, demonstrations)
    made = np.asarray(demonstrations.weight) > 0
    state = np.asarray(demonstrations.transition.state.index)[made]
    action = np.asarray(demonstrations.transition.action)[made]
    counts = np.full((env.n_states, env.n_actions), float(pseudo_count))
    np.add.at(counts, (state, action), 1.0)
    # Nothing was seen and nothing assumed: every action alike.
    counts[counts.sum(axis=1) == 0] = 1.0
    return Tabular(jnp.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=float))
