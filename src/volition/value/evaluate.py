"""The value of a given policy in a finite MDP, and where it spends its time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from volition.env import FiniteMDP

# Up to here a dense factorisation (S^3 / 3 multiplications) is quicker than a Krylov
# method on sparse rows; measured on random MDPs with 10 successors.
DENSE_STATES = 600


def evaluate_policy(
    mdp: FiniteMDP,
    policy: Float[Array, "state action"],
    reward: Float[Array, "state action"],
) -> Float[Array, " state"]:
    """The value of each state under a policy: solves `v = r_pi + discount P_pi v`.

    Differentiable in `reward`. With a discount of 1 the policy must end from
    everywhere, else the equation has no solution.

    Args:
        mdp: the world.
        policy: probability of each action, `[state, action]`.
        reward: as `expected_reward` gives it, `[state, action]`.

    Returns:
        Reward units, `[state]`; 0 in terminal states.

    Example:
        >>> from volition import env, reward, value
        >>> world = env.delivery()
        >>> r = value.expected_reward(world, reward.delivery_true())
        >>> v = evaluate_policy(world, jnp.full((100, 4), 0.25), r)
        >>> round(float(v @ world.initial), 3)  # uniform random: -71.257
        -71.257
    """
    n_states = mdp.n_states
    weights = (policy[:, :, None] * mdp.probability).reshape(n_states, -1)
    successor = mdp.successor.reshape(n_states, -1)
    paid = jnp.sum(policy * reward, axis=-1)
    return solve_rows(mdp, successor, weights, paid, jnp.zeros_like(paid))


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
        ahead = v.at[successor].get(mode="promise_in_bounds")
        return v - jnp.sum(open_weights * ahead, axis=-1)

    return jax.lax.custom_linear_solve(
        apply,
        paid,
        solve=lambda operator, b: _krylov(operator, b, guess),
        transpose_solve=lambda operator, b: _krylov(operator, b, jnp.zeros_like(b)),
    )


def _krylov(
    operator: Callable[[Array], Array],
    b: Float[Array, " state"],
    guess: Float[Array, " state"],
) -> Float[Array, " state"]:
    """BiCGSTAB, then plain sweeps until the residual is at rounding.

    The sweeps converge for every substochastic matrix; the Krylov method, which may
    break down, only brings them close to the end.
    """
    eps = jnp.finfo(b.dtype).eps
    x, _ = jax.scipy.sparse.linalg.bicgstab(
        operator, b, x0=guess, tol=float(eps) ** 0.75, maxiter=200
    )
    usable = jnp.all(jnp.isfinite(x))
    x = jnp.where(usable, x, guess)

    def residual(x):
        return b - operator(x)

    def unfinished(carry):
        x, left, count = carry
        # The rounding of one product is about eps times the largest value in it.
        floor = 16 * eps * (jnp.max(jnp.abs(b)) + jnp.max(jnp.abs(x)))
        return (jnp.max(jnp.abs(left)) > floor) & (count < 100_000)

    def sweep(carry):
        x, left, count = carry
        x = x + left
        return x, residual(x), count + 1

    x, _, _ = jax.lax.while_loop(
        unfinished, sweep, (x, residual(x), jnp.zeros((), dtype=jnp.int32))
    )
    return x


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
        Steps, `[state, action]`; sums to `1 / (1 - discount)` where nothing ends.

    Example:
        >>> from volition import env
        >>> d = occupancy(env.delivery(discount=0.9), jnp.full((100, 4), 0.25))
        >>> bool(d.sum() < 10.0)
        True
    """

    # The mean return is linear in the reward, and this is its slope.
    def mean_return(reward):
        return jnp.sum(mdp.initial * evaluate_policy(mdp, policy, reward))

    return jax.grad(mean_return)(jnp.zeros_like(policy))


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
