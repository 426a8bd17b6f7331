"""The verb `fit`: from answers to a posterior over rewards and people."""

import jax
from jaxtyping import PRNGKeyArray

from volition.feedback import Dataset
from volition.human import AbstractHuman
from volition.inference.map import AbstractMethod, Laplace
from volition.inference.posterior import Posterior
from volition.inference.prior import AbstractPrior, Normal
from volition.inference.problem import Problem
from volition.reward import AbstractReward


def fit(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset,
    method: AbstractMethod | None = None,
    *,
    prior: AbstractPrior | None = None,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> Posterior:
    """Infer a reward, and the person's parameters, from answers.

    Args:
        reward: its form; its present parameters are where the search begins.
        human: how the person answers.
        answers: the evidence; none at all leaves the prior.
        method: `Laplace()` if left out.
        prior: over the reward's parameters; `Normal(10.0)` if left out.
        key: for random starts and draws; `jax.random.key(0)` if left out.
        throw: whether to raise where the method did not converge.

    Raises:
        RuntimeError: where the method did not converge and `throw` is set.

    Example:
        >>> from volition import env, feedback, human, inference, reward
        >>> world = env.delivery()
        >>> belief = inference.fit(
        ...     reward.Linear(world.feature_names),
        ...     human.Boltzmann(),
        ...     feedback.Dataset.empty(),
        ... )
        >>> print(belief.mean)
        0 gas + 0 goal + 0 sheep + 0 coin + 0 roadblock + 0 mud
    """
    method = Laplace() if method is None else method
    prior = Normal(10.0) if prior is None else prior
    key = jax.random.key(0) if key is None else key
    problem = Problem(reward, human, answers, prior)
    mode, belief, result = method.run(key, problem)
    if throw and not result.converged:
        raise RuntimeError(
            f"inference did not converge: {result.message} Ask more, narrow the prior, "
            "or use more starts or draws; throw=False returns what there is."
        )
    return Posterior(problem, mode, belief, result)
