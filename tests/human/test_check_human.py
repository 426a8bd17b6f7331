"""Broken people, and the sentence that each is refused with."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, one, pairs
from volition.feedback import CANNOT_TELL
from volition.human import AbstractHuman, Boltzmann, Davidson, Judge, Positive
from volition.reward import Linear
from volition.testing import check_human

SEED = 2
WORLD = featured_world(SEED)
QUESTION = one(pairs(SEED, WORLD, 3, 3), 1)
REWARD = Linear(WORLD.feature_names, [0.5, -0.4, 0.1])


class Changed(AbstractHuman):
    """A good person with some of what they say replaced."""

    judge_class: type = eqx.field(static=True)

    def judge(self, reward):
        good = Boltzmann().judge(reward)
        return self.judge_class(good.worth, good.choice)


class Improper(Judge):
    def log_probs(self, question):
        return super().log_probs(question) + 0.1


class Scalar(Judge):
    def log_probs(self, question):
        return jnp.max(super().log_probs(question))


class Branching(Judge):
    def log_probs(self, question):
        logs = super().log_probs(question)
        return logs if logs[0] > -1.0 else logs[::-1]


class Talkative(Judge):
    def log_prob(self, answer):
        silent = jnp.asarray(answer.choice) == CANNOT_TELL
        return jnp.where(silent, -0.5, super().log_prob(answer))


class TwoFaced(Judge):
    def log_prob(self, answer):
        return 0.9 * super().log_prob(answer)


class Rough(Judge):
    def log_prob(self, answer):
        worth = jax.vmap(self.worth)(answer.options)
        nothing = jnp.abs(worth[0] - worth[0]) ** 0.5  # slope 0 / 0
        return super().log_prob(answer) + nothing


class Firsts(Judge):
    def sample(self, key, question):
        answer = super().sample(key, question)
        return eqx.tree_at(lambda a: a.choice, answer, jnp.asarray(answer.choice) // 2)


class Silent(Judge):
    def sample(self, key, question):
        answer = super().sample(key, question)
        shy = jnp.full_like(answer.choice, CANNOT_TELL)
        return eqx.tree_at(lambda a: a.choice, answer, shy)


class Mood(NamedTuple):
    width: float


class Changeable(AbstractHuman):
    """A record knows tuples, but not their names."""

    mood: tuple

    def judge(self, reward):
        width = getattr(self.mood, "width", 2.0)
        return Boltzmann(choice=Davidson(Positive(width))).judge(reward)


class Unrecorded(AbstractHuman):
    """Has a field of a kind that no record knows."""

    moods: frozenset[float] = eqx.field(static=True)

    def judge(self, reward):
        return Boltzmann().judge(reward)


BROKEN = {
    Improper: r"add up to 1\.1\d*: normalise them",
    Scalar: "log_probs of one question is .*: return a floating-point vector",
    Branching: "cannot be traced .*without Python branches on values",
    Talkative: '"cannot tell" has the log-likelihood -0.5: return 0',
    TwoFaced: r"'first' has the log-probability -\d.* compute one from the other",
    Rough: r"slope of log P\(first\) in free parameter 0 .* is not finite",
    Firsts: "answers 'first' in a share of .* draw from log_probs",
    Silent: "gives answers from 3 to 3, log_probs lists 3",
}


@pytest.mark.parametrize("judge", BROKEN, ids=lambda judge: judge.__name__)
def test_a_broken_person_is_refused_in_a_sentence(judge):
    with pytest.raises(ValueError, match=BROKEN[judge]) as told:
        check_human(Changed(judge), REWARD, QUESTION)
    assert str(told.value).endswith(".")
    assert "\n" not in str(told.value)


def test_a_good_person_is_not():
    check_human(Changed(Judge), REWARD, QUESTION)


def test_one_who_cannot_be_written_down_is_refused():
    with pytest.raises(ValueError, match="cannot be recorded"):
        check_human(Unrecorded(frozenset([0.5])), REWARD, QUESTION)


def test_one_who_changes_when_written_down_is_refused():
    with pytest.raises(ValueError, match="written to JSON and read back") as told:
        check_human(Changeable(Mood(0.3)), REWARD, QUESTION)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize("n_options", [1, 3])
def test_a_question_has_two_options(n_options):
    three = one(QUESTION, np.arange(n_options) % 2)
    with pytest.raises(ValueError, match="a comparison has two options"):
        check_human(Boltzmann(), REWARD, three)
