"""Influence: which answers moved which weight, and by how much."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.inference import Posterior
from volition.inference.problem import Free, Problem


class Influence(eqx.Module):
    """What each piece of evidence did to the most probable weights.

    Args:
        names: of the weights.
        piece: what was left out: the place of an answer in the data set, or the number
            of a cluster, such as a person, `[piece]`.
        moved: the weight minus what it would be without the piece, `[piece, weight]`.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    piece: Int[np.ndarray, " piece"]
    moved: Float[np.ndarray, "piece weight"]

    def most(self, name: str, n_most: int = 5) -> tuple[tuple[int, float], ...]:
        """The pieces that moved a weight most, and by how much, the greatest first.

        Args:
            name: of the weight.
            n_most: how many pieces.

        Raises:
            ValueError: for a name that no weight has.
        """
        if name not in self.names:
            raise ValueError(f"{name!r} is none of the weights {self.names}.")
        moved = self.moved[:, self.names.index(name)]
        order = np.argsort(-np.abs(moved), kind="stable")[:n_most]
        return tuple((int(self.piece[row]), float(moved[row])) for row in order)


def influence(
    posterior: Posterior, clusters: Int[np.ndarray, " capacity"] | None = None
) -> Influence:
    """By how much each answer, or all of each person's, moved every weight.

    Nothing is fitted again: one Newton step leads from the mode to about where it would
    be without them, `(H - H_c)^-1 g_c`, with `g_c` and `H_c` the slope and the
    curvature of their log-likelihood at the mode, and `H` that of the whole density.

    Args:
        posterior: of `MAP` or `Laplace`, at whose mode the slope is 0.
        clusters: what is left out together, a number for each place of the data set,
            such as `answers.person`; each answer by itself if left out.

    Raises:
        ValueError: where there are no answers, or the mode is no maximum.

    Source: R. D. Cook, S. Weisberg, "Residuals and influence in regression", 1982,
    section 5.2, one-step estimates; P. W. Koh, P. Liang, "Understanding black-box
    predictions via influence functions", 2017, equation 1, which has `H^-1 g`. Differs
    from the latter: the curvature that goes with the answers is taken away, too.
    """
    problem, mode = posterior.problem, posterior.mode
    there = np.flatnonzero(np.asarray(problem.answers.present))
    if len(there) == 0:
        raise ValueError("there are no answers yet, so none moved anything: ask first.")
    each_slope, each_bend, whole = (
        np.asarray(part) for part in _slopes_and_curvatures(problem, mode)
    )
    if not np.linalg.eigvalsh(whole)[0] > 0.0:
        raise ValueError(
            "the mode is no maximum of the density, so that no step leads from it: fit "
            "with Laplace or MAP, from more starts."
        )
    if clusters is None:
        names, place = there, np.arange(len(there))
    else:
        names, place = np.unique(np.asarray(clusters)[there], return_inverse=True)
    n_free = len(mode)
    slope, bend = np.zeros((len(names), n_free)), np.zeros((len(names), n_free, n_free))
    np.add.at(slope, place, each_slope[there])
    np.add.at(bend, place, each_bend[there])
    left = whole[None] - bend
    # Where what is left has no maximum nearby, the whole curvature bounds the step.
    left = np.where(
        (np.linalg.eigvalsh(left)[:, 0] > 0.0)[:, None, None], left, whole[None]
    )
    without = np.asarray(mode)[None] - np.linalg.solve(left, slope[..., None])[..., 0]
    free = jnp.asarray(without[:, : problem.n_reward], dtype=mode.dtype)
    at_mode = problem.prior.constrain(mode[: problem.n_reward])
    moved = at_mode[None] - jax.vmap(problem.prior.constrain)(free)
    return Influence(
        problem.names(), names.astype(np.int64), np.asarray(moved, dtype=np.float64)
    )


def influence_by_draws(
    posterior: Posterior, key: PRNGKeyArray, n_draws: int = 400
) -> Influence:
    """By how much each answer moved the mean of every weight, from draws.

    Draws are weighed by `1 / P(answer | draw)`, which makes them draws of what would be
    believed without it. For posteriors that are far from Gaussian, or whose mode is at
    a kink, where `influence` has no step to take.

    Args:
        posterior: of any method that draws.
        key: of the draws; consumed.
        n_draws: how many.

    Raises:
        ValueError: where there are no answers.

    Source: A. Gelfand, D. Dey, H. Chang, "Model determination using predictive
    distributions", 1992, equation 14 (importance weights of a case left out).
    """
    problem = posterior.problem
    there = np.flatnonzero(np.asarray(problem.answers.present))
    if len(there) == 0:
        raise ValueError("there are no answers yet, so none moved anything: ask first.")
    free = posterior.belief.sample(key, n_draws)
    each = np.asarray(_each(problem, free), dtype=np.float64)[:, there]
    weights = np.asarray(
        jax.vmap(problem.prior.constrain)(free[:, : problem.n_reward]), np.float64
    )
    without = np.exp(-(each - each.min(axis=0)))
    without /= without.sum(axis=0)
    moved = weights.mean(axis=0)[None] - without.T @ weights
    return Influence(problem.names(), there.astype(np.int64), moved)


@eqx.filter_jit
def _each(
    problem: Problem, free: Float[Array, "draw free"]
) -> Float[Array, "draw capacity"]:
    return jax.lax.map(problem.each_log_likelihood, free)


@eqx.filter_jit
def _slopes_and_curvatures(
    problem: Problem, free: Free
) -> tuple[
    Float[Array, "capacity free"],
    Float[Array, "capacity free free"],
    Float[Array, "free free"],
]:
    """Of each answer's log-likelihood, and minus the curvature of the whole density."""
    # Forward mode: few parameters, many answers, and planners that run in loops.
    slope_fn = jax.jacfwd(problem.each_log_likelihood)
    bend = -jax.jacfwd(slope_fn)(free)
    prior = -jax.hessian(problem.log_prior)(free)
    whole = jnp.sum(bend, axis=0) + prior.astype(bend.dtype)
    return slope_fn(free), bend, whole
