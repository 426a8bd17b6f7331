"""Learning what is wanted in a finite world by asking: ask, infer, plan, ask again."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from volition.env import FiniteMDP
from volition.feedback import Dataset, Segment
from volition.human import AbstractHuman
from volition.inference import AbstractPrior, Laplace, Posterior, fit
from volition.policy import Tabular, rollout
from volition.query import InformationGain, ask_several, pairs
from volition.reward import AbstractReward
from volition.study.preferences import Person, numbered, range_prior
from volition.value import plan

N_PLANNERS = 4  # rewards drawn from the belief, each of which is planned for
SLIPS = 0.1  # share of random actions of those
N_SEGMENTS = 60  # among whose pairs is chosen


def learn_by_planning(
    key: PRNGKeyArray,
    env: FiniteMDP,
    reward: AbstractReward,
    human: AbstractHuman,
    person: Person,
    *,
    n_answers: int = 100,
    n_rounds: int = 5,
    length: int = 15,
    n_steps: int = 100,
    prior: AbstractPrior | None = None,
) -> Posterior:
    """Learn what is wanted in a finite world from answers about short clips of it.

    Each round draws rewards from what is believed so far, plans for each, lets the
    plans act with a slip now and then, and asks about those pairs of what happened
    (with random actions among it) that tell most.

    Args:
        key: consumed.
        env: the world.
        reward: its form.
        human: how people answer, as inference takes it.
        person: whoever answers; `answered_by(judge)`, or people.
        n_answers: in all, a multiple of the rounds.
        n_rounds: at least 1.
        length: steps of a segment.
        n_steps: of an episode that segments are cut from.
        prior: over the reward's parameters; by the range of each feature if left out.

    Returns:
        What is believed after the last answer.

    Source: posterior sampling as in A. Wilson, A. Fern, P. Tadepalli, "A Bayesian
    approach for policy learning from trajectory preference queries", NeurIPS 2012.
    """
    if n_rounds < 1 or n_answers < n_rounds or n_answers % n_rounds:
        raise ValueError(
            f"{n_answers} answers cannot be asked for in {n_rounds} equal rounds: give "
            "a multiple of the rounds."
        )
    n_each = n_answers // n_rounds
    prior = range_prior(env, n_steps) if prior is None else prior
    answers = Dataset.empty()
    belief = fit(reward, human, answers, Laplace(), prior=prior, throw=False)
    for number in range(n_rounds):
        pool_key, ask_key, say_key = jax.random.split(
            jax.random.fold_in(key, number), 3
        )
        pool = _pool(pool_key, env, belief if number else None, length, n_steps)
        if number:
            asked = ask_several(
                ask_key, belief, pairs(pool), InformationGain(), n_questions=n_each
            )
            options = [one.options for one in asked]
        else:
            order = jax.random.permutation(ask_key, N_SEGMENTS)[: 2 * n_each]
            two = jnp.reshape(order, (n_each, 2))
            options = [jax.tree.map(lambda leaf, r=row: leaf[r], pool) for row in two]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *options)
        first = number * n_each
        numbers = first + jnp.arange(n_each, dtype=jnp.int32)
        questions = jax.vmap(numbered)(stacked, numbers)
        said = person(say_key, questions)
        # With room for all answers from the start, inference compiles once.
        answers = answers.concatenate(said) if number else Dataset.of(said, n_answers)
        belief = fit(reward, human, answers, Laplace(), prior=prior, throw=False)
    return belief


def _pool(
    key: PRNGKeyArray,
    env: FiniteMDP,
    belief: Posterior | None,
    length: int,
    n_steps: int,
) -> Segment:
    """What random actions do, and plans for what is believed."""
    draw_key, *keys = jax.random.split(key, 2 + N_PLANNERS)
    uniform = np.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    acting = [uniform] * (1 + N_PLANNERS)
    if belief is not None:
        drawn = belief.sample(draw_key, N_PLANNERS)
        for number in range(N_PLANNERS):
            one = jax.tree.map(lambda leaf, n=number: leaf[n], drawn)
            planned = np.asarray(plan(env, one, throw=False).policy.probabilities)
            acting[1 + number] = (1.0 - SLIPS) * planned + SLIPS * uniform
    n_each = N_SEGMENTS // len(acting)
    parts = [
        rollout(
            one_key,
            env,
            Tabular(jnp.asarray(policy)),
            n_segments=n_each,
            length=length,
            n_steps=n_steps,
        )
        for one_key, policy in zip(keys, acting, strict=True)
    ]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
