"""A method's solution of a problem, in double precision, and whether it can be used."""

import dataclasses
import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from volition.inference.chance import beside_chance
from volition.inference.evidence import checked
from volition.inference.map import AbstractMethod
from volition.inference.posterior import AbstractBelief, Result
from volition.inference.precision import in_64_bits
from volition.inference.problem import Free, Problem


def solve(
    key: PRNGKeyArray, problem: Problem, method: AbstractMethod
) -> tuple[Free, AbstractBelief, Result]:
    """What a method finds, converged only where that can be used.

    Args:
        key: consumed.
        problem: its answers are checked first.
        method: of inference.

    Returns:
        The mode, the belief, and how it went. It has not converged where the method
        says so, where a number of it is not finite, or where its mean foresees the
        answers that it was learned from worse than chance does, see `beside_chance`.

    Raises:
        ValueError: for answers that nothing can be learned from, see `checked`, or a
            prior without a width.
    """
    scale = np.asarray(problem.prior_scale())
    if not ((scale > 0.0) & np.isfinite(scale)).all():
        raise ValueError(
            f"the prior has the standard deviations {scale}: each is a finite number "
            "above 0."
        )
    answers = checked(problem.reward, problem.answers)
    problem = eqx.tree_at(lambda one: one.answers, problem, answers)
    if problem.reward.single_precision:
        return _solve(key, problem, method)
    return in_64_bits(_solve)(key, problem, method)


def _solve(
    key: PRNGKeyArray, problem: Problem, method: AbstractMethod
) -> tuple[Free, AbstractBelief, Result]:
    mode, belief, result = method.run(key, problem)
    return mode, belief, judged(problem, mode, belief, result)


def judged(
    problem: Problem, mode: Free, belief: AbstractBelief, result: Result
) -> Result:
    """A method's own result, with what is wrong with what it found."""
    found = jax.tree.leaves((mode, eqx.filter(belief, eqx.is_inexact_array)))
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in found):
        return _failed(result, "What it found is not finite.")
    if not len(problem.answers):
        return result
    human = problem.unpack(belief.mean(problem))[1]
    told, chance = beside_chance(problem, belief.mean_reward(problem), human)
    told, chance = float(told), float(chance)
    if not math.isfinite(told):
        return _failed(result, f"The log-likelihood of the answers is {told}.")
    # A nat in all, and a hundredth: what the mean of draws may lose to a mode.
    if told < chance - 1.0 - 0.01 * abs(chance):
        n = len(problem.answers)
        return _failed(
            result,
            "It foresees the answers it has seen worse than chance: "
            f"{told / n:.3g} nats each, where options of equal worth give "
            f"{chance / n:.3g}.",
        )
    return result


def _failed(result: Result, why: str) -> Result:
    return dataclasses.replace(
        result, converged=False, message=f"{result.message} {why}"
    )
