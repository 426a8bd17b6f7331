"""Data sets of answers, in memory."""

from typing import TypeGuard, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from volition.feedback.answer import AbstractAnswer
from volition.feedback.comparison import Comparison
from volition.policy import Segment

SMALLEST = 64  # answers that fit before the first doubling
Kind = TypeVar("Kind", bound=AbstractAnswer)


class Batch(eqx.Module):
    """Answers of one kind and shape, padded.

    Args:
        answers: leaves `[capacity, ...]`.
        present: which places hold an answer, `[capacity]`.
    """

    answers: AbstractAnswer
    present: Bool[Array, " capacity"]

    @property
    def capacity(self) -> int:
        """How many fit before the batch is made larger."""
        return self.present.shape[0]


class Dataset(eqx.Module):
    """Answers, in one padded batch for each kind, so that one more compiles nothing.

    Make one with `Dataset.empty()` or `Dataset.of(answers)`; the capacity of a batch
    doubles when it is reached. Answers of one kind with another number of options or
    levels, or about segments of another length, are a batch of their own.

    Args:
        batches: in the order in which their kinds were first given. The places of a
            data set are those of its batches, one after the other.

    Example:
        >>> len(Dataset.empty())
        0
    """

    batches: tuple[Batch, ...]

    @classmethod
    def empty(cls) -> "Dataset":
        """No answers."""
        return cls(())

    @classmethod
    def of(cls, answers: AbstractAnswer, capacity: int = SMALLEST) -> "Dataset":
        """All answers of a batch `[answer]`.

        Args:
            answers: of one kind, leaves with a leading axis `[answer]`.
            capacity: room for at least so many, at least 1.

        Raises:
            ValueError: for less room than that, or for answers that cannot be
                evidence, such as demonstrations that are windows of episodes.
        """
        if capacity < 1:
            raise ValueError(
                f"capacity = {capacity} must be at least 1, to be doubled."
            )
        n_answers = np.shape(answers.person)[0]
        if n_answers == 0:
            return cls.empty()
        answers.check_evidence()
        return cls((_padded(answers, n_answers, capacity),))

    def __len__(self) -> int:
        """How many answers there are."""
        return sum(int(batch.present.sum()) for batch in self.batches)

    @property
    def capacity(self) -> int:
        """How many places there are in all batches."""
        return sum(batch.capacity for batch in self.batches)

    @property
    def present(self) -> Bool[Array, " capacity"]:
        """Which places hold an answer, batch after batch."""
        none = jnp.zeros(0, dtype=bool)
        return jnp.concatenate([none, *(batch.present for batch in self.batches)])

    @property
    def person(self) -> Int[Array, " capacity"]:
        """Who answered, at every place."""
        none = jnp.zeros(0, dtype=jnp.int32)
        people = [jnp.asarray(batch.answers.person) for batch in self.batches]
        return jnp.concatenate([none, *people])

    @property
    def question(self) -> Int[Array, " capacity"]:
        """Number of the question, at every place."""
        none = jnp.zeros(0, dtype=jnp.int32)
        questions = [jnp.asarray(batch.answers.question) for batch in self.batches]
        return jnp.concatenate([none, *questions])

    def append(self, answer: AbstractAnswer) -> "Dataset":
        """This data set and one more answer."""
        added = jax.tree.map(lambda leaf: np.asarray(leaf)[None], answer)
        return self.concatenate(added)

    def concatenate(self, answers: AbstractAnswer) -> "Dataset":
        """This data set and a batch of further answers of one kind.

        Raises:
            ValueError: where they are about another environment.
        """
        added = Dataset.of(answers)
        if not added.batches:
            return self
        (new,) = added.batches
        _check_world(self, new.answers)
        batches = list(self.batches)
        for number, batch in enumerate(batches):
            if _shape(batch.answers) == _shape(new.answers):
                kept = _rows(batch.answers, np.flatnonzero(batch.present))
                joined = jax.tree.map(
                    lambda a, b: np.concatenate([a, b]),
                    kept,
                    jax.tree.map(np.asarray, answers),
                )
                n_answers = np.shape(joined.person)[0]
                batches[number] = _padded(joined, n_answers, batch.capacity)
                return Dataset(tuple(batches))
        return Dataset((*batches, new))

    def answers(self, kind: type[Kind] = Comparison) -> Kind:
        """The answers of a kind without the padding, `[answer]`.

        Args:
            kind: which; comparisons if left out.

        Raises:
            ValueError: where there are none, or of more than one shape.
        """
        found = [batch for batch in self.batches if type(batch.answers) is kind]
        if not found:
            raise ValueError(
                "there are no answers yet: ask first."
                if not self.batches
                else f"there are no answers of the kind {kind.__name__}: ask some."
            )
        if len(found) > 1:
            raise ValueError(
                f"there are {len(found)} batches of the kind {kind.__name__}, of "
                "different lengths: take them one by one from `batches`."
            )
        (batch,) = found
        return jax.device_put(_rows(batch.answers, np.flatnonzero(batch.present)))

    def subset(self, keep: Bool[Array, " capacity"]) -> "Dataset":
        """Only the answers at the marked places; the capacity stays.

        Args:
            keep: marks, batch after batch, `[capacity]`.
        """
        keep, begin, batches = jnp.asarray(keep), 0, []
        for batch in self.batches:
            end = begin + batch.capacity
            batches.append(Batch(batch.answers, batch.present & keep[begin:end]))
            begin = end
        return Dataset(tuple(batches))


def _padded(answers: AbstractAnswer, n_answers: int, capacity: int) -> Batch:
    while capacity < n_answers:
        capacity *= 2
    # Padding repeats the first answer, so that it computes to something finite.
    rows = np.zeros(capacity, dtype=np.int32)
    rows[:n_answers] = np.arange(n_answers)
    present = np.arange(capacity) < n_answers
    return Batch(*jax.device_put((_rows(answers, rows), present)))


def _rows(answers: Kind, rows: np.ndarray) -> Kind:
    """Some answers, on the host: there, another number of them compiles nothing."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], answers)


def _shape(answers: AbstractAnswer) -> tuple:
    """What two batches of one kind share if they can be one."""
    leaves, structure = jax.tree.flatten(answers)
    return structure, tuple((np.shape(leaf)[1:], _kind(leaf)) for leaf in leaves)


def _kind(leaf) -> str:
    return np.asarray(leaf).dtype.kind


def _check_world(dataset: Dataset, answers: AbstractAnswer) -> None:
    """Refuse answers about segments of another environment."""
    for batch in dataset.batches:
        ours, theirs = _worlds(batch.answers), _worlds(answers)
        if ours and theirs and ours[0] != theirs[0]:
            raise ValueError(
                f"the new answers are about segments with {theirs[0][1]} features of "
                f"each step, the old ones about {ours[0][1]}, or their states differ: "
                "one data set takes one environment."
            )


def _worlds(answers: AbstractAnswer) -> list[tuple]:
    """What each segment in an answer tells of its world: states, number of features."""

    def is_segment(part: object) -> TypeGuard[Segment]:
        return isinstance(part, Segment)

    found = []
    for segment in filter(is_segment, jax.tree.leaves(answers, is_leaf=is_segment)):
        first = segment.weight.shape
        leaves, structure = jax.tree.flatten(segment.transition.state)
        shapes = [np.shape(leaf)[len(first) :] for leaf in leaves]
        n_features = np.shape(segment.transition.features)[-1]
        found.append(((structure, shapes), n_features))
    return found
