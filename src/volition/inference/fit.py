"""The verb `fit`: from answers to a posterior over rewards and people."""

from collections.abc import Sequence

import jax
from jaxtyping import PRNGKeyArray

from volition.expect import expect, expect_key
from volition.feedback import AbstractAnswer, Answers, Dataset
from volition.human import AbstractHuman
from volition.inference.expected import expect_problem
from volition.inference.map import AbstractMethod, Laplace
from volition.inference.posterior import Posterior
from volition.inference.prior import AbstractPrior
from volition.inference.problem import Problem
from volition.inference.solve import solve
from volition.inference.units import default_prior
from volition.reward import AbstractReward


def fit(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset | Answers,
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
        answers: the evidence: one answer, a list, a batch or a `Dataset`; none at all
            leaves the prior.
        method: `Laplace()` if left out.
        prior: over the reward's parameters; that of the reward's form at the scale of
            the data if left out, see `default_prior`.
        key: for random starts and draws; `jax.random.key(0)` if left out.
        throw: whether to raise where the method did not converge.

    The result depends on no unit of a feature, and is worked out in 64 bits whatever
    the precision outside (networks in 32).

    Returns:
        The posterior. `posterior.result` says whether it converged, and why: never
        where a number is not finite, chains disagree, or the answers are foreseen worse
        than by chance.

    Raises:
        TypeError: where an argument is of another kind, or two are swapped.
        ValueError: for answers out of range, or features that are not finite or whose
            differences are rounding.
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
    expect_problem(reward, human, method, prior)
    if key is not None:
        expect_key(key)
    what = "give answers, such as vl.feedback.comparison(pair, 0), or a list of them"
    expect(answers, (Dataset, AbstractAnswer, list, tuple), "the evidence", what)
    method = Laplace() if method is None else method
    key = jax.random.key(0) if key is None else key
    answers = Dataset.of(answers)
    if prior is None and method.before is not None:
        prior = method.before.prior
    if prior is None:
        reward, prior = default_prior(reward, answers)
    problem = Problem(reward, human, answers, prior)
    mode, belief, result = solve(key, problem, method)
    if throw and not result.converged:
        raise RuntimeError(
            f"inference did not converge: {result.message} Ask more, narrow the prior, "
            "or use more starts or draws; throw=False returns what there is."
        )
    return Posterior(problem, mode, belief, result)


def by_evidence(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset | Answers,
    priors: Sequence[AbstractPrior],
    *,
    n_starts: int = 1,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> Posterior:
    """Infer under each of several priors, and keep the one that foresaw the answers.

    Args:
        reward: its form.
        human: how the person answers.
        answers: the evidence.
        priors: over the reward's parameters, such as `Normal` of several scales.
        n_starts: of each search, see `Laplace`.
        key: for random starts; `jax.random.key(0)` if left out.
        throw: whether to raise where the best did not converge.

    Returns:
        The Laplace approximation of greatest `log_evidence`.

    Raises:
        ValueError: for no prior at all.
        RuntimeError: where it did not converge and `throw` is set.

    Source: D. J. C. MacKay, "Bayesian interpolation", 1992, section 3.
    """
    if not priors:
        raise ValueError("give at least one prior to choose from.")
    found = [
        fit(reward, human, answers, Laplace(n_starts), prior=one, key=key, throw=False)
        for one in priors
    ]
    best = max(found, key=lambda one: one.result.diagnostics["log_evidence"])
    if throw and not best.result.converged:
        raise RuntimeError(
            f"inference did not converge: {best.result.message} Narrow the priors or "
            "use more starts; throw=False returns what there is."
        )
    return best
