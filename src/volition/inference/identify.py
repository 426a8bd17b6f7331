"""Which directions of reward space the answers identify, and which they do not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from volition.feedback import CANNOT_TELL
from volition.inference.problem import Free, Problem


class Direction(eqx.Module):
    """A direction of reward space on which the answers say less than the prior.

    Args:
        weights: its components, of length 1 in units of the prior, `[parameter]`.
        shrinkage: posterior over prior standard deviation along it, in `(0.7, 1]`; 1
            means that the answers say nothing.
        sentence: the same in words.
    """

    weights: Float[Array, " parameter"]
    shrinkage: float
    sentence: str = eqx.field(static=True)


@eqx.filter_jit
def fisher_information(problem: Problem, free: Free) -> Float[Array, "free free"]:
    """The information that the questions asked hold on the free parameters.

    `sum over questions and answers of P(answer) grad log P grad log P^T`: it depends on
    what was asked, not on what was answered, and is never negative. Only a question
    that was answered with "cannot tell" holds none, as that says nothing.

    Args:
        problem: with the questions.
        free: where it is taken.
    """
    comparisons = problem.answers.comparisons
    if comparisons is None:
        return jnp.zeros((free.shape[0], free.shape[0]))

    def all_log_probs(free):
        reward, human = problem.unpack(free)
        return jax.vmap(human.judge(reward).log_probs)(comparisons.options)

    # Forward mode: few parameters, many answers.
    slopes = jax.jacfwd(all_log_probs)(free)
    told = problem.answers.present & (comparisons.choice != CANNOT_TELL)
    weight = jnp.where(told[:, None], jnp.exp(all_log_probs(free)), 0.0)
    return jnp.einsum("qa,qai,qaj->ij", weight, slopes, slopes)


def unidentified(problem: Problem, free: Free) -> tuple[Direction, ...]:
    """The directions of reward space on which the prior says more than the answers.

    In units of the prior, the eigenvectors of the Fisher information (the person's own
    parameters profiled out) whose eigenvalue is below 1: there the posterior is wider
    than 0.7 of the prior.

    Args:
        problem: prior and questions.
        free: where the information is taken, usually the mode.
    """
    n_reward = problem.n_reward
    scale = np.asarray(problem.prior_scale())
    information = np.asarray(fisher_information(problem, free))
    information = information * np.outer(scale, scale)
    inner, across = information[:n_reward, :n_reward], information[:n_reward, n_reward:]
    rest = information[n_reward:, n_reward:]
    rest = rest + np.eye(rest.shape[0])  # what the prior says of the person
    inner = inner - across @ np.linalg.solve(rest, across.T)
    inner = (inner + inner.T) / 2
    # A parameter of which nothing was said is a direction of its own, which eigh would
    # mix with others that are as open.
    silent, axes = np.diag(inner) < 1e-9, np.eye(n_reward)
    values, vectors = np.linalg.eigh(inner[np.ix_(~silent, ~silent)])
    values = np.concatenate([np.zeros(silent.sum()), values])
    vectors = np.concatenate([axes[silent], vectors.T @ axes[~silent]])
    found = []
    for value, vector in zip(values, vectors, strict=True):
        if value >= 1.0:
            break
        shrinkage = float(1.0 / np.sqrt(1.0 + max(value, 0.0)))
        found.append(
            Direction(
                jnp.asarray(vector), shrinkage, _sentence(problem, vector, shrinkage)
            )
        )
    return tuple(found)


def _sentence(problem: Problem, vector: np.ndarray, shrinkage: float) -> str:
    names = problem.names()
    vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
    order = np.argsort(-np.abs(vector))
    # Components below a tenth of the largest change nothing that a reader could use.
    main = [i for i in order if abs(vector[i]) >= 0.1 * abs(vector[order[0]])]
    shown = " ".join(
        f"{'+' if vector[i] >= 0 else '-'} {abs(vector[i]):.2f} {names[i]}"
        for i in main[:6]
    ).removeprefix("+ ")
    what = names[main[0]] if len(main) == 1 else f"the combination {shown}"
    much = "nothing" if shrinkage > 0.995 else "little"
    return (
        f"the answers say {much} about {what}: its posterior is as wide as "
        f"{shrinkage:.0%} of its prior."
    )
