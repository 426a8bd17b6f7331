"""The most probable reward (MAP), and the Gaussian around it (Laplace)."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from volition.inference.identify import fisher_information
from volition.inference.posterior import AbstractBelief, Gaussian, Result
from volition.inference.problem import Free, Problem
from volition.inference.units import search_scale

SCREENED = 32  # random points looked at for each start that is climbed from
# Chosen here: BFGS keeps a matrix of the square of so many numbers and multiplies it at
# every step, which for a network of 1,500 takes minutes; L-BFGS keeps a few gradients.
DENSE = 100
# Chosen here: a curvature of 2,000 x 2,000 takes 32 MB, and seconds to work out.
MOST_CURVED = 2000
SEARCHES = 3  # each from where the last ended, in units of the curvature there
SPARSE_SEARCHES = 6
SPARSE_STEPS = 500  # of each search by L-BFGS


class AbstractMethod(eqx.Module):
    """A way to solve a problem of inference."""

    @abc.abstractmethod
    def run(
        self, key: PRNGKeyArray, problem: Problem
    ) -> tuple[Free, AbstractBelief, Result]:
        """The mode found, the belief, and how it went."""

    @property
    def before(self) -> Problem | None:
        """The problem whose solution it goes on from, with the same prior; or none."""
        return None


@eqx.filter_jit
def _loss_and_slope(problem: Problem, free: Free):
    return jax.value_and_grad(lambda free: -problem.log_density(free))(free)


@eqx.filter_jit
def _log_densities(problem: Problem, points: Float[Array, "point free"]):
    # One after the other: planning inside would make a batch wait for its slowest.
    return jax.lax.map(problem.log_density, points)


@eqx.filter_jit
def expected_curvature(problem: Problem, free: Free) -> Float[Array, "free free"]:
    """Fisher information of the questions, plus the curvature of the prior.

    And, where the prior's free scale is curved, what the answers' pull on the reward
    makes of that: where they pull a weight of known sign towards 0, against the prior,
    it is all the curvature that there is.
    """
    prior = -jax.hessian(problem.log_prior)(free)
    n_reward = problem.n_reward

    def log_likelihood(parameters):
        on_free_scale = problem.prior.release(parameters)
        return problem.log_likelihood(jnp.concatenate([on_free_scale, free[n_reward:]]))

    constrain = problem.prior.constrain
    pull = jax.grad(log_likelihood)(constrain(free[:n_reward]))
    bend = -jax.hessian(lambda free: pull @ constrain(free))(free[:n_reward])
    information = fisher_information(problem, free) + prior
    return information.at[:n_reward, :n_reward].add(bend)


def climb(problem: Problem, start: Free) -> tuple[Free, float, float, bool]:
    """The nearest maximum of the log-density, by BFGS, twice or more.

    In coordinates in which the curvature is about 1, so that neither the unit of a
    parameter nor a large offset of a feature matters: a slope is in nats for one
    posterior standard deviation. With a planner in the likelihood the density has
    kinks, where no gradient vanishes; so a maximum counts as found when a further
    search from it gains nothing. For many parameters L-BFGS.

    Returns:
        The point, its log-density, what the last search gained (nats), and whether
        that is nothing.
    """
    if start.shape[0] == 0:
        return start, float(problem.log_density(start)), 0.0, True
    dense = start.shape[0] <= DENSE
    kind = _loss_and_slope(problem, start)[0].dtype
    point, values = np.asarray(start, dtype=np.float64), []
    stretch = None if dense else np.asarray(search_scale(problem), dtype=np.float64)
    for _ in range(SEARCHES if dense else SPARSE_SEARCHES):
        here = jnp.asarray(point, dtype=start.dtype)
        if dense:
            root = whitened(_information(problem, here), problem.prior_scale())
            to, back = (lambda z, r=root: r @ z), (lambda slope, r=root: r.T @ slope)
        else:
            to = back = lambda z: stretch * z
        found = _search(problem, here, to, back, dense)
        if not np.isfinite(found.fun):
            break
        point = point + to(found.x)
        values.append(float(found.fun))
        if len(values) > 1 and values[-2] - values[-1] < 1e-6:
            break
    gain = values[-2] - values[-1] if len(values) > 1 else np.inf
    best = -values[-1] if values else -np.inf
    # A gain that is a few roundings of the value is none.
    nothing = 1e-3 + 8.0 * float(jnp.finfo(kind).eps) * abs(best)
    return jnp.asarray(point, dtype=start.dtype), best, gain, bool(gain < nothing)


def _search(problem: Problem, start: Free, to, back, dense: bool):
    """The nearest minimum of the loss, in coordinates of which `to` is the map."""
    origin = np.asarray(start, dtype=np.float64)

    def loss(z):
        value, slope = _loss_and_slope(
            problem, jnp.asarray(origin + to(z), dtype=start.dtype)
        )
        return float(value), back(np.asarray(slope, dtype=np.float64))

    begin = np.zeros(start.shape[0])
    if dense:
        return scipy.optimize.minimize(
            loss, begin, jac=True, method="BFGS", options={"gtol": 1e-6}
        )
    options = {"maxiter": SPARSE_STEPS, "maxcor": 20, "ftol": 1e-12, "gtol": 1e-6}
    return scipy.optimize.minimize(
        loss, begin, jac=True, method="L-BFGS-B", options=options
    )


def whitened(information: ArrayLike, scale: ArrayLike) -> np.ndarray:
    """A root of about the posterior covariance, worked out in its own units.

    `root root^T = (information + 1 / scale^2)^-1`

    Args:
        information: of the answers, `[free, free]`; none where it is not finite.
        scale: standard deviation of the prior of each, `[free]`.
    """
    information = np.asarray(information, dtype=np.float64)
    scale = np.asarray(scale, dtype=np.float64)
    if not np.isfinite(information).all():
        return np.diag(scale)
    precision = information + np.diag(scale**-2.0)
    unit = 1.0 / np.sqrt(np.diag(precision))
    values, vectors = np.linalg.eigh(precision * unit[:, None] * unit[None])
    # What rounding leaves of a direction without curvature.
    values = np.maximum(values, 1e-12 * values.max(initial=1.0))
    return unit[:, None] * vectors / np.sqrt(values)[None]


@eqx.filter_jit
def _information(problem: Problem, free: Free) -> Float[Array, "free free"]:
    return fisher_information(problem, free)


def best_of(key: PRNGKeyArray, problem: Problem, n_starts: int) -> tuple[Free, Result]:
    """The best maximum from several starts: the present parameters, and random ones.

    Many random points are looked at, and the most probable climbed from: with a planner
    in the likelihood most starts lead to poor maxima, such as a reward that loops.

    Args:
        key: consumed.
        problem: what is maximised.
        n_starts: how many starts; one is enough where the density has one maximum, as
            for a linear reward and partial returns.
    """
    start = problem.start
    starts = [start]
    if n_starts > 1:
        around, scales, wide = jax.random.split(key, 3)
        shape = (SCREENED * n_starts // 2, start.shape[0])
        prior_scale = problem.prior_scale()
        # Half around the present parameters, by half their size; half across the
        # prior, from a hundredth of its scale up.
        near = jnp.clip(jnp.abs(start), 0.01 * prior_scale, prior_scale)[None]
        near = start[None] + near * jax.random.normal(around, shape, dtype=start.dtype)
        size = 10.0 ** jax.random.uniform(scales, shape, start.dtype, -2.0, 0.0)
        far = jax.random.normal(wide, shape, dtype=start.dtype)
        far = size * prior_scale[None] * far
        points = jnp.concatenate([near, far])
        order = np.argsort(-np.nan_to_num(_log_densities(problem, points), nan=-np.inf))
        starts += [points[row] for row in order[: n_starts - 1]]
    tried = [climb(problem, one) for one in starts]
    values = [value for _, value, _, _ in tried]
    point, value, gain, converged = tried[int(np.argmax(values))]
    agreeing = sum(value - other < 1e-2 for other in values)
    how = (
        "the last search gained nothing" if converged else f"it still gains {gain:.2g}"
    )
    message = f"maximum reached from {agreeing} of {n_starts} starts; {how}."
    diagnostics = {"n_starts": float(n_starts), "n_agreeing": float(agreeing)}
    return point, Result(converged, message, value, diagnostics)


class MAP(AbstractMethod):
    """The most probable parameters, by BFGS from several starts.

    By L-BFGS where there are more than 100 of them, as in a network.

    Args:
        n_starts: how many.
    """

    n_starts: int = 1

    def run(self, key: PRNGKeyArray, problem: Problem) -> tuple[Free, Gaussian, Result]:
        """Maximise."""
        point, result = best_of(key, problem, self.n_starts)
        nothing = jnp.zeros((point.shape[0], point.shape[0]), dtype=point.dtype)
        return point, Gaussian(point, nothing), result


class Laplace(AbstractMethod):
    """A Gaussian around the most probable parameters.

    Its precision is the Fisher information of the questions at the maximum plus the
    curvature of the prior: for linear rewards and partial returns without ties or
    lapses this is the observed curvature, and elsewhere it is still positive.
    On the free scale of `Signed`, too: its bend is counted as observed. Its diagnostics
    hold `log_evidence`, the log-probability of the answers under the prior, by which
    priors, models of people and forms of reward can be compared.

    Args:
        n_starts: starts of the search for the maximum.

    Raises:
        ValueError: where it runs, for more than 2,000 parameters.

    Source: D. J. C. MacKay, "Information Theory, Inference, and Learning Algorithms",
    chapter 27 (and 28 for the evidence). Differs: expected in place of observed
    curvature.
    """

    n_starts: int = 1

    def run(self, key: PRNGKeyArray, problem: Problem) -> tuple[Free, Gaussian, Result]:
        """Maximise, then take the curvature."""
        n_free = problem.start.shape[0]
        if n_free > MOST_CURVED:
            raise ValueError(
                f"Laplace and NUTS take the curvature in all of {n_free} parameters, "
                f"{MOST_CURVED} at most: take LastLayer() or Ensemble() for a network."
            )
        point, result = best_of(key, problem, self.n_starts)
        precision = expected_curvature(problem, point)
        volume = log_volume(precision)
        diagnostics = result.diagnostics | {
            "log_evidence": result.log_density + float(volume)
        }
        result = eqx.tree_at(lambda told: told.diagnostics, result, diagnostics)
        return point, Gaussian(point, inverse(precision)), result


def log_volume(precision: Float[Array, "free free"]) -> Float[Array, ""]:
    """Log of the integral of `exp(-x^T precision x / 2)`."""
    n_free = precision.shape[0]
    unit = _unit(precision)
    _, log_det = jnp.linalg.slogdet(precision * unit[:, None] * unit[None])
    log_det = log_det - 2.0 * jnp.sum(jnp.log(unit))
    return 0.5 * (n_free * jnp.log(2.0 * jnp.pi) - log_det)


def inverse(precision: Float[Array, "free free"]) -> Float[Array, "free free"]:
    """The inverse of a matrix of curvature, worked out in its own units."""
    unit = _unit(precision)
    found = jnp.linalg.inv(precision * unit[:, None] * unit[None])
    return found * unit[:, None] * unit[None]


def _unit(precision: Float[Array, "free free"]) -> Free:
    size = jnp.abs(jnp.diagonal(precision))
    return jnp.where(size > 0.0, 1.0 / jnp.sqrt(size), 1.0)
