"""One suite over every model of a person: each valuation with each choice."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition.human
from tests.reference.paths import answered, featured_world, one, pairs
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE
from volition.human import (
    AbstractChoice,
    AbstractHuman,
    AbstractValuation,
    Boltzmann,
    BradleyTerry,
    Davidson,
    Foresight,
    Fraction,
    Lapse,
    PartialReturn,
    Positive,
    RaoKupper,
    Regret,
)
from volition.reward import Linear
from volition.testing import check_human

SEED = 5
RATE = 0.07
# Nothing ends, so every path runs to the end of its window.
WORLD = featured_world(SEED)
QUESTIONS = pairs(SEED, WORLD, 12, 4)
WEIGHTS = np.array([0.8, -0.5, 0.3])  # of two random features and of being alive

VALUATIONS = {
    "partial return": PartialReturn(),
    "regret": Regret(WORLD, discount=0.8),
    "foresight": Foresight(WORLD, share=Fraction(0.3)),
}
CHOICES = {
    "Bradley-Terry": BradleyTerry(),
    "Davidson": Davidson(Positive(0.7)),
    "Rao-Kupper": RaoKupper(Positive(0.4)),
    "lapse of Davidson": Lapse(Davidson(Positive(0.7)), Fraction(RATE)),
    "lapse of Bradley-Terry": Lapse(BradleyTerry(), Fraction(RATE)),
}
HUMANS = {
    f"{valuation}, {choice}": Boltzmann(VALUATIONS[valuation], CHOICES[choice])
    for valuation in VALUATIONS
    for choice in CHOICES
}


@eqx.filter_jit
def listen(human, weights, questions):
    """Worth of each option, log-probabilities of each answer, by question."""
    judge = human.judge(Linear(WORLD.feature_names, weights))
    worth = jax.vmap(jax.vmap(judge.worth))(questions)
    return worth, jax.vmap(judge.log_probs)(questions)


def ask(human, weights=WEIGHTS, questions=QUESTIONS) -> tuple[np.ndarray, np.ndarray]:
    worth, log_probs = listen(human, jnp.asarray(weights), questions)
    return np.asarray(worth), np.asarray(log_probs)


@pytest.fixture(scope="module", params=HUMANS)
def human(request):
    return HUMANS[request.param]


def rate_of(human) -> float:
    return RATE if isinstance(human.choice, Lapse) else 0.0


@pytest.mark.parametrize(
    "kind, rows",
    [
        (AbstractValuation, VALUATIONS.values()),
        (AbstractChoice, CHOICES.values()),
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


@pytest.mark.parametrize("seed", [SEED])
def test_it_keeps_the_contract(human, seed):
    reward = Linear(WORLD.feature_names, WEIGHTS)
    check_human(human, reward, one(QUESTIONS, 1), key=jax.random.key(seed))


def test_probabilities_add_up_to_one(human):
    _, log_probs = ask(human)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1.0, atol=1e-14)


def test_a_constant_added_to_the_reward_changes_no_answer(human):
    # Every option has 4 steps: a partial return grows by 4 c, for first and second
    # alike; V* grows by c / (1 - discount) everywhere, as nothing ends.
    worth, log_probs = ask(human)
    moved, same = ask(human, WEIGHTS + [0.0, 0.0, 1.7])
    np.testing.assert_allclose(moved - worth, moved[0, 0] - worth[0, 0], atol=1e-10)
    np.testing.assert_allclose(same, log_probs, atol=1e-10)


def test_the_constant_is_felt_as_far_as_nothing_comes_after(human):
    # By a partial return 4 c; by a regret 4 c less 0, as start and end gain alike.
    gained = ask(human, WEIGHTS + [0.0, 0.0, 1.7])[0] - ask(human)[0]
    np.testing.assert_allclose(gained, 4 * 1.7, atol=1e-10)


def test_without_rationality_the_order_does_not_matter(human):
    _, log_probs = ask(human, 0.0 * WEIGHTS)
    np.testing.assert_allclose(log_probs[:, FIRST], log_probs[:, SECOND], atol=1e-14)


def test_the_more_rational_the_surer(human):
    worth, _ = ask(human)
    ahead = worth[:, FIRST] - worth[:, SECOND]
    assert np.abs(ahead).min() > 1e-3  # no two options are worth the same
    _, log_probs = ask(human, 1e6 * WEIGHTS)
    better = np.where(ahead > 0, FIRST, SECOND)
    n_answers = log_probs.shape[1]
    sure = np.full_like(log_probs, rate_of(human) / n_answers)
    sure[np.arange(len(better)), better] += 1.0 - rate_of(human)
    np.testing.assert_allclose(np.exp(log_probs), sure, atol=1e-12)


def test_swapping_the_options_swaps_the_answers(human):
    swapped = jax.tree.map(lambda leaf: leaf[:, ::-1], QUESTIONS)
    _, log_probs = ask(human)
    _, other = ask(human, questions=swapped)
    order = [SECOND, FIRST, TIE][: log_probs.shape[1]]
    np.testing.assert_allclose(other[:, order], log_probs, atol=1e-12)


def test_the_further_ahead_the_more_often_chosen(human):
    worth, log_probs = ask(human)
    order = np.argsort(worth[:, FIRST] - worth[:, SECOND])
    assert (np.diff(log_probs[order, FIRST]) > 0).all()
    assert (np.diff(log_probs[order, SECOND]) < 0).all()


def test_cannot_tell_says_nothing(human):
    silent = answered(QUESTIONS, [CANNOT_TELL] * 12)

    @jax.jit
    def total(weights):
        judge = human.judge(Linear(WORLD.feature_names, weights))
        return jax.vmap(judge.log_prob)(silent).sum()

    value, slope = jax.value_and_grad(total)(jnp.asarray(WEIGHTS))
    assert float(value) == 0.0
    assert slope.tolist() == [0.0, 0.0, 0.0]


def test_a_lapse_bounds_every_probability_from_below(human):
    # At every rationality, also where the better option leaves nothing to the other.
    for scale in (0.0, 1.0, 1e5):
        _, log_probs = ask(human, scale * WEIGHTS)
        # Up to one rounding of a logarithm.
        least = rate_of(human) / log_probs.shape[1] * (1.0 - 1e-12)
        assert np.exp(log_probs).min() >= least
