"""Whether the answers can be learned from: finite, and told apart by their numbers."""

import equinox as eqx
import jax
import numpy as np

from volition.feedback import AbstractAnswer, Batch, Dataset, Segment
from volition.feedback.check import check_answers
from volition.reward import AbstractReward

# A feature differs by rounding where its values fill all but so much of the digits: at
# this share of the range, rounding adds less than 1 % to the variance.
ROUNDING = 0.05


def checked(reward: AbstractReward, answers: Dataset) -> Dataset:
    """The answers, refused where nothing can be learned from their numbers.

    Steps behind an end weigh nothing; what is not a number there becomes 0, as it would
    make the slope no number.

    Args:
        reward: whose features are looked at.
        answers: the evidence.

    Raises:
        ValueError: for a choice out of range, a feature that is not finite in a step
            that counts, or one whose differences are those of rounding.
    """
    batches = []
    for number, batch in enumerate(answers.batches):
        check_answers(batch.answers)
        clean = _clean(reward, batch.answers, np.asarray(batch.present), number)
        batches.append(Batch(clean, batch.present))
    return Dataset(tuple(batches))


def _clean(
    reward: AbstractReward, answers: AbstractAnswer, present: np.ndarray, number: int
) -> AbstractAnswer:
    is_segment = lambda part: isinstance(part, Segment)

    def one(part):
        if not isinstance(part, Segment):
            return part
        weight = np.asarray(part.weight)
        rows = present.reshape(-1, *[1] * (weight.ndim - 1))
        if not np.isfinite(weight[present]).all():
            raise ValueError(
                f"a step of {_where(answers, number)} has a weight that is not finite: "
                "steps weigh 1, or 0 behind an end."
            )
        counts = rows & (weight != 0)
        features = np.asarray(part.transition.features)
        if not reward.feature_names or features.dtype.kind != "f":
            return part
        _check_features(reward, features, counts, answers, number)
        lost = ~np.isfinite(features) & ~counts[..., None]
        if not lost.any():
            return part
        kept = np.where(lost, features.dtype.type(0), features)
        return eqx.tree_at(
            lambda made: made.transition.features, part, jax.device_put(kept)
        )

    leaves, structure = jax.tree.flatten(answers, is_leaf=is_segment)
    cleaned = [one(leaf) for leaf in leaves]
    same = all(a is b for a, b in zip(leaves, cleaned, strict=True))
    return answers if same else jax.tree.unflatten(structure, cleaned)


def _check_features(
    reward: AbstractReward,
    features: np.ndarray,
    counts: np.ndarray,
    answers: AbstractAnswer,
    number: int,
) -> None:
    names = reward.feature_names
    wrong = np.argwhere(~np.isfinite(features) & counts[..., None])
    name = lambda i: repr(names[i]) if len(names) == features.shape[-1] else str(i)
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise ValueError(
            f"feature {name(place[-1])} is {features[place]} at step {place[-2]} of "
            f"answer {place[0]} in {_where(answers, number)} ({len(wrong)} such "
            "numbers): leave those answers out, or mend the feature."
        )
    rows = features[counts]
    if not len(rows):
        return
    low, high = rows.min(axis=0).astype(float), rows.max(axis=0).astype(float)
    grain = np.finfo(features.dtype).eps * np.maximum(np.abs(low), np.abs(high))
    spread = high - low
    lost = np.flatnonzero((spread > 0) & (grain > ROUNDING * spread))
    if len(lost):
        i = int(lost[0])
        raise ValueError(
            f"feature {name(i)} runs from {low[i]:.9g} to {high[i]:.9g} in "
            f"{_where(answers, number)}, so its differences are rounding in "
            f"{features.dtype.itemsize * 8} bits: subtract a constant from it, or give "
            "it in 64 bits."
        )


def _where(answers: AbstractAnswer, number: int) -> str:
    return f"batch {number} ({type(answers).__name__})"
