"""Data sets of answers, in memory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from volition.feedback.comparison import Comparison

SMALLEST = 64  # answers that fit before the first doubling


class Dataset(eqx.Module):
    """Answers in a padded batch, so that one more answer does not compile again.

    Make one with `Dataset.empty()` or `Dataset.of(comparisons)`; the capacity doubles
    when it is reached.

    Args:
        comparisons: a batch `[capacity]`, or None where nothing was answered yet.
        present: which places of the batch hold an answer, `[capacity]`.

    Example:
        >>> len(Dataset.empty())
        0
    """

    comparisons: Comparison | None
    present: Bool[Array, " capacity"]

    @classmethod
    def empty(cls) -> "Dataset":
        """No answers."""
        return cls(None, jnp.zeros(0, dtype=bool))

    @classmethod
    def of(cls, comparisons: Comparison, capacity: int = SMALLEST) -> "Dataset":
        """All answers of a batch `[answer]`.

        Args:
            comparisons: leaves with a leading axis `[answer]`.
            capacity: room for at least so many, at least 1.

        Raises:
            ValueError: for less room than that.
        """
        if capacity < 1:
            raise ValueError(
                f"capacity = {capacity} must be at least 1, to be doubled."
            )
        n_answers = np.shape(comparisons.choice)[0]
        if n_answers == 0:
            return cls.empty()
        while capacity < n_answers:
            capacity *= 2
        # Padding repeats the first answer, so that it computes to something finite.
        rows = np.zeros(capacity, dtype=np.int32)
        rows[:n_answers] = np.arange(n_answers)
        present = np.arange(capacity) < n_answers
        return cls(*jax.device_put((_rows(comparisons, rows), present)))

    def __len__(self) -> int:
        """How many answers there are."""
        return int(self.present.sum())

    @property
    def capacity(self) -> int:
        """How many fit before the batch is made larger."""
        return self.present.shape[0]

    def append(self, answer: Comparison) -> "Dataset":
        """This data set and one more answer."""
        added = jax.tree.map(lambda leaf: np.asarray(leaf)[None], answer)
        return self.concatenate(added)

    def concatenate(self, answers: Comparison) -> "Dataset":
        """This data set and a batch of further answers.

        Raises:
            ValueError: where the segments are of another length or kind.
        """
        if self.comparisons is None:
            return Dataset.of(answers)
        kept = _rows(self.comparisons, np.flatnonzero(self.present))
        ours, theirs = (
            jax.tree.map(lambda leaf: np.shape(leaf)[1:], batch)
            for batch in (kept, answers)
        )
        if jax.tree.structure(ours) != jax.tree.structure(theirs) or ours != theirs:
            raise ValueError(
                f"the new answers hold {theirs.options.weight} (option, time) steps "
                f"of the environment, the old ones {ours.options.weight}, or other "
                "states: one data set takes one environment and one segment length."
            )
        joined = jax.tree.map(lambda a, b: np.concatenate([a, b]), kept, answers)
        return Dataset.of(joined, max(self.capacity, SMALLEST))

    def answers(self) -> Comparison:
        """The answers without the padding, `[answer]`.

        Raises:
            ValueError: where there are none.
        """
        if self.comparisons is None:
            raise ValueError("there are no answers yet: ask first.")
        return jax.device_put(_rows(self.comparisons, np.flatnonzero(self.present)))

    def subset(self, keep: Bool[Array, " capacity"]) -> "Dataset":
        """Only the answers at the marked places; the capacity stays.

        Args:
            keep: marks, `[capacity]`.
        """
        return Dataset(self.comparisons, self.present & jnp.asarray(keep))


def _rows(comparisons: Comparison, rows: np.ndarray) -> Comparison:
    """Some answers, on the host: there, another number of them compiles nothing."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], comparisons)
