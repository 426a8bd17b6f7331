"""Maximum causal entropy: the reward under which what was done is most likely."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float

from volition.env import FiniteMDP
from volition.inference.expected import expect_behaviour
from volition.inference.irl.ambiguity import Ambiguity, left_open
from volition.inference.irl.compared import (
    Demonstrated,
    check_ends,
    compared,
    expected_visits,
    of_paths,
    of_visits,
)
from volition.inference.irl.demonstrations import check_demonstrations
from volition.inference.irl.units import parameter_units
from volition.inference.precision import in_64_bits
from volition.policy import Segment
from volition.reward import AbstractReward, Tabular
from volition.value import (
    SoftValueIteration,
    backup,
    expected_reward,
    induction,
    optimal_value,
    state_distribution,
)

Progress = Callable[[int, float], object]  # told of steps made, and the gap


class Matched(eqx.Module):
    """A reward, and how far acting by it is like what was demonstrated.

    Args:
        reward: what was found.
        policies: that it leads to, `[time, state, action]`, or `[state, action]`
            without a horizon.
        demonstrated: discounted time that the demonstrations act in each state, steps,
            `[state]`.
        visits: the same of the policies, for as long as demonstrations were recorded.
        gap: the largest difference between the two, steps; infinite where acting by the
            reward takes for ever.
        n_steps: of the search.
        converged: whether the search came to its end, and differences in visits are
            within the tolerance, or within what chance explains of so many
            demonstrations (in one fit of a thousand they are not); with a penalty,
            whether the search came to its end.
        message: how it went, in a sentence, with what the gap is measured against.
        env: the world, begun where the demonstrations did.
        horizon: steps for which was planned, where time runs out.
    """

    reward: AbstractReward
    policies: Float[Array, "*time state action"]
    demonstrated: Float[np.ndarray, " state"]
    visits: Float[np.ndarray, " state"]
    gap: float
    n_steps: int = eqx.field(static=True)
    converged: bool = eqx.field(static=True)
    message: str = eqx.field(static=True)
    env: FiniteMDP
    horizon: int | None = eqx.field(static=True)

    def unidentified(self) -> Ambiguity:
        """What the demonstrations leave open of the reward, with a sentence.

        No number of demonstrations tells it. Of states in which nobody acted, which the
        sentence counts, these tell but that they were not gone to.
        """
        told = in_64_bits(left_open)(self.env, self.reward, self.horizon)
        unseen = ~np.asarray(self.env.terminal) & (self.demonstrated == 0)
        if not unseen.any():
            return told
        sentence = (
            f"{told.sentence} In {int(unseen.sum())} of {len(unseen)} states, such as "
            f"state {int(np.argmax(unseen))}, nothing was demonstrated: what these pay "
            "is a guess."
        )
        return Ambiguity(told.n_open, told.directions, sentence)


class _Evidence(eqx.Module):
    """What was demonstrated: expected visits, or every step of several paths."""

    visits: Float[Array, "state action"] | None
    paths: Segment | None


@in_64_bits
def max_causal_entropy(
    env: FiniteMDP,
    demonstrations: Segment | Float[ArrayLike, "state action"],
    reward: AbstractReward | None = None,
    *,
    horizon: int | None = None,
    penalty: float = 0.0,
    tolerance: float = 1e-3,
    max_steps: int = 2000,
    progress: Progress | None = None,
) -> Matched:
    """The reward whose soft-optimal policy is most like what was demonstrated.

    Of paths, the reward that makes their actions most likely,
    `max over r of mean over paths, sum over t of discount^t log pi_t(a_t | s_t; r)`,
    the policy being soft-optimal for `r`: that of greatest causal entropy which earns
    as much. Of expected visits (of an expert whose policy is known), the reward under
    which the policy visits as much. The two are the same where paths are many; of few
    paths with chance in them, visits can be such as no policy has, and then only the
    likelihood has a maximum.

    L-BFGS; the slope is found by planning once and going forward once. Convex where the
    reward is linear in what is learned of it. It is computed in 64 bits, and does not
    depend on the unit of a feature.

    Demonstrations may be cut off by a time limit, which is no end: the likelihood is of
    the steps that were made, and visits are compared for as long as was recorded. With
    a horizon all are of its length, or end before.

    Args:
        env: the finite world, without its reward. Its discount applies.
        demonstrations: whole episodes, `[demonstration, time]`, see `policy.episodes`,
            or how much discounted time is spent on each state and action, steps.
        reward: its form, of a state, an action, the next state, features, or a network;
            `Tabular` of the state if left out. Its parameters are where the search
            begins.
        horizon: for how many steps the demonstrators planned; left out, as if there
            were no end of time, which needs a discount below 1 where nothing ends.
        penalty: half of it for each squared parameter times the largest value of its
            feature (of a table, squared reward), nats, at least 0. Without it
            what was never done is worth as little as the search has time for; with a
            little, what was never seen stays near 0, which a reward needs to be used
            elsewhere (`python -m benchmarks.transfer`).
        tolerance: largest difference in visits, and slope, at which it stops, steps.
        max_steps: of the search.
        progress: called after each step with its number and the gap.

    Returns:
        The reward, with a sentence where its form cannot match the demonstrations.

    Raises:
        ValueError: where demonstrations cannot have happened in this world, are not of
            the horizon's length, or are windows; where features are not finite; where
            the discount is 1 and something never ends, without a horizon.

    Example:
        >>> from volition import env, reward
        >>> from volition.value import occupancy
        >>> world = env.random_mdp(jax.random.key(0), 6, 2, 3, discount=0.8)
        >>> expert = occupancy(world, jnp.full((6, 2), 0.5))
        >>> found = max_causal_entropy(world, expert)
        >>> bool(found.gap < 1e-3)
        True

    Source: B. D. Ziebart, PhD thesis, 2010, algorithm 9.1 and theorem 6.8. Differs: a
    quasi-Newton method in place of gradient steps, sparse worlds, discounts without a
    horizon, and any reward.
    """
    expect_behaviour(
        env, demonstrations, "max_causal_entropy", finite=True, reward=reward
    )
    _check(horizon, penalty)
    form = Tabular(jnp.zeros(env.n_states)) if reward is None else reward
    evidence, told, env = _taken(env, demonstrations, horizon)
    if horizon is None:
        check_ends(env)
    unit = parameter_units(env, form)
    learned, fixed = eqx.partition(form, form.learned())
    start, unravel = ravel_pytree(learned)
    target = jnp.asarray(told.visits)
    # Of the last point that was looked at: L-BFGS mostly goes on from there.
    n_made, last = [0], {}

    def look(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        if (key := point.tobytes()) not in last:
            at = jnp.asarray(point / unit, dtype=start.dtype)
            seen = _look(at, unravel, fixed, env, evidence, target, horizon)
            last.clear()
            loss, slope, gap = seen
            loss = float(loss) + 0.5 * penalty * float(point @ point)
            slope = np.asarray(slope, dtype=float) / unit + penalty * point
            last[key] = _finite(loss, slope, float(gap))
        return last[key]

    def stop(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        n_made[0] += 1
        _, slope, gap = look(intermediate_result.x)
        if progress is not None:
            progress(n_made[0], gap)
        if (penalty > 0.0 or gap <= tolerance) and np.abs(slope).max() <= tolerance:
            raise StopIteration

    found = scipy.optimize.minimize(
        lambda point: look(point)[:2],
        np.asarray(start, dtype=float) * unit,
        jac=True,
        method="L-BFGS-B",
        callback=stop,
        options={
            "maxiter": max_steps,
            "maxfun": 2 * max_steps,
            "maxcor": 20,
            "ftol": 0.0,
            "gtol": 0.0,
        },
    )
    flat = jnp.asarray(found.x / unit, dtype=start.dtype)
    best = eqx.combine(unravel(flat), fixed)
    policies, visits = _acted(env, best, horizon, told)
    visits = np.asarray(visits)
    gap, converged, message = compared(visits, told, tolerance)
    slope = float(np.abs(look(found.x)[1]).max())
    if slope > 10.0 * tolerance and np.isfinite(gap):
        converged = False
        message = _unfinished(n_made[0] >= max_steps, slope, gap)
    elif not converged and penalty > 0.0:
        converged, message = bool(np.isfinite(gap)), _nearly(gap, message)
    return Matched(
        best,
        policies,
        told.visits,
        visits,
        gap,
        n_made[0],
        converged,
        message,
        env,
        horizon,
    )


def _check(horizon: int | None, penalty: float) -> None:
    if (horizon is not None and horizon < 1) or not penalty >= 0.0:
        raise ValueError(
            f"horizon = {horizon} must be at least one step, and penalty = {penalty} "
            "at least 0."
        )


def _finite(
    loss: float, slope: np.ndarray, gap: float
) -> tuple[float, np.ndarray, float]:
    """What a search can go on from: where planning overflows, a wall."""
    if np.isfinite(loss) and np.isfinite(slope).all():
        return loss, slope, gap if np.isfinite(gap) else np.inf
    return np.finfo(float).max, np.zeros_like(slope), np.inf


def _nearly(gap: float, otherwise: str) -> str:
    if not np.isfinite(gap):
        return otherwise
    return (
        "The reward acts nearly as was demonstrated: visits differ by at most "
        f"{gap:.2g} steps; a smaller penalty would match them better."
    )


def _unfinished(limited: bool, slope: float, gap: float) -> str:
    where = f"at a slope of {slope:.2g}, where visits differ by {gap:.2g} steps"
    if limited:
        return f"The search stopped at its limit {where}: raise max_steps."
    return (
        f"The search found no further way down {where}: begin elsewhere, with another "
        "reward."
    )


def _taken(
    env: FiniteMDP, demonstrations: Segment | ArrayLike, horizon: int | None
) -> tuple[_Evidence, Demonstrated, FiniteMDP]:
    """The evidence, what it comes to, and the world as it begins."""
    if not isinstance(demonstrations, Segment):
        visits = np.asarray(demonstrations, dtype=float)
        if visits.shape != (env.n_states, env.n_actions):
            raise ValueError(
                f"visits are [state, action], {(env.n_states, env.n_actions)}, not of "
                f"shape {visits.shape}."
            )
        if not np.isfinite(visits).all() or visits.min() < 0 or visits.sum() == 0:
            raise ValueError("visits must be finite, not negative, and not all 0.")
        return _Evidence(jnp.asarray(visits), None), of_visits(visits.sum(axis=1)), env
    check_demonstrations(env, demonstrations)
    taken = np.asarray(demonstrations.weight) > 0
    ended = np.asarray(demonstrations.transition.terminated)[:, -1].astype(bool)
    if horizon is not None:
        short = ~ended & (taken.sum(axis=1) != horizon)
        if short.any() or taken.sum(axis=1).max() > horizon:
            which = int(np.argmax(short | (taken.sum(axis=1) > horizon)))
            raise ValueError(
                f"demonstration {which} has {int(taken[which].sum())} steps and no "
                f"end, where the horizon is {horizon}: give paths of that length, or "
                "that end."
            )
    n = len(taken)
    starts = np.asarray(demonstrations.transition.state.index)[:, 0]
    initial = np.bincount(starts, minlength=env.n_states) / n
    begun = eqx.tree_at(lambda world: world.initial, env, jnp.asarray(initial))
    return _Evidence(None, demonstrations), of_paths(env, demonstrations), begun


@eqx.filter_jit
def _look(point, unravel, fixed, env, evidence, target, horizon):
    """Minus the objective, its slope, and the largest difference in visits."""

    def paid_of(point):
        return expected_reward(env, eqx.combine(unravel(point), fixed))

    paid, back = jax.vjp(paid_of, point)
    if evidence.paths is None:
        value_at = lambda paid: _soft_value(env, paid, horizon)
        value, visits = jax.value_and_grad(value_at)(paid)
        loss = value - jnp.sum(evidence.visits * paid)
        slope = visits - evidence.visits
        visited = jnp.sum(visits, axis=1)
    else:
        unlikely = lambda paid: -_log_likelihood(env, paid, evidence.paths, horizon)
        loss, slope = jax.value_and_grad(unlikely)(paid)
        visits = jax.grad(lambda paid: _soft_value(env, paid, horizon))(paid)
        visited = jnp.sum(visits, axis=1)
    (down,) = back(slope.astype(paid.dtype))
    return loss, down, jnp.max(jnp.abs(visited - target))


def _soft_value(
    env: FiniteMDP, paid: Float[Array, "state action"], horizon: int | None
) -> Float[Array, ""]:
    """Of where episodes begin; its slope in the reward is how often each is paid."""
    if horizon is None:
        value = optimal_value(SoftValueIteration(), env, paid)
    else:
        value = induction(env, paid, horizon, temperature=1.0).value[0]
    return jnp.sum(env.initial * value)


def _log_likelihood(
    env: FiniteMDP,
    paid: Float[Array, "state action"],
    paths: Segment,
    horizon: int | None,
) -> Float[Array, ""]:
    """Discounted, mean over paths."""
    state, action = paths.transition.state.index, paths.transition.action
    length = paths.weight.shape[1]
    if horizon is None:
        value = optimal_value(SoftValueIteration(), env, paid)
        each = jax.nn.log_softmax(backup(env, paid, value), axis=-1)[state, action]
    else:
        ahead = induction(env, paid, horizon, temperature=1.0).value[1:]
        q = jax.vmap(lambda value: backup(env, paid, value))(ahead)
        logs = jax.nn.log_softmax(q, axis=-1)
        time = jnp.minimum(jnp.arange(length, dtype=jnp.int32), horizon - 1)
        each = logs[time[None], state, action]
    factor = env.discount ** jnp.arange(length, dtype=each.dtype)
    made = paths.weight > 0
    return jnp.sum(jnp.where(made, each * factor[None], 0.0)) / paths.weight.shape[0]


@eqx.filter_jit
def _acted(
    env: FiniteMDP, reward: AbstractReward, horizon: int | None, told: Demonstrated
) -> tuple[Array, Float[Array, " state"]]:
    """What it leads to, and how much discounted time that acts in each state."""
    if horizon is None:
        policy = SoftValueIteration().solve(env, expected_reward(env, reward)).policy
        observed = jnp.asarray(told.observed), jnp.asarray(told.after)
        spent = expected_visits(env, policy.probabilities, *observed)
        return policy.probabilities, spent
    paid = expected_reward(env, reward)
    policies = induction(env, paid, horizon, temperature=1.0).policies
    mass = state_distribution(env, policies)[:-1]
    acting = jnp.where(env.terminal[None], 0.0, mass)
    factor = env.discount ** jnp.arange(horizon, dtype=mass.dtype)
    return policies, factor @ acting
