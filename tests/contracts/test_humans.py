"""One suite over every model of a person: each valuation with each choice."""

import functools
import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition.human
from tests.reference.paths import answered, featured_world, one, pairs
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE, comparison
from volition.human import (
    AbstractChoice,
    AbstractHuman,
    AbstractValuation,
    Boltzmann,
    BradleyTerry,
    Davidson,
    Discounted,
    Equal,
    Foresight,
    Fraction,
    Graded,
    Judge,
    Lapse,
    Mistake,
    Myopic,
    PartialReturn,
    Positive,
    RaoKupper,
    Rational,
    Real,
    Regret,
    SideBias,
    Skip,
    Unsure,
)
from volition.reward import Linear
from volition.testing import check_human
from volition.value import ValueIteration

SEED = 5
RATE = 0.07
# Nothing ends, so every path runs to the end of its window.
WORLD = featured_world(SEED)
QUESTIONS = pairs(SEED, WORLD, 12, 4)
WEIGHTS = np.array([0.8, -0.5, 0.3])  # of two random features and of being alive
PAID = WEIGHTS + np.array([0.0, 0.0, 1.7])  # more for being alive

VALUATIONS = {
    "partial return": PartialReturn(),
    "regret": Regret(WORLD, ValueIteration(1e-13), discount=0.8),
    "foresight": Foresight(WORLD, ValueIteration(1e-13), share=Fraction(0.3)),
}
# These add up rewards with other weights: one choice shows what they do.
FADING = {"discounted": Discounted(Fraction(0.6)), "myopic": Myopic(Fraction(0.6))}
CHOICES = {
    "Bradley-Terry": BradleyTerry(),
    "Davidson": Davidson(Positive(0.7)),
    "Rao-Kupper": RaoKupper(Positive(0.4)),
    "lapse of Davidson": Lapse(Davidson(Positive(0.7)), Fraction(RATE)),
    "lapse of Bradley-Terry": Lapse(BradleyTerry(), Fraction(RATE)),
}
# Each of these changes a choice alone: one valuation shows what it does.
WRAPPED = {
    "graded Davidson": Graded(Davidson(Positive(0.7))),
    "rational Rao-Kupper": Rational(RaoKupper(Positive(0.4)), Positive(1.6)),
    "mistake of Davidson": Mistake(Davidson(Positive(0.7)), Fraction(RATE)),
    "unsure Davidson": Unsure(Davidson(Positive(0.7)), Fraction(RATE)),
    "drawn to the first, Davidson": SideBias(Davidson(Positive(0.7)), Real(0.4)),
}
HUMANS = {
    f"{valuation}, {choice}": Boltzmann(VALUATIONS[valuation], CHOICES[choice])
    for valuation in VALUATIONS
    for choice in CHOICES
} | {
    f"partial return, {choice}": Boltzmann(
        VALUATIONS["partial return"], WRAPPED[choice]
    )
    for choice in WRAPPED
}
# Thresholds, where probabilities jump: not smooth, so with tests of their own.
HARD = [Equal(Davidson(), 0.3), Skip(Davidson(), 0.2)]
# What is left of a choice where one option is better by far, first and second alike.
SURE = {
    "lapse of Davidson": [1 - RATE + RATE / 3, RATE / 3, RATE / 3],
    "lapse of Bradley-Terry": [1 - RATE / 2, RATE / 2],
    "mistake of Davidson": [1 - RATE, RATE, 0.0],
    "unsure Davidson": [1 - RATE, 0.0, 0.0, RATE],
    "Bradley-Terry": [1.0, 0.0],
}


# Planning is compiled for each valuation once, not for each choice with it again.
prepare = functools.cache(
    lambda name: eqx.filter_jit(
        lambda weights: (VALUATIONS | FADING)[name].prepare(
            Linear(WORLD.feature_names, weights)
        )
    )
)


@eqx.filter_jit
def listen(judge, questions):
    """Worth of each option, log-probabilities of each answer, by question."""
    worth = jax.vmap(jax.vmap(judge.worth))(questions)
    return worth, jax.vmap(lambda pair: judge.log_probs(comparison(pair)))(questions)


def judge_of(name, weights=WEIGHTS) -> Judge:
    """What `human.judge(reward)` returns."""
    valuation, choice = name.split(", ", 1)
    worth = prepare(valuation)(jnp.asarray(weights))
    return Judge(worth, (CHOICES | WRAPPED)[choice])


def ask(name, weights=WEIGHTS, questions=QUESTIONS) -> tuple[np.ndarray, np.ndarray]:
    worth, log_probs = listen(judge_of(name, weights), questions)
    return np.asarray(worth), np.asarray(log_probs)


fair = pytest.mark.parametrize(
    "human", [name for name in HUMANS if "drawn" not in name]
)
humans = pytest.mark.parametrize("human", HUMANS)


@pytest.mark.parametrize(
    "kind, rows",
    [
        (AbstractValuation, (VALUATIONS | FADING).values()),
        (AbstractChoice, [*(CHOICES | WRAPPED).values(), *HARD]),
        (AbstractHuman, HUMANS.values()),
    ],
    ids=["valuation", "choice", "human"],
)
def test_every_public_one_has_a_row(kind, rows):
    public = {
        thing
        for _, thing in inspect.getmembers(volition.human, inspect.isclass)
        if issubclass(thing, kind) and not inspect.isabstract(thing)
    }
    assert public == {type(row) for row in rows}


# Every choice, and every valuation with the one that has the most parameters.
@pytest.mark.parametrize("seed", [SEED])
@pytest.mark.parametrize(
    "name", [name for name in HUMANS if "partial" in name or "lapse of D" in name]
)
def test_it_keeps_the_contract(name, seed):
    reward = Linear(WORLD.feature_names, WEIGHTS)
    check_human(HUMANS[name], reward, one(QUESTIONS, 1), key=jax.random.key(seed))


@humans
def test_it_judges_by_its_valuation_and_its_choice(human):
    reward = Linear(WORLD.feature_names, WEIGHTS)
    made = eqx.filter_eval_shape(lambda: HUMANS[human].judge(reward))
    assert jax.tree.structure(made) == jax.tree.structure(judge_of(human))


@humans
def test_probabilities_add_up_to_one(human):
    _, log_probs = ask(human)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1.0, atol=1e-14)


@humans
def test_a_constant_added_to_the_reward_changes_no_answer(human):
    # Every option has 4 steps: a partial return grows by 4 c, for first and second
    # alike; V* grows by c / (1 - discount) everywhere, as nothing ends.
    worth, log_probs = ask(human)
    moved, same = ask(human, PAID)
    np.testing.assert_allclose(moved - worth, moved[0, 0] - worth[0, 0], atol=1e-10)
    np.testing.assert_allclose(same, log_probs, atol=1e-10)


@pytest.mark.parametrize(
    "human", [name for name in HUMANS if name.split(",")[0] not in FADING]
)
def test_the_constant_is_felt_as_far_as_nothing_comes_after(human):
    # By a partial return 4 c; by a regret 4 c less 0, as start and end gain alike.
    gained = ask(human, PAID)[0] - ask(human)[0]
    np.testing.assert_allclose(gained, 4 * 1.7, atol=1e-10)


@fair
def test_without_rationality_the_order_does_not_matter(human):
    _, log_probs = ask(human, 0.0 * WEIGHTS)
    np.testing.assert_allclose(log_probs[:, FIRST], log_probs[:, SECOND], atol=1e-14)


@humans
def test_the_more_rational_the_surer(human):
    worth, _ = ask(human)
    ahead = worth[:, FIRST] - worth[:, SECOND]
    assert np.abs(ahead).min() > 1e-3  # no two options are worth the same
    _, log_probs = ask(human, 1e6 * WEIGHTS)
    sure = np.array(SURE.get(human.split(", ", 1)[1], [1.0, 0.0, 0.0]))
    swapped = sure.copy()
    swapped[:2] = sure[1::-1]
    sure = np.where(ahead[:, None] > 0, sure, swapped)
    np.testing.assert_allclose(np.exp(log_probs), sure, atol=1e-12)


@fair
def test_swapping_the_options_swaps_the_answers(human):
    swapped = jax.tree.map(lambda leaf: leaf[:, ::-1], QUESTIONS)
    _, log_probs = ask(human)
    _, other = ask(human, questions=swapped)
    order = [SECOND, FIRST, TIE, CANNOT_TELL][: log_probs.shape[1]]
    np.testing.assert_allclose(other[:, order], log_probs, atol=1e-12)


@humans
def test_the_further_ahead_the_more_often_chosen(human):
    worth, log_probs = ask(human)
    order = np.argsort(worth[:, FIRST] - worth[:, SECOND])
    assert (np.diff(log_probs[order, FIRST]) > 0).all()
    assert (np.diff(log_probs[order, SECOND]) < 0).all()


@pytest.mark.parametrize("human", [name for name in HUMANS if "unsure" not in name])
def test_cannot_tell_says_nothing(human):
    silent = answered(QUESTIONS, [CANNOT_TELL] * 12)

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def total(judge):
        return jax.vmap(judge.log_prob)(silent).sum()

    value, slopes = total(judge_of(human))
    assert float(value) == 0.0
    leaves = jax.tree.leaves(slopes)
    assert leaves
    assert all((np.asarray(leaf) == 0.0).all() for leaf in leaves)


def test_how_often_a_person_cannot_tell_says_nothing_of_worth():
    name = "partial return, unsure Davidson"
    for weights in (WEIGHTS, 100.0 * WEIGHTS):
        _, log_probs = ask(name, weights)
        np.testing.assert_allclose(np.exp(log_probs[:, CANNOT_TELL]), RATE, rtol=1e-12)
    _, without = ask("partial return, Davidson")
    _, log_probs = ask(name)
    np.testing.assert_allclose(log_probs[:, :3], without + np.log1p(-RATE), rtol=1e-12)


def test_one_drawn_to_the_first_sees_it_worth_more():
    _, log_probs = ask("partial return, drawn to the first, Davidson")
    _, plain = ask("partial return, Davidson")
    # The log-odds of first over second move by the bias: 0.4 reward units.
    odds = log_probs[:, FIRST] - log_probs[:, SECOND]
    np.testing.assert_allclose(odds, plain[:, FIRST] - plain[:, SECOND] + 0.4)
    assert (log_probs[:, FIRST] > plain[:, FIRST]).all()


@pytest.mark.parametrize("human", [name for name in HUMANS if "lapse" in name])
def test_a_lapse_bounds_every_probability_from_below(human):
    # At every rationality, also where the better option leaves nothing to the other.
    for scale in (0.0, 1.0, 1e5):
        _, log_probs = ask(human, scale * WEIGHTS)
        # Up to one rounding of a logarithm.
        least = RATE / log_probs.shape[1] * (1.0 - 1e-12)
        assert np.exp(log_probs).min() >= least


@pytest.mark.parametrize("ahead", [-0.5, -0.2, 0.0, 0.29, 0.31])
def test_close_options_tie_where_thresholds_are_hard(ahead):
    logs = HARD[0].pair(jnp.array([1.0 + ahead, 1.0]))
    if abs(ahead) < 0.3:
        assert logs.tolist() == [-np.inf, -np.inf, 0.0]
    else:
        expected = HARD[0].inner.pair(jnp.array([1.0 + ahead, 1.0]))
        np.testing.assert_array_equal(logs, expected)


@pytest.mark.parametrize("worth", [[0.1, -3.0], [0.1, 0.3], [-1.0, 0.19]])
def test_nothing_is_said_where_neither_is_worth_much(worth):
    logs = HARD[1].pair(jnp.array(worth))
    if max(worth) < 0.2:
        assert logs.tolist() == [-np.inf, -np.inf, -np.inf, 0.0]
    else:
        expected = HARD[1].inner.pair(jnp.array(worth))
        np.testing.assert_array_equal(logs[:3], expected)
        assert logs[3] == -np.inf


@pytest.mark.parametrize("name, weigh", [("discounted", 1), ("myopic", -1)])
def test_what_fades_is_the_far_or_the_past(name, weigh):
    worth, _ = ask(f"{name}, Davidson")
    steps = np.asarray(QUESTIONS.transition.features) @ WEIGHTS
    fade = (0.6 ** np.arange(4))[::weigh]
    np.testing.assert_allclose(worth, (steps * fade).sum(-1), atol=1e-12)
