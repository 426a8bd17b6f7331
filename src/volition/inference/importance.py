"""Draws by importance: one program that is fast enough for an answer at a time."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition.inference.map import AbstractMethod, expected_curvature
from volition.inference.posterior import AbstractBelief, Result, Weighted
from volition.inference.problem import Free, Problem

# Of Student's t: heavier tails than a posterior's, as a proposal must have, and still a
# finite variance. A. B. Owen, "Monte Carlo theory, methods and examples", section 9.1.
DEGREES = 5.0
MAX_STEPS = 50  # of Newton's method, which takes 5 to 10
# Above it the mean of the weights cannot be trusted: Vehtari et al., section 3.2.
WORST_SHAPE = 0.7


class Importance(AbstractMethod):
    """Draws around the maximum, weighed by how much too rarely they are drawn.

    `w_i = p(x_i, answers) / q(x_i)`, with `q` a Student's t with the mode and the
    curvature of the posterior (`Laplace`). Right where `Laplace` is not quite: flat
    sides and bends. From the maximum to the draws it is one program, so that after each
    answer it takes milliseconds; warm-started where the reward given is the last mean.

    It finds one maximum. Where draws that it made are not where the posterior is, the
    largest weights say so: `n_effective` is small and the shape of their tail above
    0.7, and it has not converged. What no draw came near it cannot know: with a planner
    in the likelihood prefer `NUTS` from several starts.

    Args:
        n_draws: how many; with few parameters about two thirds are effective.

    Source: A. B. Owen, section 9.1 and 9.3 (weights, effective draws); A. Vehtari et
    al., "Pareto smoothed importance sampling", JMLR 2024 (shape of the tail). Differs:
    the weights are not smoothed; expected for observed curvature.
    """

    n_draws: int = eqx.field(static=True, default=4000)

    def __check_init__(self):
        if self.n_draws < 100:
            raise ValueError(
                f"n_draws = {self.n_draws} must be at least 100, to judge the weights."
            )

    def run(
        self, key: PRNGKeyArray, problem: Problem
    ) -> tuple[Free, AbstractBelief, Result]:
        """Maximise, draw, weigh."""
        mode, draws, weights, found = draw_and_weigh(key, problem, self.n_draws)
        n_effective, shape, slope, best = (float(one) for one in found)
        converged = n_effective >= 100.0 and shape < WORST_SHAPE
        message = (
            f"{n_effective:.0f} of {self.n_draws} draws are effective, the tail of "
            f"their weights has shape {shape:.2f}."
        )
        diagnostics = {"n_effective": n_effective, "shape": shape, "slope": slope}
        result = Result(converged, message, best, diagnostics)
        return mode, Weighted(draws, weights), result


@eqx.filter_jit
def draw_and_weigh(
    key: PRNGKeyArray, problem: Problem, n_draws: int
) -> tuple[
    Free,
    Float[Array, "draw free"],
    Float[Array, " draw"],
    tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""], Float[Array, ""]],
]:
    """The mode, draws, their weights (sum 1), and how good they are.

    Returns:
        Last: effective draws, shape of the tail, slope at the mode in units of the
        posterior, log-density at the mode.
    """
    mode, precision, slope = newton(problem, problem.start)
    # Of x = mode + root z with precision = L L^T, root = L^-T.
    lower = jnp.linalg.cholesky(precision)
    n_free = mode.shape[0]
    normal_key, scale_key = jax.random.split(key)
    shape = (n_draws, n_free)
    normal = jax.random.normal(normal_key, shape, dtype=mode.dtype)
    chi_squared = 2.0 * jax.random.gamma(
        scale_key, 0.5 * DEGREES, (n_draws,), dtype=mode.dtype
    )
    z = normal * jnp.sqrt(DEGREES / chi_squared)[:, None]
    draws = mode[None] + jax.scipy.linalg.solve_triangular(lower.T, z.T, lower=False).T
    log_proposal = (
        -0.5 * (DEGREES + n_free) * jnp.log1p(jnp.sum(jnp.square(z), axis=1) / DEGREES)
    )
    log_weights = jax.vmap(problem.log_density)(draws) - log_proposal
    # A draw at which the density is not a number is a draw of density 0.
    log_weights = jnp.where(jnp.isnan(log_weights), -jnp.inf, log_weights)
    weights = jax.nn.softmax(log_weights)
    n_effective = 1.0 / jnp.sum(jnp.square(weights))
    return (
        mode,
        draws,
        weights,
        (n_effective, tail_shape(weights), slope, problem.log_density(mode)),
    )


def newton(
    problem: Problem, start: Free
) -> tuple[Free, Float[Array, "free free"], Float[Array, ""]]:
    """The nearest maximum by Fisher scoring, in one program.

    Steps are `curvature^-1 slope`, the best of doubled, whole and halved ones; it ends
    where none is better.

    Args:
        problem: what is maximised.
        start: where the search begins.

    Returns:
        The mode, the expected curvature there, and the slope that is left, in units of
        the posterior: `sqrt(slope^T curvature^-1 slope)`.
    """
    lengths = 2.0 ** jnp.arange(1, -9, -1, dtype=start.dtype)

    def direction(free: Free):
        slope = jax.grad(problem.log_density)(free)
        curvature = expected_curvature(problem, free)
        return jnp.linalg.solve(curvature, slope), slope, curvature

    def step(carry):
        free, value, n_steps, _ = carry
        ahead, _, _ = direction(free)
        points = free[None] + lengths[:, None] * ahead[None]
        values = jax.vmap(problem.log_density)(points)
        values = jnp.where(jnp.isnan(values), -jnp.inf, values)
        best = jnp.argmax(values)
        # A gain below rounding is none.
        better = values[best] - value > 1e-12 * (1.0 + jnp.abs(value))
        free = jnp.where(better, points[best], free)
        return free, jnp.where(better, values[best], value), n_steps + 1, better

    def goes_on(carry):
        _, _, n_steps, better = carry
        return better & (n_steps < MAX_STEPS)

    begin = (start, problem.log_density(start), jnp.int32(0), jnp.asarray(True))
    mode, _, _, _ = jax.lax.while_loop(goes_on, step, begin)
    ahead, slope, curvature = direction(mode)
    return mode, curvature, jnp.sqrt(jnp.maximum(slope @ ahead, 0.0))


def tail_shape(weights: Float[Array, " draw"]) -> Float[Array, ""]:
    """The shape of the generalised Pareto distribution of the largest weights.

    Weights have a finite variance below 0.5; above 0.7 their mean cannot be trusted.

    Args:
        weights: at least 0, at least a hundred of them.

    Source: J. Zhang, M. A. Stephens, "A new and efficient estimation method for the
    generalized Pareto distribution", Technometrics 2009, section 3; number of weights
    and the pull towards 0.5 as in A. Vehtari et al., JMLR 2024, section 2 and appendix
    C.
    """
    n_draws = weights.shape[0]
    n_tail = int(min(0.2 * n_draws, 3.0 * n_draws**0.5))
    largest = jnp.sort(weights)[-n_tail - 1 :]
    beyond = largest[1:] - largest[0]
    alike = beyond[-1] <= 0.0
    beyond = jnp.where(alike, jnp.ones_like(beyond), beyond)
    n_points = 30 + int(n_tail**0.5)
    quarter = jnp.maximum(beyond[int(n_tail / 4 + 0.5) - 1], 1e-300)
    point = jnp.arange(1, n_points + 1, dtype=weights.dtype) - 0.5
    theta = 1.0 / beyond[-1] + (1.0 - jnp.sqrt(n_points / point)) / (3.0 * quarter)

    def shape_at(theta: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.mean(jnp.log1p(-theta * beyond))

    shape = jax.vmap(shape_at)(theta)
    log_profile = n_tail * (jnp.log(-theta / shape) - shape - 1.0)
    mean_theta = jnp.sum(jax.nn.softmax(log_profile) * theta)
    found = (n_tail * shape_at(mean_theta) + 10.0 * 0.5) / (n_tail + 10.0)
    return jnp.where(alike, -jnp.inf, found)
