"""f-IRL: a reward of the state under which states are visited as by an expert."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float

from volition.env import FiniteMDP
from volition.inference.expected import expect_behaviour
from volition.inference.irl.demonstrations import check_demonstrations
from volition.inference.irl.units import parameter_units
from volition.inference.precision import in_64_bits
from volition.policy import Segment
from volition.reward import AbstractReward, Tabular
from volition.value import expected_reward, induction, state_distribution

DIVERGENCES = ("forward", "reverse", "jensen-shannon")


class StatesMatched(eqx.Module):
    """A reward, and how far the states that it leads to are those demonstrated.

    Args:
        reward: what was found.
        policies: that it leads to, `[time, state, action]`.
        demonstrated: share of the steps that begin in each state, `[state]`.
        visits: the same of the policies.
        divergence: of the two, nats.
        n_steps: of the search.
        converged: whether it came to where the divergence has no slope.
        message: how it went, in a sentence.
    """

    reward: AbstractReward
    policies: Float[Array, "time state action"]
    demonstrated: Float[np.ndarray, " state"]
    visits: Float[np.ndarray, " state"]
    divergence: float
    n_steps: int = eqx.field(static=True)
    converged: bool = eqx.field(static=True)
    message: str = eqx.field(static=True)


@in_64_bits
def f_irl(
    env: FiniteMDP,
    demonstrations: Segment | Float[ArrayLike, " state"],
    reward: AbstractReward | None = None,
    *,
    horizon: int,
    divergence: str = "forward",
    penalty: float = 1e-3,
    smoothing: float = 1e-3,
    tolerance: float = 1e-5,
    max_steps: int = 1000,
) -> StatesMatched:
    """The reward whose soft policy visits states as often as they were demonstrated.

    `min over r of D(rho_expert || rho_r) + penalty |r|^2 / 2`, with `rho` the share of
    the first `horizon` steps that begin in each state (behind an end, in that end), and
    `D` the Kullback-Leibler divergence of the expert from the policy (`"forward"`: go
    everywhere that the expert goes), of the policy from the expert (`"reverse"`: go
    nowhere else), or that of Jensen and Shannon. No action need be known, and none
    counts: where `max_causal_entropy` makes what was done likely, this makes it as
    frequent. L-BFGS, the slope taken through planning and going forward, in 64 bits;
    `|r|` is of the parameters times the largest value of their features, so that no
    unit of a feature counts.

    Args:
        env: the finite world, without its reward. Its discount applies to planning.
        demonstrations: whole episodes, `[demonstration, time]`, see `policy.episodes`,
            or shares of the states, `[state]`.
        reward: its form; `Tabular` of the state if left out. Its parameters are where
            the search begins; it need not be the only minimum.
        horizon: steps, at least 1; demonstrations have as many, or end before.
        divergence: `"forward"`, `"reverse"` or `"jensen-shannon"`.
        penalty: weight of the squared parameters, nats, at least 0. Many rewards lead
            to the same states: of those it takes the smallest.
        smoothing: of `"reverse"` alone: share of the expert's visits that is spread
            over all states, in `(0, 1)`, without which to go where the expert never
            went would be infinitely bad.
        tolerance: slope at which it stops, nats per reward unit.
        max_steps: of the search.

    Raises:
        ValueError: where a number or name is out of range, demonstrations cannot
            have happened, are of another length, or are windows.

    Example:
        >>> from volition import env
        >>> world = env.gridworld(["S..."], discount=0.9)
        >>> found = f_irl(world, np.array([0.25, 0.25, 0.25, 0.25]), horizon=4)
        >>> int(jnp.argmax(found.reward.values))
        3

    Source: T. Ni et al., "f-IRL: Inverse Reinforcement Learning via State Marginal
    Matching", CoRL 2020, arXiv 2011.04709, theorem 4.1. Differs: exact, in finite
    worlds, also where they are not deterministic, and by a quasi-Newton method; the
    slope is that of their theorem where both apply.
    """
    expect_behaviour(env, demonstrations, "f_irl", finite=True, reward=reward)
    _check(horizon, divergence, penalty, smoothing)
    expert = _shares(env, demonstrations, horizon)
    form = Tabular(jnp.zeros(env.n_states)) if reward is None else reward
    learned, fixed = eqx.partition(form, form.learned())
    start, unravel = ravel_pytree(learned)
    unit = parameter_units(env, form)
    told = jnp.asarray(expert, dtype=float)
    if divergence == "reverse":
        told = (1.0 - smoothing) * told + smoothing / env.n_states

    def look(point: np.ndarray) -> tuple[float, np.ndarray]:
        at = jnp.asarray(point / unit, dtype=start.dtype)
        loss, slope = look_at(at, unravel, fixed, env, told, horizon, divergence)
        loss = float(loss) + 0.5 * penalty * float(point @ point)
        slope = np.asarray(slope, dtype=float) / unit + penalty * point
        if not (np.isfinite(loss) and np.isfinite(slope).all()):
            return np.finfo(float).max, np.zeros_like(slope)  # a wall to turn back from
        return loss, slope

    found = scipy.optimize.minimize(
        look,
        np.asarray(start, dtype=float) * unit,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_steps, "gtol": tolerance, "ftol": 0.0},
    )
    point = jnp.asarray(found.x / unit, dtype=start.dtype)
    policies, visits = acted(point, unravel, fixed, env, horizon)
    steepest = float(np.abs(found.jac).max())
    left = float(found.fun) - 0.5 * penalty * float(found.x @ found.x)
    finite = bool(found.fun < np.finfo(float).max)
    left = left if finite else np.inf
    converged = finite and steepest <= 10.0 * tolerance
    message = (
        f"States are visited with a {divergence} divergence of {left:.3g} nats from "
        f"the demonstrations, at a slope of {steepest:.2g} after {found.nit} steps, "
        f"where {10.0 * tolerance:.2g} count as its end"
    )
    message += "." if converged else ": raise max_steps, or the penalty."
    if not finite:
        message = (
            "The divergence is not finite where the search began: begin elsewhere, "
            "with another reward."
        )
    return StatesMatched(
        eqx.combine(unravel(point), fixed),
        policies,
        expert,
        np.asarray(visits),
        left,
        int(found.nit),
        converged,
        message,
    )


@eqx.filter_jit
def acted(
    point: Float[Array, " parameter"], unravel, fixed, env: FiniteMDP, horizon: int
) -> tuple[Float[Array, "time state action"], Float[Array, " state"]]:
    """The soft policies of a reward, and the shares of the states that they visit."""
    paid = expected_reward(env, eqx.combine(unravel(point), fixed))
    policies = induction(env, paid, horizon, temperature=1.0).policies
    return policies, jnp.mean(state_distribution(env, policies)[:-1], axis=0)


@eqx.filter_jit
def look_at(
    point: Float[Array, " parameter"],
    unravel,
    fixed,
    env: FiniteMDP,
    expert: Float[Array, " state"],
    horizon: int,
    divergence: str,
) -> tuple[Float[Array, ""], Float[Array, " parameter"]]:
    """The divergence at a point, and its slope."""

    def loss(point):
        _, own = acted(point, unravel, fixed, env, horizon)
        if divergence == "forward":
            return _relative_entropy(expert, own)
        if divergence == "reverse":
            return _relative_entropy(own, expert)
        # The paper's f(u) = u log u - (1 + u) log((1 + u) / 2).
        middle = 0.5 * (own + expert)
        return _relative_entropy(expert, middle) + _relative_entropy(own, middle)

    return jax.value_and_grad(loss)(point)


def _relative_entropy(
    p: Float[Array, " state"], q: Float[Array, " state"]
) -> Float[Array, ""]:
    """`sum p log(p / q)`, where 0 log 0 = 0."""
    there = p > 0
    # Behind both branches, as the slope of the one not taken counts, too.
    own, other = jnp.where(there, p, 1.0), jnp.where(there, q, 1.0)
    return jnp.sum(jnp.where(there, own * (jnp.log(own) - jnp.log(other)), 0.0))


def _check(horizon: int, divergence: str, penalty: float, smoothing: float) -> None:
    if divergence not in DIVERGENCES:
        raise ValueError(f"divergence = {divergence!r} must be one of {DIVERGENCES}.")
    if horizon < 1 or not penalty >= 0.0 or not 0.0 < smoothing < 1.0:
        raise ValueError(
            f"horizon = {horizon} is at least 1, penalty = {penalty} at least 0, and "
            f"smoothing = {smoothing} in (0, 1)."
        )


def _shares(
    env: FiniteMDP, demonstrations: Segment | ArrayLike, horizon: int
) -> Float[np.ndarray, " state"]:
    """Share of the steps that begin in each state, checked."""
    if not isinstance(demonstrations, Segment):
        shares = np.asarray(demonstrations, dtype=float)
        right = shares.shape == (env.n_states,) and np.isfinite(shares).all()
        if not right or shares.min() < 0 or not abs(shares.sum() - 1.0) < 1e-6:
            raise ValueError(
                f"shares of the states are [state], ({env.n_states},), at least 0, and "
                f"sum to 1; these are of shape {shares.shape}."
            )
        return shares
    check_demonstrations(env, demonstrations)
    made = np.asarray(demonstrations.weight) > 0
    n_steps = made.sum(axis=1)
    ended = np.asarray(demonstrations.transition.terminated)[:, -1].astype(bool)
    wrong = (n_steps > horizon) | (~ended & (n_steps != horizon))
    if wrong.any():
        which = int(np.argmax(wrong))
        raise ValueError(
            f"demonstration {which} has {int(n_steps[which])} steps, where the horizon "
            f"is {horizon}: give paths of that length, or that end before."
        )
    counts = np.zeros(env.n_states)
    np.add.at(counts, np.asarray(demonstrations.transition.state.index)[made], 1.0)
    # Behind an end, in that end.
    last = np.asarray(demonstrations.transition.next_state.index)[:, -1]
    np.add.at(counts, last, (horizon - n_steps).astype(float))
    return counts / counts.sum()
