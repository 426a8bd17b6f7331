"""Demonstrations as choices among what else would have come of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special

from volition import env, reward
from volition.inference import MAP, Normal, of_size_one
from volition.inference.irl.alternatives import (
    Alternatives,
    beside,
    learn_from_demonstrations,
    parts,
)
from volition.policy import Always, continued, episode
from volition.value.deep import MLP, PQN, Rollout

WORLD = env.CartPole()
LENGTH, STEPS = 4, 14
SMALL = Alternatives(2, 3, length=LENGTH, every=5)


@pytest.fixture(scope="module")
def shown():
    """Pushed to the right until the pole falls, in about 9 of 14 steps."""
    keys = jax.random.split(jax.random.key(0), 6)
    return jax.vmap(lambda key: episode(key, WORLD, Always(1), STEPS))(keys)


@pytest.fixture(scope="module")
def found(shown):
    learner = PQN(64, rollout=Rollout(4, 4), network=MLP((8,)), n_stretches=1)
    return learn_from_demonstrations(
        jax.random.key(1),
        WORLD,
        shown,
        reward.Linear(WORLD.feature_names),
        learner=learner,
        alternatives=SMALL,
        method=MAP(),
        prior=Normal(2.0),
    )


def test_an_episode_goes_on_from_its_middle_as_it_went(shown):
    one = jax.tree.map(lambda leaf: leaf[0], shown)
    state = jax.tree.map(lambda leaf: leaf[3], one.transition.state)
    again = continued(jax.random.key(9), WORLD, Always(1), state, STEPS - 3)
    rest = jax.tree.map(lambda leaf: leaf[3:], one)
    assert eqx.tree_equal(again, rest)


def test_parts_are_windows_that_end_before_the_record_unless_the_episode_did(shown):
    made = np.asarray(shown.weight).sum(axis=1)
    found = parts(shown, SMALL)
    # All have fallen: a part begins at 0, 5 and 10 wherever there is a step.
    begins = [start for n in made for start in (0, 5, 10) if start < n]
    assert found.weight.shape == (len(begins), LENGTH)
    n_steps = [
        min(LENGTH, n - start) for n in made for start in (0, 5, 10) if start < n
    ]
    assert np.asarray(found.weight).sum(axis=1).tolist() == n_steps
    # Cut off by a time limit in place of a fall, whole parts alone are taken.
    never = jnp.zeros_like(shown.transition.terminated)
    cut = eqx.tree_at(lambda told: told.transition.terminated, shown, never)
    whole = [start for n in made for start in (0, 5, 10) if start + LENGTH <= n]
    assert parts(cut, SMALL).weight.shape[0] == len(whole) < len(begins)
    with pytest.raises(ValueError, match="no demonstration has 15 steps or an end"):
        parts(cut, Alternatives(1, 1, length=15))


def test_the_alternatives_begin_where_the_part_does(shown):
    done = parts(shown, SMALL)
    numbers = jnp.arange(done.weight.shape[0], dtype=jnp.int32)
    said = beside(jax.random.key(2), WORLD, Always(0), done, numbers, 2)
    assert set(np.asarray(said.choice).tolist()) == {0}
    assert said.question.tolist() == numbers.tolist()
    places = np.asarray(said.options.transition.state.position)
    assert np.ptp(places[:, :, 0], axis=1).max() == 0.0
    long = np.asarray(done.weight).sum(axis=1) == LENGTH
    apart = places[long, 0, -1][:, None] - places[long, 1:, -1]
    assert apart.size > 0
    assert apart.min() > 0.0  # pushed to the left, they are left of it
    own = jax.tree.map(lambda leaf: leaf[:, 0], said.options)
    assert eqx.tree_equal(own, done)


def test_the_reward_is_the_mode_of_a_logistic_choice(found):
    """By SciPy, over the summed features of what was chosen among."""
    problem = found.posterior.problem
    (batch,) = problem.answers.batches
    options = batch.answers.options
    n_answers = len(problem.answers)
    features = (
        np.asarray(options.transition.features) * np.asarray(options.weight)[..., None]
    )
    summed = features.sum(axis=2)[:n_answers]

    def loss(weights):
        worth = summed @ weights
        told = special.logsumexp(worth, axis=1) - worth[:, 0]
        return told.sum() + 0.5 * np.sum((weights / 2.0) ** 2)

    best = optimize.minimize(loss, np.zeros(2), options={"gtol": 1e-9}).x
    mean = np.asarray(found.posterior.mean.weights)
    np.testing.assert_allclose(mean, best, atol=1e-4)
    assert np.abs(best).max() > 0.1


def test_every_round_adds_a_choice_for_each_part(found, shown):
    n_parts = parts(shown, SMALL).weight.shape[0]
    answers = found.posterior.problem.answers
    assert len(answers) == 2 * n_parts
    told = np.asarray(answers.question)[np.asarray(answers.present)]
    assert told.tolist() == list(range(2 * n_parts))
    assert found.curve.step.tolist() == [64, 128]
    assert len(found.results) == 2


def test_room_for_further_answers_does_not_count_for_the_size(found):
    """It is filled with copies of an answer, which was given once."""
    answers, mean = found.posterior.problem.answers, found.posterior.mean
    few = answers.subset(jnp.arange(answers.capacity) < 3)
    assert few.capacity > len(few) == 3
    options = answers.batches[0].answers.options
    paid = np.asarray(options.transition.features)[:3] @ np.asarray(mean.weights)
    made = np.asarray(options.weight)[:3] > 0
    size = np.sqrt(np.mean(paid[made] ** 2))
    assert float(of_size_one(mean, few).factor) == pytest.approx(1.0 / size)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="are at least 1"):
        Alternatives(0)
    with pytest.raises(ValueError, match="is a share"):
        Alternatives(exploration=2.0)
    world = env.gridworld(["S..G"], time_limit=5)
    told = jax.vmap(lambda key: episode(key, world, Always(3), 3))(
        jax.random.split(jax.random.key(0), 2)
    )
    with pytest.raises(ValueError, match="do not hold whole states"):
        learn_from_demonstrations(
            jax.random.key(1),
            world,
            told,
            reward.Linear(world.feature_names),
            learner=PQN(64),
        )
