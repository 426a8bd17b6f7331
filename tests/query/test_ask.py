"""What is asked: the best candidate, of one kind or several, alone or in batches."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs as some_pairs, rows
from volition import ask, query
from volition.feedback import (
    UNANSWERED,
    Comparison,
    Dataset,
    OneOf,
    Rating,
    Strength,
)
from volition.human import Boltzmann, BradleyTerry, Davidson, Graded
from volition.inference import Laplace, Normal, fit
from volition.policy import Random, rollout
from volition.query import score as scoring
from volition.reward import AbstractReward, Linear

SEED = 5
WORLD = featured_world(SEED, terminal=(2,))
TRACES = []
seeds = pytest.mark.parametrize("seed", [SEED])


class Counted(AbstractReward):
    """Linear, and says when it is traced."""

    weights: jax.Array

    def __call__(self, transition):
        TRACES.append(0)
        return jnp.dot(transition.features, self.weights)

    @property
    def feature_names(self):
        return WORLD.feature_names


def pool_of(n_segments, seed=SEED):
    key = jax.random.key(seed)
    return rollout(key, WORLD, Random(3), n_segments=n_segments, length=4)


def believed(choice=None, n_answers=0, reward=None):
    person = Boltzmann(choice=BradleyTerry() if choice is None else choice)
    answers = Dataset.empty()
    if n_answers:
        asked = some_pairs(SEED, WORLD, 40, 4)
        every = answered(asked, np.random.default_rng(SEED).integers(0, 2, 40))
        answers = Dataset.of(rows(every, slice(n_answers)))
    reward = Linear(WORLD.feature_names) if reward is None else reward
    return fit(reward, person, answers, Laplace(), prior=Normal(1.0))


BELIEF = believed()
GRADED = believed(Graded(Davidson()))


@seeds
def test_it_is_the_candidate_of_the_highest_score(seed):
    pool, key = pool_of(8), jax.random.key(seed)
    candidates = query.pairs(pool)
    question = ask(key, BELIEF, candidates)
    best = int(np.argmax(query.scores(key, BELIEF, candidates)))
    one, other = np.asarray(candidates.members)[best]
    for place, number in enumerate((one, other)):
        shown, meant = (
            jax.tree.map(lambda leaf, row=row: np.asarray(leaf)[row], segments)
            for segments, row in ((question.options, place), (pool, number))
        )
        assert eqx.tree_equal(shown, meant)
    assert isinstance(question, Comparison)
    assert int(question.choice) == UNANSWERED


@seeds
def test_what_segments_are_worth_is_what_each_judge_says(seed):
    pool, key = pool_of(6), jax.random.key(seed)
    found = scoring.worths(key, BELIEF, pool, 5)
    judges = BELIEF.sample_judges(key, 5)
    for sample, number in itertools.product(range(5), range(6)):
        judge, segment = (
            jax.tree.map(lambda leaf, row=row: leaf[row], batch)
            for batch, row in ((judges, sample), (pool, number))
        )
        assert float(judge.value(segment)) == pytest.approx(
            float(found[sample, number]), rel=1e-12
        )
    assert np.std(found, axis=0).min() > 0.01


@seeds
def test_blocks_change_nothing(seed, monkeypatch):
    candidates = query.pairs(pool_of(8))
    worth = jnp.asarray(np.random.default_rng(seed).normal(size=(30, 8)))
    judge, key = BELIEF.human.judge(BELIEF.mean), jax.random.key(seed)

    def scored():
        rule, nobody = query.InformationGain(), jnp.int32(-1)
        return scoring.scores_of(key, worth, candidates, rule, judge, nobody)[0]

    whole = scored()
    monkeypatch.setattr(scoring, "IN_FLIGHT", 150)  # five of 28 candidates at once
    np.testing.assert_allclose(scored(), whole, atol=1e-7)


@seeds
def test_the_same_key_asks_the_same(seed):
    candidates = query.pairs(pool_of(8))
    first, again = (ask(jax.random.key(seed), BELIEF, candidates) for _ in range(2))
    assert eqx.tree_equal(first.options, again.options)
    others = [
        ask(jax.random.key(seed + number), BELIEF, candidates, query.Random()).options
        for number in range(1, 6)
    ]
    assert not all(eqx.tree_equal(others[0], other) for other in others[1:])


def test_another_answer_compiles_nothing():
    candidates = query.pairs(pool_of(8))
    reward = Counted(jnp.zeros(3))
    ask(jax.random.key(0), believed(n_answers=3, reward=reward), candidates)
    assert len(TRACES) > 0
    after = believed(n_answers=4, reward=reward)
    before = len(TRACES)
    ask(jax.random.key(1), after, candidates)
    assert len(TRACES) == before
    ask(jax.random.key(1), after, candidates, n_samples=50)
    assert len(TRACES) > before


@seeds
def test_every_kind_can_be_asked(seed):
    pool, key = pool_of(6), jax.random.key(seed)
    best_of = query.choices(pool, n_options=3, n_choices=7, key=key)
    kinds = {
        OneOf: best_of,
        Rating: query.ratings(pool, n_levels=4),
        Strength: query.strengths(pool, n_degrees=5),
    }
    for kind, candidates in kinds.items():
        question = ask(key, GRADED, candidates, person=3)
        assert type(question) is kind
        assert int(question.person) == 3
        gain = np.asarray(query.scores(key, GRADED, candidates))
        assert gain.shape == (candidates.n_candidates,)
        assert (gain > -1e-6).all()
        assert gain.max() > 1e-3
    assert best_of.at(0).options.weight.shape == (3, 4)


@seeds
def test_the_gain_of_a_rating_is_what_its_probabilities_say(seed):
    pool, key = pool_of(5), jax.random.key(seed)
    candidates = query.ratings(pool, n_levels=4)
    found = query.scores(key, GRADED, candidates, n_samples=40)
    # The same rewards: `scores` splits its key for the draws.
    draw_key, _ = jax.random.split(jax.random.split(key, 1)[0])
    worth = scoring.worths(draw_key, GRADED, pool, 40)
    judge = GRADED.human.judge(GRADED.mean)
    level = jax.vmap(jax.vmap(lambda one: judge.level(one, 4)))
    p = np.exp(np.asarray(level(worth)))
    whole = p.mean(axis=0)
    entropy = lambda p: -(p * np.log(p)).sum(axis=-1)
    expected = entropy(whole) - entropy(p).mean(axis=0)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@seeds
def test_the_kind_is_chosen_by_what_it_tells_a_second(seed):
    pool, key = pool_of(6), jax.random.key(seed)
    rule = query.PerSecond(query.InformationGain())
    for seconds, kind in ((1000.0, Rating), (0.001, Comparison)):
        candidates = (query.pairs(pool, seconds=seconds), query.ratings(pool))
        assert type(ask(key, GRADED, candidates, rule)) is kind
        # And whatever the order of the kinds.
        assert type(ask(key, GRADED, candidates[::-1], rule)) is kind


def names_of(question, pool):
    features = np.asarray(pool.transition.features)
    shown = np.asarray(question.options.transition.features)
    return frozenset(
        int(np.flatnonzero((features == one).all(axis=(1, 2)))[0]) for one in shown
    )


@seeds
def test_a_batch_holds_no_question_twice(seed):
    """Each segment is there twice, so that every question has three doubles."""
    pool = pool_of(6)
    double = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), pool)
    batch = query.ask_several(
        jax.random.key(seed), BELIEF, query.pairs(double), n_questions=3
    )
    asked = [names_of(question, pool) for question in batch]
    assert all(len(names) == 2 for names in asked)
    assert len(set(asked)) == 3
    # The best is among them, and first.
    alone = ask(jax.random.key(seed), BELIEF, query.pairs(double))
    assert eqx.tree_equal(alone.options, batch[0].options)
    # Without the rule against likeness the doubles come next.
    same = query.ask_several(
        jax.random.key(seed),
        BELIEF,
        query.pairs(double),
        n_questions=3,
        too_like=1.0,
    )
    assert len({names_of(question, pool) for question in same}) < 3


@seeds
def test_a_batch_can_be_all_that_there_is(seed):
    candidates = query.pairs(pool_of(4))
    batch = query.ask_several(jax.random.key(seed), BELIEF, candidates, n_questions=6)
    assert len({names_of(question, pool_of(4)) for question in batch}) == 6


def test_likeness_is_the_correlation_of_differences():
    worth = np.random.default_rng(SEED).normal(size=(30, 4))
    candidates = query.pairs(pool_of(4))
    found = scoring.likeness(
        jnp.asarray(worth[:, [0, 1]].T), candidates, jnp.asarray(worth)
    )
    ahead = worth[:, 0] - worth[:, 1]
    for like, (one, other) in zip(found, np.asarray(candidates.members), strict=True):
        expected = abs(np.corrcoef(ahead, worth[:, one] - worth[:, other])[0, 1])
        assert float(like) == pytest.approx(expected, abs=1e-12)
    assert float(found[0]) == pytest.approx(1.0)


def test_what_cannot_be_asked_is_refused_in_a_sentence():
    key, pool = jax.random.key(0), pool_of(4)
    candidates = query.pairs(pool)
    alone = jax.tree.map(lambda leaf: leaf[0], pool)
    wrong = {
        r"^n_samples = 1: one reward cannot be in doubt\.$": lambda: ask(
            key, BELIEF, candidates, n_samples=1
        ),
        r"^there is nothing to choose from: give candidates\.$": lambda: ask(
            key, BELIEF, ()
        ),
        r"at least 2 segments, \[segment, time\], not an": lambda: query.pairs(alone),
        r"^there are 6 candidates: ask for 1 to 6 questions, not 7\.$": (
            lambda: query.ask_several(key, BELIEF, candidates, n_questions=7)
        ),
        r"^too_like = 0.0 must be in \(0, 1\]\.$": lambda: query.ask_several(
            key, BELIEF, candidates, n_questions=2, too_like=0.0
        ),
        r"^an answer takes more than 0 seconds, not 0.0\.$": lambda: query.pairs(
            pool, seconds=0.0
        ),
        r"make 6 sets of 2: ask for 1 to 6 of them, not 7\.$": lambda: query.pairs(
            pool, n_pairs=7, key=key
        ),
        r"drawn at random: give a key\.$": lambda: query.pairs(pool, n_pairs=3),
        r"no scale to give ratings on": lambda: ask(key, BELIEF, query.ratings(pool)),
    }
    for sentence, call in wrong.items():
        with pytest.raises(ValueError, match=sentence):
            call()


def test_some_sets_are_different_sets():
    pool, key = pool_of(7), jax.random.key(SEED)
    every = query.choices(pool, n_options=3, n_choices=35, key=key)
    found = sorted(map(tuple, np.asarray(every.members).tolist()))
    assert found == list(itertools.combinations(range(7), 3))
    some = np.asarray(query.pairs(pool, n_pairs=9, key=key).members)
    assert len({frozenset(pair) for pair in some.tolist()}) == 9
    other = np.asarray(query.pairs(pool, n_pairs=9, key=jax.random.key(1)).members)
    assert (some != other).any()
