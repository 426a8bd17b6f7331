"""Ask people: a study that is answered question by question, and stopped at any time.

The terminal and the browser show questions; what is asked next, what was said, and what
has been learned of it is kept here and in the study's evidence.
"""

import dataclasses
import functools
import itertools
import json
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.evaluation import Estimate, sample_interval
from volition.feedback import UNANSWERED, Dataset, Segment, Strength, strength
from volition.human import Boltzmann, Davidson, Graded, Judge, Lapse, PartialReturn
from volition.inference import Laplace, Normal, Posterior, fit
from volition.query import InformationGain, Strengths, scores
from volition.reward import Linear
from volition.store import (
    COMPARISON,
    Evidence,
    InputError,
    Question,
    Said,
    Stored,
    now,
)
from volition.study.clips import CLIPS, AbstractClips, Tell, totals
from volition.study.label_folder import (
    LabelConfig as LabelConfig,
    begin_label as begin_label,
    check_settings,
    read_label as read_label,
)
from volition.study.models import PRIOR_SCALE

ENOUGH = 5  # answers, before which there is no posterior; ours
N_CANDIDATES = 200  # pairs among which the next question is chosen; ours
N_SAMPLES = 400  # rewards of the posterior, for an interval or a prediction; ours
# The word and the strength of each degree, from the first being far better on.
DEGREES = [("first", 2), ("first", 1), ("tie", 0), ("second", 1), ("second", 2)]
N_DEGREES = len(DEGREES)


class Chosen(NamedTuple):
    """The pair of clips that is asked next, and the rule that chose it."""

    pair: tuple[int, int]
    rule: str


# From a key, the posterior (None before there are enough answers), all clips `[clip,
# time]` and the pairs that may be asked `[pair, 2]`, to the one that is.
ChooseFn = Callable[
    [PRNGKeyArray, Posterior | None, Segment, Int[np.ndarray, "pair 2"]], Chosen
]


def random_pair(
    key: PRNGKeyArray,
    posterior: Posterior | None,
    segments: Segment,
    pairs: Int[np.ndarray, "pair 2"],
) -> Chosen:
    """Any pair, all alike."""
    del posterior, segments
    first, second = pairs[int(jax.random.randint(key, (), 0, len(pairs)))].tolist()
    return Chosen((first, second), "random")


def most_telling(
    key: PRNGKeyArray,
    posterior: Posterior | None,
    segments: Segment,
    pairs: Int[np.ndarray, "pair 2"],
) -> Chosen:
    """The pair whose answer should say most about the reward; any, before the first.

    Of `N_CANDIDATES` pairs drawn at random, so that one more question compiles nothing.
    """
    draw_key, score_key = jax.random.split(key)
    if posterior is None:
        return random_pair(draw_key, posterior, segments, pairs)
    rows = jax.random.randint(draw_key, (N_CANDIDATES,), 0, len(pairs))
    members = np.asarray(pairs, dtype=np.int32)[np.asarray(rows)]
    candidates = Strengths(segments, jnp.asarray(members), jnp.ones(()), N_DEGREES)
    gains = scores(score_key, posterior, candidates, InformationGain())
    first, second = members[int(np.argmax(gains))].tolist()
    return Chosen((first, second), "information gain")


class Asked(NamedTuple):
    """A question as it is to be shown.

    Args:
        number: of the question.
        options: what it says of each clip, in the order to show.
        scenes: what is needed to draw each; None where the option says it all.
    """

    number: int
    options: list[Any]
    scenes: list[Any | None]


@dataclasses.dataclass(frozen=True)
class Labelling:
    """A study as one person answers it.

    Args:
        config: of the study.
        evidence: open.
        person: number of who answers.
        clips: what questions say of each clip, in order.
        segments: of the clips, `[clip, time]`, on the host.
        choose_fn: chooses the next question.
    """

    config: LabelConfig
    evidence: Evidence
    person: int
    clips: list[Any]
    segments: Segment
    choose_fn: ChooseFn = most_telling

    def standing(self) -> list[Stored]:
        """What this person has answered and not taken back."""
        every = self.evidence.standing()
        return [each for each in every if each.answer.person == self.person]

    def ask(self) -> Asked | None:
        """The next question, the first that is still open; None where all are answered.

        A question is on record before it is shown, so that a person who comes back
        finds it again.
        """
        answered = {each.answer.question for each in self.standing()}
        if len(answered) >= self.config.n_questions:
            return None
        own = self._own_questions()
        still_open = [number for number in own if number not in answered]
        if still_open:
            return self._shown(still_open[0], own[still_open[0]].options)
        question = self._new(len(own), {question.same for question in own.values()})
        with self.evidence.transaction():
            # The same person may have gone on in another window meanwhile.
            if self._own_questions() == own:
                number = self.evidence.ask(question, now())
                return self._shown(number, question.options)
        return self.ask()

    def _own_questions(self) -> dict[int, Question]:
        every = self.evidence.questions().items()
        return {number: each for number, each in every if each.person == self.person}

    def _shown(self, number: int, options: list[Any]) -> Asked:
        self._places(number, options)
        return Asked(number, options, [self.evidence.scene(each) for each in options])

    @functools.cached_property
    def _place(self) -> dict[str, int]:
        return {json.dumps(option): number for number, option in enumerate(self.clips)}

    def _places(self, number: int, options: Any) -> list[int]:
        """Which clips a question is about."""
        place = self._place
        texts = [json.dumps(o) for o in options] if isinstance(options, list) else []
        if len(texts) != 2 or not set(texts) <= place.keys():
            raise InputError(
                f"{self.evidence.path} has question {number}, which is not about two "
                "of its clips: put a copy back, or give another folder."
            )
        return [place[text] for text in texts]

    def _new(self, n_asked: int, known: set[int]) -> Question:
        pairs = [each for each in self._pairs() if self._same(*each) not in known]
        if not pairs:
            raise InputError(
                f"all {len(known)} pairs of different clips have been asked: begin "
                "another study with another --seed."
            )
        key = jax.random.key(self.config.seed)
        key = jax.random.fold_in(jax.random.fold_in(key, self.person), n_asked)
        choose_key, side_key, predict_key = jax.random.split(key, 3)
        posterior = self.posterior()
        chosen = self.choose_fn(choose_key, posterior, self.segments, np.array(pairs))
        # Which is shown first says nothing about which is better.
        turned = bool(jax.random.bernoulli(side_key))
        pair = chosen.pair[::-1] if turned else chosen.pair
        predicted = None
        if posterior is not None:
            options = jax.tree.map(lambda leaf: leaf[list(pair)], self.segments)
            predicted = _predict(predict_key, posterior, options)
        return Question(
            self.config.env,
            self._same(*pair),
            COMPARISON,
            [self.clips[number] for number in pair],
            person=self.person,
            rule=chosen.rule,
            predicted=predicted,
        )

    def _pairs(self) -> list[tuple[int, int]]:
        """The pairs that differ in what could be paid for."""
        total = totals(self.segments)
        every = itertools.combinations(range(len(self.clips)), 2)
        return [(i, j) for i, j in every if np.any(total[i] != total[j])]

    def _same(self, first: int, second: int) -> int:
        """One number for a pair of clips in either order."""
        return min(first, second) * len(self.clips) + max(first, second)

    def answer(
        self,
        asked: Asked,
        showing: str,
        said: dict[str, Any],
        *,
        seconds: float | None = None,
        shown: dict[str, Any] | None = None,
    ) -> Stored:
        """Keep what was said; it is on the disk when this returns.

        Args:
            asked: the question.
            showing: unique to this showing of it: the same once more changes nothing.
            said: such as `{"choice": "first", "strength": 1}`.
            seconds: from the showing on.
            shown: by what program, and how.
        """
        said_now = Said(
            showing,
            asked.number,
            self.person,
            said,
            seconds=seconds,
            shown=shown or {},
        )
        return self.evidence.add(said_now, now())

    def undo(self, showing: str) -> Stored | None:
        """Take back the last answer that stands; its question is open again.

        Returns:
            That answer; None where there is none.
        """
        standing = self.standing()
        if not standing:
            return None
        self.evidence.take_back(standing[-1], showing)
        return standing[-1]

    def answers(self) -> Dataset:
        """What this person has answered, in memory."""
        standing = self.standing()
        if not standing:
            return Dataset.empty()
        questions = self.evidence.questions()
        numbers = [each.answer.question for each in standing]
        asked = [questions[number] for number in numbers]
        rows = np.array([self._places(n, questions[n].options) for n in numbers])
        degrees = [self._degree(each) for each in standing]
        seconds = [each.answer.seconds for each in standing]
        nan = float("nan")
        batch = Strength(
            options=jax.tree.map(lambda leaf: leaf[rows], self.segments),
            degree=np.array(degrees, dtype=np.int32),
            n_degrees=N_DEGREES,
            person=np.full(len(standing), self.person, dtype=np.int32),
            question=np.array([question.same for question in asked], dtype=np.int32),
            seconds=np.array([nan if s is None else s for s in seconds]),
        )
        return Dataset.of(batch)

    def _degree(self, stored: Stored) -> int:
        """By how much one clip is better, in `DEGREES`; -1 where nobody could tell."""
        said = stored.answer.said if isinstance(stored.answer.said, dict) else {}
        choice = said.get("choice")
        if choice == "cannot tell":
            return UNANSWERED
        strong = said.get("strength", 0 if choice == "tie" else 1)
        for degree, meant in enumerate(DEGREES):
            if meant == (choice, strong):
                return degree
        raise InputError(
            f"{self.evidence.path} has answer {stored.number}, "
            f"{reprlib.repr(stored.answer.said)}, which says neither which clip is "
            "better nor that nobody can tell: put a copy back, or give another folder."
        )

    def posterior(self) -> Posterior | None:
        """What the answers say about a linear reward; None before there are enough."""
        answers = self.answers()
        if len(answers) < ENOUGH:
            return None
        names = tuple(each.name for each in CLIPS[self.config.env].feature_info)
        human = Boltzmann(PartialReturn(), Lapse(Graded(Davidson())))
        prior = Normal(PRIOR_SCALE)
        return fit(Linear(names), human, answers, Laplace(), prior=prior, throw=False)


@eqx.filter_jit
def _log_probs(judges: Judge, question: Strength) -> Float[Array, "sample degree"]:
    return jax.vmap(lambda judge: judge.log_probs(question))(judges)


def _predict(key: PRNGKeyArray, posterior: Posterior, options: Segment) -> list[float]:
    """Probability of first, second and tie, over the rewards of a posterior."""
    judges = posterior.sample_judges(key, N_SAMPLES)
    asked = strength(options, n_degrees=N_DEGREES)
    each = np.exp(np.asarray(_log_probs(judges, asked))).mean(axis=0)
    return [float(each[:2].sum()), float(each[3:].sum()), float(each[2])]


def learned(posterior: Posterior) -> dict[str, Estimate]:
    """The mean weight of each feature, with an interval over rewards drawn.

    Args:
        posterior: over a linear reward.
    """
    drawn = cast("Linear", posterior.sample(jax.random.key(0), N_SAMPLES))
    mean = cast("Linear", posterior.mean)
    what = "rewards of the posterior"
    return {
        name: sample_interval(float(weight), draws, what)
        for name, weight, draws in zip(
            mean.feature_names, mean.weights, np.asarray(drawn.weights).T, strict=True
        )
    }


def open_label(
    folder: Path,
    person: str,
    *,
    choose_fn: ChooseFn = most_telling,
    tell: Tell = lambda done, total: None,
) -> Labelling:
    """Open a study for a person to answer; whatever was answered before is there.

    Args:
        folder: the study's, made by `begin_label`.
        person: their name.
        choose_fn: chooses the next question; `most_telling` if left out.
        tell: is told how many clips were made, of how many, the first time.

    Raises:
        InputError: where the folder is not one of a study that people answer.
    """
    config = read_label(folder)
    clips = CLIPS[config.env]
    evidence = Evidence(folder / "study.db")
    try:
        check_settings(folder, config, evidence.settings())
        if not evidence.clips():
            # A key that no question has: those have the person folded in.
            made = clips.make(jax.random.split(jax.random.key(config.seed))[0], tell)
            with evidence.transaction():
                if not evidence.clips():
                    evidence.add_clips(made)
        options = evidence.clips()
        return Labelling(
            config,
            evidence,
            evidence.person(person),
            options,
            _segments(evidence, clips, options),
            choose_fn,
        )
    except BaseException:
        evidence.close()
        raise


def _segments(evidence: Evidence, clips: AbstractClips, options: list[Any]) -> Segment:
    try:
        return clips.segments(options)
    except InputError as error:
        raise InputError(f"{evidence.path}: {error}") from error
