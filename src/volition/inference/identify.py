"""Which directions of reward space the answers identify, and which they do not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from volition.feedback import Batch
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
def fisher_information(
    problem: Problem, free: Free, places: Int[Array, " part"] | None = None
) -> Float[Array, "part part"]:
    """The information that the questions asked hold on the free parameters.

    `sum over questions and choices of P(choice) grad log P grad log P^T`: it depends on
    what was asked, not on what was answered, and is never negative. Only a question
    that was answered with "cannot tell" holds none, as that says nothing. Of answers in
    several stages, such as rankings, each stage counts, given those before it.

    Args:
        problem: with the questions.
        free: where it is taken.
        places: which of the parameters it is about, the others being known; all if left
            out.
    """
    if places is None:
        places = jnp.arange(free.shape[0], dtype=jnp.int32)
    total = jnp.zeros((places.shape[0], places.shape[0]), dtype=free.dtype)
    for batch in problem.answers.batches:
        found = _information(problem, batch, free, places)
        total += found.astype(total.dtype)
    return total


def _information(problem: Problem, batch: Batch, free: Free, places: Array):
    def all_log_probs(part):
        reward, human = problem.unpack(free.at[places].set(part))
        judge = human.judge(reward)
        listed = jax.vmap(lambda one: one.stages(judge.by(one)))(batch.answers)
        # What is impossible holds no information, and its slope must not be NaN.
        return jnp.where(listed > -jnp.inf, listed, -1e30)

    # Forward mode: few parameters, many answers.
    slopes = jax.jacfwd(all_log_probs)(free[places])
    log_probs = all_log_probs(free[places])
    n_choices = log_probs.shape[-1]
    said = jax.vmap(lambda one: jnp.sum(one.weights(n_choices), -1) > 0)(batch.answers)
    told = said & batch.present[:, None]
    weight = jnp.where(told[..., None], jnp.exp(log_probs), 0.0)
    return jnp.einsum("qsa,qsai,qsaj->ij", weight, slopes, slopes)


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
