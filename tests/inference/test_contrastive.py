"""A policy straight from answers: on a finite world, beside random actions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs
from volition.env import Pendulum
from volition.feedback import Dataset, comparison
from volition.human import Boltzmann, Davidson, Positive, Regret
from volition.inference import Contrastive
from volition.reward import Linear
from volition.value import evaluate_policy, expected_reward, plan

WORLD = featured_world(3, n_states=12)
TRUTH = Linear(WORLD.feature_names, [2.0, -1.5, 0.0])
METHOD = Contrastive(n_steps=1500)


def said(seed: int, n: int) -> Dataset:
    judge = Boltzmann(Regret(WORLD), Davidson(Positive(0.5))).judge(TRUTH)
    questions = pairs(seed, WORLD, n, 4)
    keys = jax.random.split(jax.random.key(seed), n)
    answer = lambda key, pair: judge.sample(key, comparison(pair)).choice
    return Dataset.of(
        answered(questions, np.asarray(jax.vmap(answer)(keys, questions)))
    )


def scaled_return(learned) -> float:
    """1 is the best policy, 0 random actions."""
    states = jax.vmap(WORLD.observe)(_states())
    chosen = jax.vmap(lambda seen: learned(jax.random.key(0), seen))(states)
    paid = expected_reward(WORLD, TRUTH)
    worth = lambda policy: float(evaluate_policy(WORLD, policy, paid) @ WORLD.initial)
    best = float(plan(WORLD, TRUTH).value @ WORLD.initial)
    random = worth(jnp.full((12, 3), 1 / 3))
    return (worth(jax.nn.one_hot(chosen, 3, dtype=float)) - random) / (best - random)


def _states():
    return jax.vmap(
        lambda index: WORLD.branch_transition(index, jnp.int32(0), jnp.int32(0)).state
    )(jnp.arange(12, dtype=jnp.int32))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_policy_is_found_without_a_reward(seed):
    learned, losses = METHOD.learn(jax.random.key(seed), WORLD, said(seed, 800))
    assert losses[-50:].mean() < losses[:50].mean() - 0.2
    assert scaled_return(learned) > 0.8


def test_the_same_key_gives_the_same_bits():
    answers = said(1, 20)
    short = Contrastive(n_steps=3)
    here, there = (short.learn(jax.random.key(1), WORLD, answers)[1] for _ in range(2))
    assert np.asarray(here).tobytes() == np.asarray(there).tobytes()


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match="where actions are numbered"):
        METHOD.learn(jax.random.key(0), Pendulum(), said(1, 4))
    with pytest.raises(ValueError, match="answers of one kind, not of 0"):
        METHOD.learn(jax.random.key(0), WORLD, Dataset.empty())
