"""Comparisons of paths in a finite world, to and from a study's evidence."""

import json
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE, Comparison, follow
from volition.store.errors import InputError
from volition.store.evidence import Evidence, Question, Said, Stored

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


def check_paths(options: Sequence[Any], world: FiniteMDP, what: str) -> None:
    """That options are paths of one length in a world.

    Args:
        options: as `path_option` makes them, or anything else.
        world: where the paths should be.
        what: the sentence's subject, to which ` 3` is added: the place, from 1.

    Raises:
        InputError: where one is something else.
    """
    length = None
    for number, option in enumerate(options, start=1):
        which = f"{what} {number}"
        if not isinstance(option, dict) or not {"start", "actions"} <= option.keys():
            raise InputError(
                f"{which} is not about paths in a finite world: it says no 'start' "
                "and 'actions'."
            )
        start, actions = option["start"], option["actions"]
        if not isinstance(actions, list) or not actions:
            raise InputError(f"{which} has 'actions' that are no list of numbers.")
        for name, value, limit in (
            ("start", start, world.n_states),
            *(("action", action, world.n_actions) for action in actions),
        ):
            if type(value) is not int or not 0 <= value < limit:
                shown = reprlib.repr(value)
                raise InputError(
                    f"{which} has the {name} {shown}, which is no whole number from 0 "
                    f"to {limit - 1}."
                )
        length = len(actions) if length is None else length
        if len(actions) != length:
            raise InputError(
                f"{which} has {len(actions)} actions where others have {length}: the "
                "paths of one group are of one length."
            )


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
        asked: dict[tuple, int] = {}
        times: dict[tuple, int] = {}
        n_answers: dict[str, int] = {}
        for row in rows:
            one = (row.source, row.same, row.options)
            time = times[*one, row.person] = times.get((*one, row.person), -1) + 1
            # Whom a question is put to again is asked anew; who is not known may be
            # another person each time.
            key = (*one, time if row.person >= 0 else 0)
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
    return {source: _comparisons(rows, world, path) for source, rows in batches.items()}


def _rows(evidence: Evidence) -> list[Row]:
    questions, found = evidence.questions(), []
    for stored in evidence.standing():
        answer, question = stored.answer, questions[stored.answer.question]
        if question.kind == COMPARISON:
            found.append(
                Row(
                    question.source,
                    answer.person,
                    question.same,
                    json.dumps(question.options),
                    _choice(evidence, stored),
                    answer.seconds,
                )
            )
    return found


def _choice(evidence: Evidence, stored: Stored) -> int:
    said = stored.answer.said
    word = said.get("choice") if isinstance(said, dict) else None
    if not isinstance(word, str) or word not in CHOICES:
        raise InputError(
            f"{evidence.path} has answer {stored.number}, {reprlib.repr(said)}, which "
            f"answers no comparison: 'choice' is one of {', '.join(CHOICES)}."
        )
    return CHOICES[word]


def _comparisons(rows: list[Row], world: FiniteMDP, path: Path) -> Comparison:
    source, person, question, options, choice, seconds = zip(*rows, strict=True)
    paths = [json.loads(each) for each in options]
    if not all(isinstance(each, list) and len(each) == 2 for each in paths):
        raise InputError(
            f"{path} has a comparison of {source[0]!r} without two options: put a copy "
            "back, or give another folder."
        )
    for number in (*person, *question):
        if not -(2**31) <= number < 2**31:
            raise InputError(
                f"{path} has the person or the question {number}: numbers of at most "
                "32 bits are read."
            )
    what = f"{path} has questions that are not all readable: of {source[0]!r}, option"
    check_paths([option for each in paths for option in each], world, what)
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
