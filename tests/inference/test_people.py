"""Several people: who answers well, who wants something else, and what is foreseen."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs, rows, sums
from volition.evaluation import cross_validate
from volition.feedback import CANNOT_TELL, Comparison, Dataset, comparison
from volition.human import (
    Boltzmann,
    BradleyTerry,
    Davidson,
    PerPerson,
    Positive,
    Rational,
)
from volition.inference import (
    MAP,
    Laplace,
    Normal,
    by_evidence,
    find_groups,
    fit,
    fit_groups,
)
from volition.reward import Linear

_PLAIN = BradleyTerry()
SEED = 11
WORLD = featured_world(SEED)
FORM = Linear(WORLD.feature_names)
PRIOR = Normal(2.0)
TRUTH = np.array([1.0, -0.7, 0.0])


@eqx.filter_jit
def _say(keys, questions, weights, rationality):
    def one(key, pair, own, sharp):
        reward = Linear(WORLD.feature_names, sharp * own)
        judge = Boltzmann(choice=Davidson(Positive(0.5))).judge(reward)
        return judge.sample(key, comparison(pair)).choice

    return jax.vmap(one)(keys, questions, weights, rationality)


def said(seed: int, weights: np.ndarray, rationality: np.ndarray, n: int) -> Comparison:
    """`n` answers of each person, about random pairs."""
    n_people = len(rationality)
    questions = pairs(seed, WORLD, n_people * n, 4)
    person = np.repeat(np.arange(n_people), n)
    keys = jax.random.split(jax.random.key(seed), len(person))
    choices = _say(
        keys,
        questions,
        jnp.asarray(weights[person]),
        jnp.asarray(rationality[person]),
    )
    answers = answered(questions, np.asarray(choices))
    where = lambda made: made.person
    return eqx.tree_at(where, answers, jnp.asarray(person, dtype=jnp.int32))


def several(n_people: int) -> Boltzmann:
    own = PerPerson(Positive(1.0), n_people, known=True)
    return Boltzmann(choice=Rational(Davidson(), own))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_answers_at_random_is_found_and_counts_less(seed):
    """One of four answers at random; nobody says who."""
    rationality = np.tile([1.5, 1.0, 0.02, 1.0], 3)
    n_people = len(rationality)
    weights = np.tile(TRUTH, (n_people, 1))
    answers = Dataset.of(said(seed, weights, rationality, 40))
    belief = fit(FORM, several(n_people), answers, Laplace(), prior=PRIOR)
    own = np.asarray(belief.human.choice.rationality.value)
    at_random = rationality < 0.1
    assert own[at_random].max() < own[~at_random].min()
    # Predicted from a fit that has not seen the question, but knows the person.
    scores = [
        cross_validate(
            FORM,
            human,
            answers,
            MAP(),
            prior=PRIOR,
            n_folds=5,
            clusters=np.asarray(answers.question),
        )
        for human in (several(n_people), Boltzmann())
    ]
    gain = scores[0].each - scores[1].each
    assert gain.mean() > 2 * gain.std() / np.sqrt(len(gain)) > 0


def test_of_whom_little_is_known_the_others_say_all():
    rationality = np.array([2.0, 2.0, 0.5, 0.5, 1.0, 1.0])
    weights = np.tile(TRUTH, (6, 1))
    many = said(5, weights, rationality, 60)
    # Of the last person only one answer is kept.
    keep = np.flatnonzero((np.asarray(many.person) < 5) | (np.arange(360) == 300))
    answers = Dataset.of(rows(many, keep))
    belief = fit(FORM, several(6), answers, Laplace(), prior=PRIOR)
    spread = np.sqrt(np.diag(belief.belief.covariance))[-6:]
    # In units of the prior around the others.
    assert spread[:5].max() < spread[5] <= 1.0
    assert spread[5] > 1.3 * spread[:5].mean()


def test_a_person_whom_nobody_knows_is_the_common_one():
    human = several(3)
    moved = eqx.tree_at(
        lambda one: one.choice.rationality.offset, human, jnp.array([1.0, -1.0, 2.0])
    )
    judge = moved.judge(Linear(WORLD.feature_names, TRUTH))
    asked = comparison(jax.tree.map(lambda leaf: leaf[0], pairs(1, WORLD, 1, 4)))
    nobody = judge.log_probs(asked)
    plain = Boltzmann().judge(Linear(WORLD.feature_names, TRUTH)).log_probs(asked)
    np.testing.assert_allclose(nobody, plain, atol=1e-12)
    third = eqx.tree_at(lambda one: one.person, asked, jnp.int32(2))
    assert not np.allclose(judge.log_probs(third), plain)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_groups_that_want_different_things_are_found_as_two(seed):
    other = np.array([-0.6, 0.9, 0.0])
    belongs = np.array([0, 1, 0, 0, 1, 0, 1, 0])
    weights = np.where(belongs[:, None] == 0, TRUTH, other)
    answers = Dataset.of(said(seed, 2 * weights, np.ones(8), 40))
    found = find_groups(FORM, Boltzmann(), answers, most=3, prior=PRIOR)
    assert found.n_groups == 2
    assert np.asarray(found.share)[0] == pytest.approx(5 / 8, abs=0.25)
    member = np.asarray(found.membership)
    np.testing.assert_array_equal(member.argmax(1), belongs)
    assert member.max(1).min() > 0.95
    for group, truth in enumerate((TRUTH, other)):
        learned = np.asarray(found.reward(group).weights)[:2]  # alive says nothing here
        cosine = learned @ truth[:2] / np.linalg.norm(learned) / np.linalg.norm(truth)
        assert cosine > 0.95
    pooled = fit_groups(FORM, Boltzmann(), answers, 1, prior=PRIOR, n_starts=1)
    assert found.log_evidence > pooled.log_evidence + 10
    assert str(found).count("% of people") == 2


def test_one_group_is_found_as_one():
    weights = np.tile(2 * TRUTH, (8, 1))
    answers = Dataset.of(said(3, weights, np.ones(8), 40))
    found = find_groups(FORM, Boltzmann(), answers, most=2, prior=PRIOR)
    assert found.n_groups == 1
    plain = fit(FORM, Boltzmann(), answers, Laplace(), prior=PRIOR)
    np.testing.assert_allclose(found.reward(0).weights, plain.mean.weights, atol=1e-4)


def test_who_says_nothing_speaks_for_no_further_group():
    # All is as the priors have it, Gaussians: the evidence is log 1, exactly, and the
    # two numberings of two groups that are the same are one.
    answers = answered(pairs(1, WORLD, 3, 4), np.full(3, CANNOT_TELL))
    known = eqx.tree_at(
        lambda made: made.person, answers, jnp.arange(3, dtype=jnp.int32)
    )
    human = Boltzmann(choice=_PLAIN)
    found = fit_groups(FORM, human, Dataset.of(known), 2, prior=PRIOR, n_starts=1)
    assert found.log_evidence == pytest.approx(0.0, abs=1e-6)
    assert found.n_distinct == 1


def test_groups_need_people_who_are_known():
    answers = answered(pairs(1, WORLD, 4, 4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="give each answer the number of its person"):
        fit_groups(FORM, Boltzmann(), Dataset.of(answers), 2)
    known = said(1, np.tile(TRUTH, (2, 1)), np.ones(2), 3)
    with pytest.raises(ValueError, match="3 groups among 2 people"):
        fit_groups(FORM, Boltzmann(), Dataset.of(known), 3)


def test_the_evidence_is_the_integral():
    """Of one weight, by quadrature: Laplace is near it."""
    wide = featured_world(2, n_features=2)
    questions = pairs(2, wide, 30, 3)
    ahead = (sums(questions)[:, 0] - sums(questions)[:, 1])[:, 0]
    choices = (np.random.default_rng(1).uniform(size=30) < 0.3).astype(int)
    answers = Dataset.of(answered(questions, choices))
    found = {}
    for scale in (0.3, 3.0):
        human = Boltzmann(choice=_PLAIN)
        belief = fit(
            Linear(wide.feature_names), human, answers, Laplace(), prior=Normal(scale)
        )
        grid = np.linspace(-8 * scale, 8 * scale, 20001)
        signed = np.where(choices == 0, 1.0, -1.0)
        logs = -np.logaddexp(0.0, -np.outer(grid, ahead * signed)).sum(1)
        logs += -0.5 * (grid / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))
        exact = np.log(np.trapezoid(np.exp(logs - logs.max()), grid)) + logs.max()
        # The weight of being alive is left as the prior has it: a factor of 1.
        told = belief.result.diagnostics["log_evidence"]
        assert told == pytest.approx(exact, abs=0.05)
        found[scale] = exact
    human = Boltzmann(choice=_PLAIN)
    priors = [Normal(scale) for scale in found]
    best = by_evidence(Linear(wide.feature_names), human, answers, priors)
    assert float(best.problem.prior.scale) == max(found, key=lambda scale: found[scale])


def test_evidence_needs_something_to_choose_from():
    with pytest.raises(ValueError, match="at least one prior"):
        by_evidence(FORM, Boltzmann(), Dataset.empty(), [])


def test_marginals_say_what_was_believed_before_and_after():
    weights = np.tile(2 * TRUTH, (4, 1))
    answers = Dataset.of(said(3, weights, np.ones(4), 40))
    belief = fit(FORM, Boltzmann(), answers, Laplace(), prior=PRIOR)
    told = belief.marginals(jax.random.key(1), 4000)
    assert [one.name for one in told] == list(WORLD.feature_names)
    mean = np.asarray(belief.mean.weights)
    spread = np.sqrt(np.diag(belief.belief.covariance))[:3]
    for one, middle, width in zip(told, mean, spread, strict=True):
        assert one.prior == pytest.approx((-3.29, 0.0, 3.29), abs=0.2)
        expected = (middle - 1.645 * width, middle, middle + 1.645 * width)
        assert one.posterior == pytest.approx(expected, abs=0.12 * width)
    # Of the constant nothing was learned.
    assert told[2].posterior == pytest.approx(told[2].prior, abs=0.3)
    with pytest.raises(ValueError, match="too few for ends of 5 %"):
        belief.marginals(jax.random.key(0), 10)
