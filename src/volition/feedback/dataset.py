"""Data sets of answers, in memory."""

from collections.abc import Sequence
from typing import Any, TypeGuard, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from volition.expect import expect
from volition.feedback.answer import AbstractAnswer
from volition.feedback.check import check_answers
from volition.feedback.comparison import Comparison
from volition.feedback.numbering import numbered
from volition.policy import Segment

SMALLEST = 64  # answers that fit before the first doubling
Kind = TypeVar("Kind", bound=AbstractAnswer)
Answers = AbstractAnswer | Sequence[AbstractAnswer]


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
    levels, or about segments of another length, are a batch of their own. Questions
    without a number are numbered here: each that is shown anew gets the next free one,
    the same question asked again keeps its own.

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
    def of(cls, answers: "Answers | Dataset", capacity: int = SMALLEST) -> "Dataset":
        """A data set of one answer, a list of answers, or a batch `[answer]`.

        Args:
            answers: of one kind or, in a list, of several; a list may hold batches. A
                data set is returned as it is.
            capacity: room for at least so many in each batch, at least 1.

        Raises:
            TypeError: for anything else than answers.
            ValueError: for less room than that, answers out of range (see
                `check_answers`) or about different environments, or demonstrations
                that are windows of episodes.

        Example:
            >>> from volition import env, feedback, policy
            >>> pair = policy.rollout(
            ...     jax.random.key(0),
            ...     env.delivery(),
            ...     policy.Random(4),
            ...     n_segments=2,
            ...     length=3,
            ... )
            >>> said = [feedback.comparison(pair, 0), feedback.comparison(pair, 1)]
            >>> len(Dataset.of(said)), len(Dataset.of(said[0]))
            (2, 1)
        """
        if capacity < 1:
            raise ValueError(
                f"capacity = {capacity} must be at least 1, to be doubled."
            )
        if isinstance(answers, Dataset):
            return answers
        return cls.empty()._with(answers, capacity)

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

    def append(self, answer: Answers) -> "Dataset":
        """This data set and one more answer, or a list or batch of them.

        Raises:
            TypeError: for anything else than answers.
            ValueError: where they are out of range, or about another environment.
        """
        return self._with(answer, SMALLEST)

    def concatenate(self, answers: Answers) -> "Dataset":
        """The same as `append`, for many.

        Raises:
            TypeError: for anything else than answers.
            ValueError: where they are out of range, or about another environment.
        """
        return self._with(answers, SMALLEST)

    def _with(self, answers: Answers, capacity: int) -> "Dataset":
        added = self
        for new in _grouped(answers):
            added = added._joined(new, capacity)
        return added

    def _joined(self, new: AbstractAnswer, capacity: int) -> "Dataset":
        """With a batch on the host of answers of one kind and shape."""
        check_answers(new)
        new.check_evidence()
        _check_world(self, new)
        taken = np.asarray(self.question)[np.asarray(self.present)].tolist()
        batches = list(self.batches)
        for number, batch in enumerate(batches):
            if _shape(batch.answers) == _shape(new):
                kept = _rows(batch.answers, np.flatnonzero(batch.present))
                new = numbered(new, kept, taken)
                joined = jax.tree.map(lambda a, b: np.concatenate([a, b]), kept, new)
                n_answers = np.shape(joined.person)[0]
                batches[number] = _padded(joined, n_answers, batch.capacity)
                return Dataset(tuple(batches))
        new = numbered(new, None, taken)
        made = _padded(new, np.shape(new.person)[0], capacity)
        return Dataset((*batches, made))

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


def _grouped(answers: Answers) -> list[AbstractAnswer]:
    """Batches on the host, one for each kind and shape, in the order given."""
    each = answers if isinstance(answers, list | tuple) else [answers]
    groups: dict[Any, list[AbstractAnswer]] = {}
    for one in each:
        what = "give one, such as comparison(pair, FIRST), a list of them, or a batch"
        expect(one, AbstractAnswer, "an answer", what)
        batch = jax.tree.map(np.asarray, one)
        n_axes = np.ndim(batch.person)
        if n_axes > 1:
            raise ValueError(
                f"answers have the shape {np.shape(batch.person)}: give one answer, or "
                "a batch with one leading axis."
            )
        if n_axes == 0:
            batch = jax.tree.map(lambda leaf: leaf[None], batch)
        if np.shape(batch.person)[0] > 0:
            groups.setdefault(_shape(batch), []).append(batch)
    return [
        jax.tree.map(lambda *leaves: np.concatenate(leaves), *group)
        for group in groups.values()
    ]


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
