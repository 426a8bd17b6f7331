"""The unit of each parameter of a reward, by the steps that were asked about."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from volition.env import Transition
from volition.feedback import Dataset, Segment
from volition.inference.precision import in_64_bits
from volition.inference.prior import AbstractPrior, Normal
from volition.inference.problem import Free, Problem
from volition.reward import AbstractReward

WIDTH = 10.0  # reward units: chosen here, so that a feature may be worth e^10 to 1
AT_ONCE = 256  # steps whose slopes are held at one time
MOST = 20_000  # steps that are looked at; of more, every second, third, ...


def default_prior(
    reward: AbstractReward, answers: Dataset
) -> tuple[AbstractReward, AbstractPrior]:
    """The prior of a form of reward at the scale of the data, and the form for it.

    For networks `Normal(reward.prior_scale())`, with inputs that nobody scaled brought
    into `[-1, 1]` over the steps asked about. For any other form `Normal(10 / unit)`,
    see `units`: a weight of one prior standard deviation makes steps differ by 10
    reward units. So it depends on no unit of a feature.

    Args:
        reward: its form.
        answers: about steps of the world.

    Returns:
        The reward to be learned, and the prior over its parameters.
    """
    scale = reward.prior_scale()
    if scale is not None:
        return reward.with_inputs_scaled(steps_of(answers)), Normal(scale)
    return reward, Normal(WIDTH / np.asarray(in_64_bits(units)(reward, answers)))


def units(reward: AbstractReward, answers: Dataset) -> Float[np.ndarray, " parameter"]:
    """By how much the steps asked about differ in reward for 1 of each parameter.

    `max over steps of dr/dw_i - min over steps of dr/dw_i`: for a linear reward, the
    range of each feature. Of a feature that never varies, its size; 1 where it is 0
    everywhere or nothing was asked, as then nothing is known of its unit.

    Args:
        reward: taken at its present parameters.
        answers: about steps of the world.

    Example:
        >>> from volition.reward import Linear
        >>> units(Linear(("speed", "collision")), Dataset.empty()).tolist()
        [1.0, 1.0]
    """
    flat, _ = ravel_pytree(eqx.filter(reward, reward.learned()))
    steps = steps_of(answers)
    if steps is None or flat.size == 0:
        return np.ones(flat.size)
    low, high = np.full(flat.size, np.inf), np.full(flat.size, -np.inf)
    n_steps = len(np.asarray(steps.features))
    for begin in range(0, n_steps, AT_ONCE):
        # Blocks of one size, so that one more answer compiles nothing.
        block = np.resize(np.arange(begin, min(begin + AT_ONCE, n_steps)), AT_ONCE)
        part = jax.tree.map(lambda leaf, rows=block: leaf[rows], steps)
        least, most = _slopes(reward, part)
        low = np.fmin(low, np.asarray(least, dtype=float))
        high = np.fmax(high, np.asarray(most, dtype=float))
    size = np.maximum(np.abs(low), np.abs(high))
    # Below rounding it is constant.
    unit = np.where(high - low > 1e-13 * size, high - low, size)
    return np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)


@eqx.filter_jit
def _slopes(
    reward: AbstractReward, steps: Transition
) -> tuple[Float[Array, " parameter"], Float[Array, " parameter"]]:
    learned, fixed = eqx.partition(reward, reward.learned())
    flat, unravel = ravel_pytree(learned)

    def paid(flat, step):
        return eqx.combine(unravel(flat), fixed)(step)

    each = jax.vmap(jax.grad(paid), (None, 0))(flat, steps)
    return jnp.min(each, axis=0), jnp.max(each, axis=0)


def search_scale(problem: Problem) -> Free:
    """How far a search moves each free parameter at a time.

    The prior's standard deviation, or less where the data's unit is smaller: what makes
    steps differ by 1 reward unit.
    """
    scale = np.array(problem.prior_scale(), dtype=float)
    if problem.reward.prior_scale() is not None:
        return jnp.asarray(scale, dtype=problem.start.dtype)
    n_reward = problem.n_reward
    unit = jnp.asarray(1.0 / units(problem.reward, problem.answers))
    start = problem.start[:n_reward]
    stretched = problem.prior.stretch(unit.astype(start.dtype), start)
    scale[:n_reward] = np.minimum(scale[:n_reward], np.asarray(stretched))
    return jnp.asarray(scale, dtype=start.dtype)


def steps_of(answers: Dataset) -> Transition | None:
    """Steps that were asked about, one after the other, on the host; or None."""
    found = []
    for segment, there in _made(answers):
        place = np.nonzero(there)
        apart = max(1, -(-len(place[0]) // MOST))
        place = tuple(axis[::apart] for axis in place)
        found.append(
            jax.tree.map(
                lambda leaf, place=place: np.asarray(leaf)[place], segment.transition
            )
        )
    if not found:
        return None
    steps = jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)
    return steps if len(np.asarray(steps.features)) else None


def _made(answers: Dataset) -> list[tuple[Segment, Bool[np.ndarray, "..."]]]:
    """Each segment of a data set, and which of its steps were made."""
    found = []
    for batch in answers.batches:
        there = np.asarray(batch.present)
        for segment in segments_of(batch.answers):
            weight = np.asarray(segment.weight)
            rows = there.reshape(-1, *[1] * (weight.ndim - 1))
            found.append((segment, rows & (weight != 0)))
    return found


def segments_of(answers: object) -> list[Segment]:
    """The segments in an answer, or a batch of answers."""
    is_segment = lambda part: isinstance(part, Segment)
    leaves = jax.tree.leaves(answers, is_leaf=is_segment)
    return [leaf for leaf in leaves if isinstance(leaf, Segment)]
