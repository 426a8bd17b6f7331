"""One suite over every kind of answer, about random paths of a random world."""

import inspect
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import volition.feedback
from benchmarks.kinds import (
    KINDS,
    N_FEATURES,
    ask,
    cosine,
    paths,
    person,
    recovered,
    world,
)
from volition import record
from volition.env import FiniteMDP
from volition.feedback import (
    NOBODY,
    AbstractAnswer,
    Dataset,
    best_of,
    comparison,
    correction,
    demonstration,
    follow,
    ranking,
    rating,
    stop,
    strength,
    world_state,
)
from volition.human import Boltzmann, BradleyTerry, SoftOptimal
from volition.inference import Normal, Problem, fisher_information
from volition.reward import Linear

SEED = 3
WORLD = world(SEED)
PERSON = person(WORLD)
WEIGHTS = jnp.array([0.9, -0.6, 0.4])
N = 40
kinds = pytest.mark.parametrize("kind", KINDS)


def but(*left_out: str):
    """A row for each kind but some."""
    return pytest.mark.parametrize("kind", [k for k in KINDS if k not in left_out])


@eqx.filter_jit
def stages(answers, reward, human=PERSON):
    judge = human.judge(reward)
    return jax.vmap(lambda one: one.stages(judge.by(one)))(answers)


@eqx.filter_jit
def log_probs(answers, reward, human=PERSON):
    return jax.vmap(human.judge(reward).log_prob)(answers)


def linear(weights, env: FiniteMDP = WORLD) -> Linear:
    return Linear(env.feature_names, jnp.asarray(weights))


def said(kind, n=N, weights=WEIGHTS) -> AbstractAnswer:
    key = jax.random.key(SEED)
    return ask(key, kind, WORLD, linear(weights), PERSON, n)


def test_every_public_one_has_a_row():
    public = {
        thing
        for _, thing in inspect.getmembers(volition.feedback, inspect.isclass)
        if issubclass(thing, AbstractAnswer) and not inspect.isabstract(thing)
    }
    rows = {type(KINDS[kind](jax.random.key(0), WORLD)) for kind in KINDS}
    assert public == rows


# What was corrected or approved of was answered by that.
@but("approval", "correction")
def test_a_question_is_an_answer_that_says_nothing(kind):
    asked = KINDS[kind](jax.random.key(SEED), WORLD)
    judge = PERSON.judge(linear(WEIGHTS))
    assert float(judge.log_prob(asked)) == 0.0


@kinds
def test_probabilities_add_up_to_one_at_every_stage(kind):
    listed = stages(said(kind), linear(WEIGHTS))
    assert listed.shape[0] == N
    totals = np.exp(np.asarray(listed)).sum(axis=-1)
    np.testing.assert_allclose(totals, 1.0, atol=1e-12)


@kinds
def test_the_likelihood_is_that_of_the_choices_made(kind):
    answers, reward = said(kind), linear(WEIGHTS)
    listed = np.asarray(stages(answers, reward))
    weights = np.asarray(jax.vmap(lambda one: one.weights(listed.shape[-1]))(answers))
    assert set(np.unique(weights)) == {0.0, 1.0}
    picked = np.where(weights > 0, listed, 0.0).sum(axis=(1, 2))
    np.testing.assert_allclose(log_probs(answers, reward), picked, atol=1e-13)


# Elsewhere the widths of levels and ties decide then; and where a random walk leads is
# not uniform, which the histories below count.
@but(
    "rating",
    "thumb",
    "strength",
    "strength without tie",
    "comparison",
    "state of the world",
)
def test_without_rationality_every_option_is_as_good(kind):
    listed = np.asarray(stages(said(kind), linear(0.0 * WEIGHTS)))
    if kind == "demonstration":  # the future has entropy of its own: it ends nowhere
        listed = listed[:, :1]
    there = listed > -np.inf
    counted = np.where(there, -np.log(there.sum(-1, keepdims=True)), -np.inf)
    np.testing.assert_allclose(listed, counted, atol=1e-12)


@kinds
def test_with_endless_rationality_the_best_is_chosen(kind):
    answers = said(kind)
    surest = np.exp(np.asarray(stages(answers, linear(1e5 * WEIGHTS)))).max(-1)
    near = np.exp(np.asarray(stages(answers, linear(0.1 * WEIGHTS)))).max(-1)
    # Of a demonstration and a ranking, at every stage; ties of worth have no weight
    # here, as no two paths are worth the same, but for paths that are the same.
    assert np.median(surest) > 1 - 1e-9
    assert np.median(near) < 0.9


# What is judged alone, or cut short, is worth more then.
@but("rating", "thumb", "stop")
def test_a_constant_added_to_every_step_changes_no_choice(kind):
    answers = said(kind)

    def more(step_reward):
        class_name = eqx.filter_jit(lambda: stages(answers, step_reward))
        return np.asarray(class_name())

    plain = more(linear(WEIGHTS))
    shifted = more(_Shifted(WEIGHTS, jnp.asarray(1.7)))
    np.testing.assert_allclose(np.exp(shifted), np.exp(plain), atol=1e-9)


class _Shifted(volition.reward.AbstractReward):
    """A linear reward and a constant for every step."""

    weights: jax.Array
    constant: jax.Array

    def __call__(self, transition):
        return jnp.dot(transition.features, self.weights) + self.constant

    @property
    def feature_names(self):
        return WORLD.feature_names


@pytest.mark.parametrize("seed", [SEED])
@pytest.mark.parametrize("make", [best_of, ranking], ids=["best of", "ranking"])
def test_the_order_shown_does_not_matter(make, seed):
    options = paths(jax.random.key(seed), WORLD, 4)
    order = np.array([2, 0, 3, 1])
    shown = jax.tree.map(lambda leaf: leaf[order], options)
    judge = PERSON.judge(linear(WEIGHTS))
    if make is best_of:
        here = judge.log_probs(best_of(options))
        there = judge.log_probs(best_of(shown))
        np.testing.assert_allclose(there, np.asarray(here)[order], atol=1e-13)
    else:
        here = judge.log_prob(ranking(options, [2, 3, 1]))
        there = judge.log_prob(ranking(shown, [0, 2, 3]))
        assert float(there) == pytest.approx(float(here), abs=1e-13)


@pytest.mark.parametrize("seed", [SEED])
def test_a_ranking_is_all_rankings_that_begin_so(seed):
    options = paths(jax.random.key(seed), WORLD, 4)
    judge = PERSON.judge(linear(WEIGHTS))
    whole = [[1, 3, 0, 2], [1, 3, 2, 0]]
    total = sum(float(jnp.exp(judge.log_prob(ranking(options, o)))) for o in whole)
    began = float(jnp.exp(judge.log_prob(ranking(options, [1, 3]))))
    assert began == pytest.approx(total, abs=1e-13)
    # The best of them: what best_of says.
    best = [float(judge.log_prob(ranking(options, [n]))) for n in range(4)]
    np.testing.assert_allclose(best, judge.log_probs(best_of(options)), atol=1e-13)


@pytest.mark.parametrize("seed", [SEED])
def test_a_comparison_is_the_best_of_two(seed):
    options = paths(jax.random.key(seed), WORLD, 2)
    judge = Boltzmann(choice=BradleyTerry()).judge(linear(WEIGHTS))
    np.testing.assert_allclose(
        judge.log_probs(comparison(options)), judge.log_probs(best_of(options)), atol=0
    )


@pytest.mark.parametrize("seed", [SEED])
def test_demonstrations_are_a_choice_among_all_paths(seed):
    """In a deterministic world whose episodes end: by listing every path."""
    # A tree of depth 3: every path ends after 3 moves, and pays what its steps pay.
    n_actions, depth = 3, 3
    generator = np.random.default_rng(seed)
    n_states = sum(n_actions**level for level in range(depth + 1))
    successor = np.zeros((n_states, n_actions, 1), dtype=np.int32)
    for state in range(n_states):
        for action in range(n_actions):
            successor[state, action, 0] = min(
                state * n_actions + action + 1, n_states - 1
            )
    first_leaf = sum(n_actions**level for level in range(depth))
    tree = FiniteMDP(
        successor,
        np.ones_like(successor, dtype=float),
        terminal=np.arange(n_states) >= first_leaf,
        initial=np.eye(n_states)[0],
        features=generator.normal(size=(n_states, n_actions, 1, N_FEATURES)),
        feature_info=WORLD.feature_info,
        discount=1.0,
    )
    reward = linear(WEIGHTS, tree)
    codes = np.indices((n_actions,) * depth).reshape(depth, -1).T
    every = jax.vmap(follow, (None, None, 0))(
        tree, jnp.int32(0), jnp.asarray(codes, dtype=jnp.int32)
    )
    human = Boltzmann(choice=BradleyTerry(), acting=SoftOptimal(tree))
    judge = human.judge(reward)
    listed = judge.log_probs(best_of(every))
    demonstrated = [
        float(
            judge.log_prob(
                demonstration(jax.tree.map(lambda leaf, n=n: leaf[n], every))
            )
        )
        for n in range(len(codes))
    ]
    np.testing.assert_allclose(demonstrated, listed, atol=1e-10)


@pytest.mark.parametrize("seed", [SEED])
def test_the_state_of_the_world_counts_every_history(seed):
    """By listing all the actions that can have been taken in 3 steps."""
    horizon, start = 3, 5
    reward, judge = linear(WEIGHTS), PERSON.judge(linear(WEIGHTS))
    initial = np.eye(WORLD.n_states)[start]
    listed = np.exp(judge.log_probs(world_state(initial, horizon)))
    paid = np.asarray(volition.value.expected_reward(WORLD, reward))
    successor, discount = np.asarray(WORLD.successor)[..., 0], float(WORLD.discount)
    values = [np.zeros(WORLD.n_states)]
    policies = []
    for _ in range(horizon):
        q = paid + discount * values[0][successor]
        top = np.log(np.exp(q).sum(1))
        values.insert(0, top)
        policies.insert(0, np.exp(q - top[:, None]))
    counted = np.zeros(WORLD.n_states)
    for actions in np.indices((WORLD.n_actions,) * horizon).reshape(horizon, -1).T:
        state, mass = start, 1.0
        for time, action in enumerate(actions):
            mass *= policies[time][state, action]
            state = successor[state, action]
        counted[state] += mass
    np.testing.assert_allclose(listed, counted, atol=1e-12)


def test_what_is_stopped_pays_nothing_more():
    shown = paths(jax.random.key(SEED), WORLD)
    judge = PERSON.judge(linear(WEIGHTS))
    steps = np.asarray(shown.transition.features) @ np.asarray(WEIGHTS)
    worth = np.concatenate([[0.0], np.cumsum(steps)])
    expected = worth - np.log(np.exp(worth).sum())
    np.testing.assert_allclose(judge.log_probs(stop(shown)), expected, atol=1e-12)


@kinds
def test_a_simulated_person_answers_as_often_as_the_probabilities_say(kind):
    judge = PERSON.judge(linear(WEIGHTS))
    asked = KINDS[kind](jax.random.key(SEED), WORLD)
    n_samples = 4000
    keys = jax.random.split(jax.random.key(SEED + 1), n_samples)

    @eqx.filter_jit
    def hear(keys):
        answers = jax.vmap(lambda key: judge.sample(key, asked))(keys)
        listed = jax.vmap(lambda one: one.stages(judge))(answers)
        weights = jax.vmap(lambda one: one.weights(listed.shape[-1]))(answers)
        # Given the stages before: expected and drawn, of each choice at each stage.
        return (
            jnp.sum(jnp.exp(listed), 0),
            jnp.sum(weights, 0),
            jnp.sum(jnp.exp(listed) * (1.0 - jnp.exp(listed)), 0),
        )

    expected, drawn, variance = (np.asarray(part) for part in hear(keys))
    assert drawn.sum() == pytest.approx(n_samples * drawn.shape[0])
    assert (np.abs(drawn - expected) <= 4.0 * np.sqrt(variance) + 1.0).all()


@kinds
def test_slopes_are_finite_and_information_is_not_negative(kind):
    answers = Dataset.of(said(kind))
    problem = Problem(linear(WEIGHTS), PERSON, answers, Normal())

    @eqx.filter_jit
    def look(problem):
        slope = jax.grad(problem.log_density)(problem.start)
        return slope, fisher_information(problem, problem.start)

    slope, information = (np.asarray(part) for part in look(problem))
    assert np.isfinite(slope).all()
    assert np.linalg.eigvalsh(information).min() > -1e-9
    assert np.linalg.eigvalsh(information[:N_FEATURES, :N_FEATURES]).min() > 0.1


@kinds
def test_the_same_key_gives_the_same_answers(kind):
    here, there = said(kind), said(kind)
    for leaf, other in zip(jax.tree.leaves(here), jax.tree.leaves(there), strict=True):
        assert np.asarray(leaf).tobytes() == np.asarray(other).tobytes()


def test_the_person_survives_a_record():
    back = record.from_json(json.loads(json.dumps(record.to_json(PERSON))))
    # One of each thing that a person is made of: choice, scale, acting.
    for kind in ("best of 4", "rating", "demonstration"):
        here = stages(said(kind, 3), linear(WEIGHTS))
        there = stages(said(kind, 3), linear(WEIGHTS), back)
        assert np.asarray(here).tobytes() == np.asarray(there).tobytes()


@pytest.mark.parametrize("seed", [SEED])
@kinds
def test_a_reward_is_understood_from_500_answers(kind, seed):
    truth, mean, ends = recovered(kind, seed, 500)
    assert cosine(mean, truth) >= 0.95
    # All three within 4 posterior standard deviations.
    spread = np.diff(ends, axis=0)[0] / (2 * stats.norm.ppf(0.95))
    assert (np.abs(mean - truth) < 4 * spread).all()


BAD = {
    "best of one": (lambda path: best_of(_stack(path, 1)), "at least 2 options"),
    "no such best": (lambda path: best_of(_stack(path, 3), 3), "in 0 to 2, not 3"),
    "twice": (lambda path: ranking(_stack(path, 3), [1, 1]), "each once"),
    "no place": (lambda path: ranking(_stack(path, 3), n_places=4), "1 to 3"),
    "no level": (lambda path: rating(path, 5), "on a scale of 5"),
    "one level": (lambda path: rating(path, 0, n_levels=1), "on a scale of 1"),
    "two rated": (lambda path: rating(_stack(path, 2)), "a rating is of one"),
    "no degree": (lambda path: strength(_stack(path, 2), -2), "on a scale of 5"),
    "three": (lambda path: strength(_stack(path, 3)), "has 2 options, not 3"),
    "too late": (lambda path: stop(path, 6), "0 to 5"),
    "two stopped": (lambda path: stop(_stack(path, 2)), "one segment is stopped"),
    "two shown": (lambda path: demonstration(_stack(path, 2)), "one segment"),
    "no state": (lambda path: world_state(np.ones(4) / 4, 2, 4), "0 to 3"),
    "no step": (lambda path: world_state(np.ones(4) / 4, 0, 1), "at least one step"),
    "lengths": (
        lambda path: correction(path, jax.tree.map(lambda leaf: leaf[:3], path)),
        "of the same length",
    ),
}


def _stack(path, n):
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * n), path)


@pytest.mark.parametrize("case", BAD)
def test_nonsense_is_refused_in_a_sentence(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message) as told:
        make(paths(jax.random.key(0), WORLD))
    assert str(told.value).endswith(".")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "kind, message",
    [
        ("rating", "wrap the choice in Graded"),
        ("strength", "wrap the choice in Graded"),
        ("demonstration", "acting is not modelled"),
        ("state of the world", "acting is not modelled"),
    ],
)
def test_who_cannot_answer_says_what_is_missing(kind, message):
    asked = KINDS[kind](jax.random.key(0), WORLD)
    with pytest.raises(ValueError, match=message):
        asked.stages(Boltzmann().judge(linear(WEIGHTS)))


def test_a_ranking_is_not_listed_whole():
    asked = KINDS["ranking of 4"](jax.random.key(0), WORLD)
    with pytest.raises(ValueError, match="Ranking is 3 choices in a row"):
        PERSON.judge(linear(WEIGHTS)).log_probs(asked)


def test_nobody_is_known_at_first():
    for kind in KINDS:
        assert int(np.asarray(KINDS[kind](jax.random.key(0), WORLD).person)) == NOBODY
