"""Comparisons of paths in a finite world, to and from a study's evidence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE, Comparison, follow
from volition.store.errors import InputError
from volition.store.evidence import Evidence, Question, Said

COMPARISON = "comparison"
WORDS = {FIRST: "first", SECOND: "second", TIE: "tie", CANNOT_TELL: "cannot tell"}
CHOICES = {word: choice for choice, word in WORDS.items()}


class Row(NamedTuple):
    """One recorded answer and what was asked.

    Args:
        source: the group of people.
        person: -1: not known.
        same: equal numbers of one source mean the same question.
        options: JSON, in the order shown: start state and actions of each path.
        choice: `FIRST`, `SECOND`, `TIE` or `CANNOT_TELL`.
        seconds: None: not known.
    """

    source: str
    person: int
    same: int
    options: str
    choice: int
    seconds: float | None


def path_option(start: int, actions: Sequence[int]) -> dict:
    """How a question names a path in a finite world."""
    return {"start": start, "actions": list(actions)}


def rows_of(source: str, answers: Comparison) -> list[Row]:
    """The rows that a batch of comparisons of paths in a finite world makes.

    Args:
        source: the group of people.
        answers: a batch `[answer]`.
    """
    transition = answers.options.transition
    starts = np.asarray(transition.state.index)[:, :, 0].tolist()
    actions = np.asarray(transition.action).tolist()
    person, question = np.asarray(answers.person), np.asarray(answers.question)
    seconds = np.asarray(answers.seconds).tolist()
    rows: list[Row] = []
    for number, choice in enumerate(np.asarray(answers.choice).tolist()):
        options = list(map(path_option, starts[number], actions[number]))
        known = seconds[number] == seconds[number]  # not NaN
        rows.append(
            Row(
                source,
                int(person[number]),
                int(question[number]),
                json.dumps(options),
                choice,
                seconds[number] if known else None,
            )
        )
    return rows


def write_evidence(path: Path, rows: list[Row]) -> None:
    """Begin a study's evidence, or check that it is what is there already.

    Args:
        path: `study.db`; made in one transaction where it is missing.
        rows: all answers, in order.

    Raises:
        InputError: where the file holds other answers.
    """
    with Evidence(path, make=True) as evidence, evidence.transaction():
        if evidence.answers() or evidence.questions():
            if _rows(evidence) != rows:
                raise InputError(
                    f"{path} holds other answers: evidence is never overwritten, so "
                    "give --out another folder."
                )
            return
        asked: dict[tuple[str, int, str], int] = {}
        n_answers: dict[str, int] = {}
        for row in rows:
            key = (row.source, row.same, row.options)
            if key not in asked:
                options = json.loads(row.options)
                asked[key] = evidence.ask(
                    Question(row.source, row.same, COMPARISON, options, rule="recorded")
                )
            n_answers[row.source] = n_answers.get(row.source, 0) + 1
            showing = f"{row.source}/{n_answers[row.source]}"
            said = {"choice": WORDS[row.choice]}
            evidence.add(
                Said(showing, asked[key], row.person, said, seconds=row.seconds)
            )


def read_evidence(path: Path, world: FiniteMDP) -> dict[str, Comparison]:
    """The standing comparisons of each source.

    Args:
        path: `study.db`; an older version's is brought forward.
        world: the deterministic world that the paths are from.

    Raises:
        InputError: where the file is no evidence, or about another kind of world.
    """
    batches: dict[str, list[Row]] = {}
    with Evidence(path) as evidence:
        for row in _rows(evidence):
            batches.setdefault(row.source, []).append(row)
    try:
        return {source: _comparisons(rows, world) for source, rows in batches.items()}
    except KeyError as error:
        raise InputError(
            f"{path} has questions that are not about paths in a finite world: they "
            f"say no {error}; `volition.study.label.open_label` reads the others."
        ) from error


def _rows(evidence: Evidence) -> list[Row]:
    questions, found = evidence.questions(), []
    for stored in evidence.standing():
        answer, question = stored.answer, questions[stored.answer.question]
        if question.kind == COMPARISON:
            assert answer.said is not None  # or it would not stand
            found.append(
                Row(
                    question.source,
                    answer.person,
                    question.same,
                    json.dumps(question.options),
                    CHOICES[answer.said["choice"]],
                    answer.seconds,
                )
            )
    return found


def _comparisons(rows: list[Row], world: FiniteMDP) -> Comparison:
    _, person, question, options, choice, seconds = zip(*rows, strict=True)
    paths = [json.loads(each) for each in options]
    starts = np.array([[option["start"] for option in each] for each in paths])
    actions = np.array([[option["actions"] for option in each] for each in paths])
    each = jax.vmap(jax.vmap(follow, (None, 0, 0)), (None, 0, 0))
    return Comparison(
        options=jax.jit(each)(world, jnp.asarray(starts), jnp.asarray(actions)),
        choice=jnp.asarray(choice, dtype=jnp.int32),
        person=jnp.asarray(person, dtype=jnp.int32),
        question=jnp.asarray(question, dtype=jnp.int32),
        seconds=jnp.asarray(
            [jnp.nan if each is None else each for each in seconds], dtype=float
        ),
    )
