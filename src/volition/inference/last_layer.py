"""A Gaussian over the last layer of a network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.inference.ensemble import Ensemble
from volition.inference.identify import fisher_information
from volition.inference.map import AbstractMethod
from volition.inference.posterior import Partly, Result
from volition.inference.problem import Free, Problem


class LastLayer(AbstractMethod):
    """A Gaussian over the parameters in which a reward is linear, `reward.last()`.

    A network is trained as a member of an ensemble; what it puts out is then a reward
    linear in the features that it found. Its last layer, and the person, are fitted to
    all answers by Fisher scoring, and their posterior is the Gaussian there: precision
    is Fisher information plus the curvature of the prior. What the other layers could
    have been is not counted.

    Args:
        training: of the network.
        n_steps: of Fisher scoring, at most.

    Source: J. Snoek et al., "Scalable Bayesian optimization using deep neural
    networks", ICML 2015, section 3; E. Daxberger et al., "Laplace redux", NeurIPS 2021,
    arXiv 2106.14806, section 3.
    """

    training: Ensemble = eqx.field(default_factory=Ensemble)
    n_steps: int = eqx.field(static=True, default=30)

    def run(self, key: PRNGKeyArray, problem: Problem) -> tuple[Free, Partly, Result]:
        """Train, fit the last layer, and take the curvature."""
        point, _, trained = self.training.run(key, problem)
        places = jnp.asarray(np.flatnonzero(problem.last), dtype=jnp.int32)
        point, gain, log_density, precision = _fit(problem, point, places, self.n_steps)
        covariance = jnp.linalg.inv(precision)
        finite = bool(jnp.isfinite(covariance).all() & jnp.isfinite(point).all())
        converged = trained.converged and finite and bool(gain < 1e-3)
        message = (
            f"{trained.message} The last step of its last layer gained {gain:.2g}."
        )
        result = Result(converged, message, float(log_density), trained.diagnostics)
        return point, Partly(point, places, covariance), result


@eqx.filter_jit
def _fit(
    problem: Problem, start: Free, places: Int[Array, " part"], n_steps: int
) -> tuple[Free, Array, Array, Float[Array, "part part"]]:
    """The maximum over some, what the last step gained, the density, the precision."""

    def density(part):
        return problem.log_density(start.at[places].set(part))

    def precision(part):
        free = start.at[places].set(part)
        prior = lambda part: problem.log_prior(start.at[places].set(part))
        return fisher_information(problem, free, places) - jax.hessian(prior)(part)

    def one(carry):
        part, value, _, step = carry
        move = jnp.linalg.solve(precision(part), jax.grad(density)(part))
        # The longest of some shares of the step that gains most.
        shares = jnp.asarray([1.0, 0.5, 0.25, 0.0625, 0.0], dtype=part.dtype)
        tried = jax.lax.map(lambda share: density(part + share * move), shares)
        best = jnp.argmax(jnp.where(jnp.isfinite(tried), tried, -jnp.inf))
        return part + shares[best] * move, tried[best], tried[best] - value, step + 1

    def more(carry):
        _, _, gain, step = carry
        return (step < n_steps) & (gain > 1e-10)

    part = start[places]
    value = density(part)
    carry = (part, value, jnp.full_like(value, jnp.inf), jnp.int32(0))
    part, value, gain, _ = jax.lax.while_loop(more, one, carry)
    return start.at[places].set(part), gain, value, precision(part)
