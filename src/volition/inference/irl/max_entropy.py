"""Maximum entropy over paths: as if people could choose their luck as well."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, ArrayLike, Float

from volition.env import FiniteMDP
from volition.inference.expected import expect_behaviour
from volition.reward import Tabular
from volition.value.bellman import look_up, soft_maximum


def max_entropy(
    env: FiniteMDP,
    visits: Float[ArrayLike, " state"],
    horizon: int,
    *,
    tolerance: float = 1e-3,
    max_steps: int = 2000,
) -> tuple[Tabular, float]:
    """The reward of the state under which paths are as likely as what they pay.

    `P(path) ~ prod of P(s'|s,a) * exp(sum of r)`, with one normaliser over all paths
    from a start, so that the expected visits of paths so drawn are those demonstrated.
    In a world without chance this is `max_causal_entropy`; elsewhere a path of good
    luck counts as one that was chosen, so that the reward is of people who can bend
    their luck: the peers' libraries have it, and it is here to be compared with.

    Args:
        env: the finite world; not discounted, as a path is one choice.
        visits: how often the demonstrations act in each state, steps, `[state]`.
        horizon: steps of each path, at least 1.
        tolerance: largest difference in visits at which it stops, steps.
        max_steps: of the search.

    Returns:
        The reward, and the largest difference in visits that is left, steps.

    Raises:
        ValueError: for a discount, a horizon below 1, or visits of another shape.

    Example:
        >>> from volition import env
        >>> world = env.gridworld(["S.G"], discount=1.0)
        >>> reward, gap = max_entropy(world, jnp.array([1.5, 1.0, 0.0]), 4)
        >>> gap < 1e-3
        True

    Source: B. D. Ziebart et al., "Maximum entropy inverse reinforcement learning", AAAI
    2008, equations 4 and 6. Differs: the normaliser is exact over the horizon, and the
    search is L-BFGS.
    """
    expect_behaviour(env, None, "max_entropy", finite=True)
    demonstrated = np.asarray(visits, dtype=float)
    if horizon < 1 or demonstrated.shape != (env.n_states,):
        raise ValueError(
            f"give a horizon of at least 1, not {horizon}, and visits of "
            f"{env.n_states} states, not of shape {demonstrated.shape}."
        )
    if float(env.discount) != 1.0:
        raise ValueError(
            f"the world discounts by {float(env.discount):g}, where a path is one "
            "choice: give it a discount of 1, or take max_causal_entropy."
        )
    target = jnp.asarray(demonstrated)

    @jax.jit
    def look(values: Array) -> tuple[Array, Array]:
        normaliser, found = jax.value_and_grad(log_normaliser, 1)(env, values, horizon)
        return normaliser - values @ target, found - target

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = look(jnp.asarray(point))
        return float(value), np.asarray(slope, dtype=float)

    found = scipy.optimize.minimize(
        loss,
        np.zeros(env.n_states),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_steps,
            "maxfun": 2 * max_steps,
            "ftol": 0.0,
            "gtol": tolerance,
        },
    )
    gap = float(np.abs(loss(found.x)[1]).max())
    return Tabular(jnp.asarray(found.x)), gap


def log_normaliser(
    env: FiniteMDP, values: Float[Array, " state"], horizon: int
) -> Float[Array, ""]:
    """Of all paths from the world's starts; its slope is the expected visits.

    Args:
        env: the finite world.
        values: reward of each state that is acted in, nats, `[state]`.
        horizon: steps of each path.
    """
    possible = env.probability > 0
    logs = jnp.log(jnp.where(possible, env.probability, 1.0))
    paid = jnp.where(env.terminal, 0.0, values)[:, None]

    def one(ahead: Array, _: None) -> tuple[Array, None]:
        led = jnp.where(possible, logs + look_up(ahead, env.successor), -jnp.inf)
        q = paid + jax.nn.logsumexp(led, axis=-1)
        return jnp.where(env.terminal, 0.0, soft_maximum(q, 1.0)), None

    last = jnp.zeros_like(values)
    value, _ = jax.lax.scan(one, last, None, length=horizon)
    return jnp.sum(env.initial * value)
