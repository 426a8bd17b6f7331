"""The value of a given policy in a finite MDP, and where it spends its time."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from volition.env import FiniteMDP
from volition.value.bellman import look_up
from volition.value.endless import never_ending, visited_for_ever
from volition.value.precision import in_precision, unit_of

# Up to here a dense factorisation (S^3 / 3 multiplications) is quicker than a Krylov
# method on sparse rows; measured on random MDPs with 10 successors.
DENSE_STATES = 600
# Steps of one run of BiCGSTAB: far from the solution of gridworlds with 10^4 states,
# runs of 50 took two to three times the products of long ones, which needed up to 240.
MAX_RUN = 400
MAX_SWEEPS = 100_000


def evaluate_policy(
    mdp: FiniteMDP,
    policy: Float[Array, "state action"],
    reward: Float[Array, "state action"],
) -> Float[Array, " state"]:
    """The value of each state under a policy: solves `v = r_pi + discount P_pi v`.

    Differentiable in `reward`. With a discount of 1 a state from which the policy may
    never end has a finite value only where it is paid nothing for ever.

    Args:
        mdp: the world.
        policy: probability of each action, `[state, action]`.
        reward: as `expected_reward` gives it, `[state, action]`.

    Returns:
        Reward units, `[state]`; 0 in terminal states. At a discount of 1, minus or plus
        infinity where the policy may go on for ever and is paid less or more than 0
        there, and NaN where it is paid both.

    Example:
        >>> from volition import env, reward, value
        >>> world = env.delivery()
        >>> r = value.expected_reward(world, reward.delivery_true())
        >>> v = evaluate_policy(world, jnp.full((100, 4), 0.25), r)
        >>> round(float(v @ world.initial), 3)  # uniform random: -71.257
        -71.257
    """
    mdp = in_precision(mdp, reward.dtype)
    n_states = mdp.n_states
    weights = (policy[:, :, None] * mdp.probability).reshape(n_states, -1)
    successor = mdp.successor.reshape(n_states, -1)
    # What is never done counts for nothing, also where it would cost without end.
    paid = jnp.sum(jnp.where(policy > 0.0, policy * reward, 0.0), axis=-1)
    idle, costs, gains = never_ending(mdp, successor, weights, paid)
    ends = mdp.terminal | idle | costs | gains
    world = eqx.tree_at(lambda one: one.terminal, mdp, ends)
    unit = jax.lax.stop_gradient(unit_of(paid))
    value = solve_rows(world, successor, weights, paid / unit, jnp.zeros_like(paid))
    value = jnp.where(costs, -jnp.inf, value * unit)
    value = jnp.where(gains, jnp.inf, value)
    return jnp.where(costs & gains, jnp.nan, value)


def from_start(mdp: FiniteMDP, value: Float[Array, " state"]) -> Float[Array, ""]:
    """The mean value of where episodes begin; other states count for nothing.

    Args:
        mdp: the world.
        value: of each state, also infinite ones.

    Example:
        >>> from volition import env
        >>> world = env.gridworld(["S.G"])
        >>> float(from_start(world, jnp.array([2.0, -jnp.inf, 0.0])))
        2.0
    """
    initial = mdp.initial.astype(value.dtype)
    return jnp.sum(initial * jnp.where(initial > 0.0, value, 0.0))


def solve_rows(
    mdp: FiniteMDP,
    successor: Int[Array, "state branch"],
    weights: Float[Array, "state branch"],
    paid: Float[Array, " state"],
    guess: Float[Array, " state"],
) -> Float[Array, " state"]:
    """Solve `v[s] = paid[s] + discount * sum over b of weights[s,b] v[successor[s,b]]`.

    Args:
        mdp: where states end and the discount come from.
        successor: where each row leads, `[state, branch]`.
        weights: with which probability, `[state, branch]`.
        paid: reward of each row, `[state]`.
        guess: where an iterative solution begins, `[state]`.

    Returns:
        The solution, 0 in terminal states; linear and differentiable in `paid`.
    """
    paid = jnp.where(mdp.terminal, 0.0, paid)
    open_weights = jnp.where(mdp.terminal[successor], 0.0, weights)
    open_weights = jnp.where(mdp.terminal[:, None], 0.0, open_weights) * mdp.discount
    n_states = mdp.n_states
    if n_states <= DENSE_STATES:
        rows = jnp.arange(n_states)[:, None]
        system = jnp.eye(n_states, dtype=weights.dtype)
        system = system.at[rows, successor].add(-open_weights)
        return jnp.linalg.solve(system, paid)

    def apply(v):
        return v - jnp.sum(open_weights * look_up(v, successor), axis=-1)

    # The rounding of one product is at most this times the largest value in it.
    rounding = (successor.shape[1] + 16) * float(jnp.finfo(paid.dtype).eps)
    return jax.lax.custom_linear_solve(
        apply,
        paid,
        solve=lambda operator, b: _krylov(operator, b, guess, rounding),
        transpose_solve=lambda operator, b: _krylov(
            operator, b, jnp.zeros_like(b), rounding
        ),
    )


def _krylov(
    operator: Callable[[Array], Array],
    b: Float[Array, " state"],
    guess: Float[Array, " state"],
    rounding: float,
) -> Float[Array, " state"]:
    """Runs of BiCGSTAB, each from the true residual, until that is at rounding.

    All relative to a power of two of the size of `b`, so that no square of it is 0.

    Where a run brings little, as the method may break down, more and more plain sweeps
    go before the next one: they converge for every substochastic matrix.
    """

    def sweep(_, carry):
        x, left = carry
        x = x + left
        return x, b - operator(x)

    def unfinished(carry):
        _, left, floor, count, _ = carry
        return (left > floor) & (count < MAX_SWEEPS)

    def run(carry):
        x, before, _, count, n_sweeps = carry
        # The first of these sweeps moves nothing, it finds the residual.
        x, left = jax.lax.fori_loop(0, n_sweeps, sweep, (x, jnp.zeros_like(x)))
        now = jnp.max(jnp.abs(left))
        floor = rounding * (jnp.max(jnp.abs(b)) + jnp.max(jnp.abs(x)))
        more = jnp.where(now < before / 2, 1, jnp.minimum(2 * n_sweeps, 1000))
        x = _bicgstab(operator, x, left, floor)
        return x, now, floor, count + n_sweeps, more

    unit = unit_of(b)
    b, guess = b / unit, guess / unit
    # The worst there is: the first run always happens.
    worst = jnp.full((), jnp.inf, b.dtype)
    start = (guess, worst, jnp.zeros_like(worst), jnp.int32(0), jnp.int32(1))
    return unit * jax.lax.while_loop(unfinished, run, start)[0]


def _bicgstab(
    operator: Callable[[Array], Array],
    x: Float[Array, " state"],
    residual: Float[Array, " state"],
    floor: Float[Array, ""],
) -> Float[Array, " state"]:
    """One run of BiCGSTAB; its best solution, which is never worse than `x`.

    Source: H. A. van der Vorst, "Bi-CGSTAB", SIAM J. Sci. Stat. Comput. 13 (1992),
    631-644. `jax.scipy.sparse.linalg.bicgstab` differs: it stops at a 2-norm, and
    returns its last solution, breakdown or not.
    """

    def unfinished(carry):
        _, _, _, size, _, _, _, count = carry
        # A breakdown makes the size NaN, which ends the run.
        return (size > floor) & (count < MAX_RUN)

    def step(carry):
        best, least, x, _, left, direction, rho, count = carry
        ahead = operator(direction)
        alpha = rho / jnp.vdot(residual, ahead)
        half = left - alpha * ahead
        ahead_half = operator(half)
        omega = jnp.vdot(ahead_half, half) / jnp.vdot(ahead_half, ahead_half)
        x = x + alpha * direction + omega * half
        left = half - omega * ahead_half
        next_rho = jnp.vdot(residual, left)
        beta = next_rho / rho * (alpha / omega)
        direction = left + beta * (direction - omega * ahead)
        size = jnp.max(jnp.abs(left))
        best = jnp.where(size < least, x, best)
        least = jnp.fmin(size, least)
        return best, least, x, size, left, direction, next_rho, count + 1

    size = jnp.max(jnp.abs(residual))
    start = (x, size, x, size, residual, residual, jnp.vdot(residual, residual))
    return jax.lax.while_loop(unfinished, step, (*start, jnp.int32(0)))[0]


def occupancy(
    mdp: FiniteMDP, policy: Float[Array, "state action"]
) -> Float[Array, "state action"]:
    """How much discounted time a policy spends on each state and action.

    `d(s,a) = sum over t of discount^t P(s_t = s, a_t = a)`, from the world's initial
    distribution; time in a terminal state is not counted. For every reward,
    `sum d * r` is the mean return.

    Args:
        mdp: the world.
        policy: probability of each action, `[state, action]`.

    Returns:
        Steps, `[state, action]`; sums to `1 / (1 - discount)` where nothing ends. At a
        discount of 1 it is infinite for what is done for ever.

    Example:
        >>> from volition import env
        >>> d = occupancy(env.delivery(discount=0.9), jnp.full((100, 4), 0.25))
        >>> bool(d.sum() < 10.0)
        True
    """

    mdp = in_precision(mdp, policy.dtype)

    # The mean return is linear in the reward, and this is its slope.
    def mean_return(reward):
        return from_start(mdp, evaluate_policy(mdp, policy, reward))

    visits = jax.grad(mean_return)(jnp.zeros_like(policy))
    n_states = mdp.n_states
    weights = (policy[:, :, None] * mdp.probability).reshape(n_states, -1)
    successor = mdp.successor.reshape(n_states, -1)
    stays = visited_for_ever(mdp, successor, weights)
    return jnp.where(stays[:, None] & (policy > 0.0), jnp.inf, visits)


def state_distribution(
    mdp: FiniteMDP, policies: Float[Array, "time state action"]
) -> Float[Array, "time+1 state"]:
    """Where an episode is at each step, under a policy for each step.

    Args:
        mdp: the world; its terminal states keep what reaches them.
        policies: probability of each action at each step, `[time, state, action]`.

    Returns:
        Probabilities, `[time + 1, state]`; each row sums to 1.
    """

    def one(mass, policy):
        moving = jnp.where(mdp.terminal, 0.0, mass)
        flow = moving[:, None, None] * policy[:, :, None] * mdp.probability
        after = jnp.where(mdp.terminal, mass, 0.0)
        after = after.at[mdp.successor].add(flow)
        return after, after

    _, later = jax.lax.scan(one, mdp.initial, policies)
    return jnp.concatenate([mdp.initial[None], later])
