"""Uncertainty where answers depend on each other: all those of one person."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from volition.inference.map import expected_curvature, inverse
from volition.inference.posterior import Gaussian, Posterior
from volition.inference.problem import Free, Problem


def over_clusters(
    posterior: Posterior, clusters: Int[np.ndarray, " capacity"]
) -> Posterior:
    """The same posterior, its Gaussian as wide as the answers' clusters say.

    `H^-1 (n / (n - 1) sum over clusters of g g^T + P) H^-1`, with `g` the summed
    gradients of the log-likelihood of a cluster's answers at the mode, less their mean,
    `H` the curvature there, and `P` that part of it which is the prior's: a direction
    of which the answers say nothing stays as wide as its prior.
    A likelihood takes answers as independent; ten of one person that say the same are
    not ten times as much evidence.

    Args:
        posterior: of `Laplace` or `MAP`.
        clusters: whose answer each place holds, such as the number of the person.

    Raises:
        ValueError: where there are fewer than two clusters.

    Example:
        >>> from volition import env, feedback, human, inference, policy, reward
        >>> world, keys = env.delivery(), jax.random.split(jax.random.key(0), 3)
        >>> paths = policy.rollout(
        ...     keys[0], world, policy.Random(4), n_segments=40, length=3
        ... )
        >>> pairs = jax.tree.map(
        ...     lambda leaf: leaf.reshape(20, 2, *leaf.shape[1:]), paths
        ... )
        >>> judge = human.Boltzmann().judge(reward.delivery_true())
        >>> numbers = jnp.arange(20, dtype=jnp.int32)
        >>> asked = feedback.OneOf(
        ...     pairs, -1 - 0 * numbers, numbers, numbers, jnp.zeros(20)
        ... )
        >>> said = jax.vmap(judge.sample)(jax.random.split(keys[1], 20), asked)
        >>> believed = inference.fit(
        ...     reward.Linear(world.feature_names),
        ...     human.Boltzmann(),
        ...     feedback.Dataset.of(said),
        ... )
        >>> whose = np.arange(believed.problem.answers.capacity) // 2
        >>> over_clusters(believed, whose).belief.covariance.shape
        (7, 7)

    Source: K.-Y. Liang, S. Zeger, "Longitudinal data analysis using generalized linear
    models", Biometrika 73, 1986, the robust variance. Differs: with a prior.
    """
    problem = posterior.problem
    there = np.asarray(problem.answers.present)
    names, place = np.unique(np.asarray(clusters)[there], return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"the answers are of {len(names)} cluster: their spread needs at least two."
        )
    slopes = np.asarray(_slopes(problem, posterior.mode))[there]
    summed = np.zeros((len(names), slopes.shape[1]))
    np.add.at(summed, place, slopes)
    summed -= summed.mean(axis=0)  # the slope of the prior, shared by all
    spread = summed.T @ summed * len(names) / (len(names) - 1)
    spread += np.asarray(-jax.hessian(problem.log_prior)(posterior.mode))
    bread = np.asarray(inverse(expected_curvature(problem, posterior.mode)))
    covariance = jnp.asarray(bread @ spread @ bread)
    belief = Gaussian(posterior.mode, covariance.astype(posterior.mode.dtype))
    return eqx.tree_at(lambda one: one.belief, posterior, belief)


@eqx.filter_jit
def _slopes(problem: Problem, free: Free) -> Float[Array, "capacity free"]:
    # Forward mode: few parameters, many answers.
    return jax.jacfwd(problem.each_log_likelihood)(free)
