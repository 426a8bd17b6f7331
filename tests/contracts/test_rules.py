"""One suite over every rule of what to ask."""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition.query
from tests.reference import questions as twin
from tests.reference.paths import judge_of_worths, valued
from volition import ask
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry, Davidson, Lapse, Positive
from volition.inference import Normal, fit
from volition.query import (
    AbstractRule,
    Disagreement,
    ExpectedValueOfInformation,
    InformationGain,
    MaximumRegret,
    Pairs,
    PerSecond,
    Random,
    Thompson,
    VolumeRemoval,
    pairs,
)
from volition.query.score import scores_of
from volition.reward import Linear


class Row(NamedTuple):
    rule: AbstractRule
    twin: Callable | None


SECONDS = 4.0
RULES = {
    "random": Row(Random(), None),
    "information gain": Row(InformationGain(), twin.information_gain),
    "volume removal": Row(VolumeRemoval(), twin.volume_removal),
    "disagreement": Row(Disagreement(), twin.disagreement),
    "Thompson": Row(Thompson(), twin.thompson),
    "maximum regret": Row(MaximumRegret(), twin.maximum_regret),
    "value of information": Row(
        ExpectedValueOfInformation(), twin.value_of_information
    ),
    "per second": Row(
        PerSecond(InformationGain()),
        lambda *seen: twin.information_gain(*seen) / SECONDS,
    ),
}
CHOICES = {0.0: BradleyTerry(), 0.7: Davidson(Positive(0.7))}
N_SEGMENTS = 5
every_rule = pytest.mark.parametrize("row", RULES.values(), ids=RULES)
told_rules = pytest.mark.parametrize(
    "row",
    [row for row in RULES.values() if row.twin],
    ids=[name for name, row in RULES.items() if row.twin],
)
seeds = pytest.mark.parametrize("seed", [4])


def worth_of(seed, n_samples=7):
    """Of segments that differ, none of them always the best."""
    return np.random.default_rng(seed).normal(0.0, 1.5, (n_samples, N_SEGMENTS))


def candidates_of(members=None) -> Pairs:
    pool = valued(np.zeros(N_SEGMENTS))
    made = pairs(pool, seconds=SECONDS)
    if members is None:
        return made
    return eqx.tree_at(lambda made: made.members, made, jnp.asarray(members))


@eqx.filter_jit
def _scored(worth, candidates, rule, choice):
    judge = judge_of_worths(choice)
    return scores_of(jax.random.key(0), worth, candidates, rule, judge, jnp.int32(-1))


def scored(worth, rule, choice, members=None):
    found, _ = _scored(jnp.asarray(worth), candidates_of(members), rule, choice)
    return np.asarray(found)


def test_every_public_rule_has_a_row():
    public = {
        thing
        for _, thing in inspect.getmembers(volition.query, inspect.isclass)
        if issubclass(thing, AbstractRule) and not inspect.isabstract(thing)
    }
    assert public == {type(row.rule) for row in RULES.values()}


@seeds
@pytest.mark.parametrize("width", CHOICES)
@told_rules
def test_it_is_what_slow_numpy_says(row, width, seed):
    worth = worth_of(seed)
    expected = [
        row.twin(worth - worth.mean(axis=1, keepdims=True), pair, width)
        for pair in np.asarray(candidates_of().members)
    ]
    found = scored(worth, row.rule, CHOICES[width])
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=2e-5)
    assert np.std(expected) > 1e-3


@seeds
@told_rules
def test_the_order_of_the_candidates_changes_nothing(row, seed):
    worth = worth_of(seed)
    order = np.random.default_rng(seed).permutation(10)
    members = np.asarray(candidates_of().members)[order]
    whole = scored(worth, row.rule, CHOICES[0.7])
    np.testing.assert_array_equal(
        scored(worth, row.rule, CHOICES[0.7], members), whole[order]
    )
    assert (whole[order] != whole).any()


@seeds
@told_rules
def test_swapped_options_are_the_same_question(row, seed):
    worth = worth_of(seed)
    members = np.asarray(candidates_of().members)[:, ::-1]
    np.testing.assert_allclose(
        scored(worth, row.rule, CHOICES[0.7], members),
        scored(worth, row.rule, CHOICES[0.7]),
        atol=1e-6,
    )


@seeds
@told_rules
def test_a_constant_added_to_the_reward_changes_nothing(row, seed):
    worth = worth_of(seed)
    np.testing.assert_allclose(
        scored(worth + 1000.0, row.rule, CHOICES[0.7]),
        scored(worth, row.rule, CHOICES[0.7]),
        atol=1e-6,
    )


@seeds
@pytest.mark.parametrize("choice", [BradleyTerry(), Davidson(), Lapse(Davidson())])
def test_the_same_options_say_nothing(choice, seed):
    worth = worth_of(seed, n_samples=300)
    worth[:, 1] = worth[:, 0]
    gain = scored(worth, InformationGain(), choice)
    assert np.asarray(candidates_of().members)[0].tolist() == [0, 1]
    assert abs(gain[0]) < 1e-6
    assert gain[1:].min() > 1e-3
    # Where a person never ties, volume removal wants nothing more.
    if isinstance(choice, BradleyTerry):
        assert scored(worth, VolumeRemoval(), choice).argmax() == 0


@seeds
@every_rule
def test_the_same_options_are_never_asked_about(row, seed):
    # Three segments that are one and a fourth that differs a little: half of the pairs.
    pool = valued([2.0, 2.0, 1.9, 2.0])
    reward, person = Linear(("worth",)), Boltzmann(choice=BradleyTerry())
    belief = fit(reward, person, Dataset.empty(), prior=Normal(3.0))
    for number in range(6):
        key = jax.random.key(100 * seed + number)
        question = ask(key, belief, pairs(pool), row.rule, n_samples=20)
        shown = np.asarray(question.options.transition.features).ravel()
        assert 1.9 in shown
        assert 2.0 in shown


@seeds
def test_random_asks_every_question_alike(seed):
    worth, asked = worth_of(seed), []
    for number in range(300):
        key = jax.random.key(seed * 1000 + number)
        asked.append(_asked_at_random(key, jnp.asarray(worth)))
    counts = np.bincount(np.asarray(asked), minlength=10)
    # Chi-squared of 9 degrees: 27.9 is its 0.999 quantile.
    assert np.sum((counts - 30.0) ** 2 / 30.0) < 27.9


@eqx.filter_jit
def _asked_at_random(key, worth):
    judge = judge_of_worths(BradleyTerry())
    found, _ = scores_of(key, worth, candidates_of(), Random(), judge, jnp.int32(-1))
    return jnp.argmax(found)
