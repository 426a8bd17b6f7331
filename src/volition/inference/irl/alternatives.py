"""Demonstrations as choices among what else would have come of it."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from volition.env import AbstractEnvironment
from volition.feedback import Dataset, OneOf, Segment, best_of
from volition.human import AbstractHuman, Boltzmann
from volition.inference.expected import expect_behaviour
from volition.inference.fit import fit
from volition.inference.irl.steps import demonstrated
from volition.inference.map import MAP, AbstractMethod
from volition.inference.posterior import Posterior, Result
from volition.inference.prior import AbstractPrior
from volition.inference.size import of_size_one
from volition.policy import AbstractPolicy, Perturbed, continued, window
from volition.reward import AbstractReward, reading
from volition.value import Curve
from volition.value.deep import relabel
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.learning import joined

# Told after each round: its number, and what is believed.
Progress = Callable[[int, Posterior], object]


class Alternatives(eqx.Module):
    """What a demonstration is compared with.

    Args:
        n_rounds: times at which the policy of the moment is looked at.
        n_options: alternatives to each part of a demonstration, in each round.
        length: steps of such a part.
        every: steps from the beginning of one part to that of the next.
        exploration: share of random actions in the alternatives, from the second round
            on, in `[0, 1]`; in the first all are random.

    Raises:
        ValueError: where one is no such number.
    """

    n_rounds: int = eqx.field(static=True, default=8)
    n_options: int = eqx.field(static=True, default=4)
    length: int = eqx.field(static=True, default=10, kw_only=True)
    every: int = eqx.field(static=True, default=5, kw_only=True)
    exploration: float = eqx.field(static=True, default=0.1, kw_only=True)

    def __check_init__(self):
        if min(self.n_rounds, self.n_options, self.length, self.every) < 1:
            raise ValueError("n_rounds, n_options, length and every are at least 1.")
        if not 0.0 <= self.exploration <= 1.0:
            raise ValueError(f"exploration = {self.exploration} is a share, in [0, 1].")


class LearnedFromDemonstrations(eqx.Module):
    """What came of comparing.

    Args:
        posterior: what is believed of the reward; `posterior.mean` is what to optimise.
        policy: of the last round.
        curve: of learning, by the reward of the moment, its root mean square 1.
        results: how inference went in each round.
    """

    posterior: Posterior
    policy: AbstractPolicy
    curve: Curve
    results: tuple[Result, ...]


def learn_from_demonstrations(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    demonstrations: Segment,
    reward: AbstractReward,
    *,
    learner: AbstractDeepLearner,
    alternatives: Alternatives | None = None,
    human: AbstractHuman | None = None,
    method: AbstractMethod | None = None,
    prior: AbstractPrior | None = None,
    progress: Progress | None = None,
) -> LearnedFromDemonstrations:
    """A reward by which what was demonstrated is better than what else could be done.

    Demonstrations are cut into parts. From the state in which each begins, others go
    on: random actions in the first round, later the policy of the moment. That the part
    was demonstrated is an answer like any other, the choice of one of several segments.
    Each round infers the reward from all such choices so far, and lets the learner go
    on for its `n_steps` with the mean reward, scaled to a root mean square of 1. So
    what a reward gets wrong shows in what its policy does, and is corrected by the next
    choices; where the policy has become as good as the demonstrations, these say no
    more, and the earlier ones hold the reward where it is.

    What comes behind the end of a part counts for nothing: a part should be long enough
    for what an action leads to.

    Args:
        key: consumed.
        env: the world, in which one can go on from any state.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        reward: its form, such as `Linear(env.feature_names)`.
        learner: what each round does; its schedules go on from round to round.
        alternatives: how many, and how long.
        human: how a part is chosen; `Boltzmann()` if left out.
        method: of inference; `MAP()` if left out.
        prior: over the reward's parameters; that of `fit` if left out.
        progress: called after each round.

    Raises:
        ValueError: where demonstrations are none of this world, see `demonstrated`, or
            all are shorter than a part, or the world is a finite one, for which there
            is `max_causal_entropy`.

    Example:
        >>> from volition import env, policy, reward
        >>> from volition.value.deep import PQN, Rollout
        >>> world = env.CartPole()
        >>> shown = policy.episodes(
        ...     jax.random.key(0), world, policy.Random(2), n_episodes=4, time_limit=5
        ... )
        >>> found = learn_from_demonstrations(
        ...     jax.random.key(1),
        ...     world,
        ...     shown,
        ...     reward.Linear(world.feature_names),
        ...     learner=PQN(64, rollout=Rollout(4, 4), n_stretches=1),
        ...     alternatives=Alternatives(2, 2, length=5),
        ... )
        >>> len(found.posterior.problem.answers)
        8

    Source: B. Ibarz et al., "Reward learning from human preferences and demonstrations
    in Atari", NeurIPS 2018, arXiv 1811.06521, in which clips of demonstrations are
    preferred to the learner's own; that samples of the policy of the moment stand for
    all paths, C. Finn, S. Levine, P. Abbeel, "Guided cost learning", ICML 2016, arXiv
    1603.00448. Differs: all options begin in the same state, nobody is asked, and
    options are not weighed by how likely they were to be drawn, as they are what is
    chosen among.
    """
    expect_behaviour(
        env, demonstrations, "learn_from_demonstrations", key=key, reward=reward
    )
    reward = reading(reward, env.feature_names)
    alternatives = Alternatives() if alternatives is None else alternatives
    human = Boltzmann() if human is None else human
    method = MAP() if method is None else method
    demonstrated(env, demonstrations)
    _check_states(env, demonstrations)
    done = parts(demonstrations, alternatives)
    n_parts = done.weight.shape[0]
    choose_key, learn_key = jax.random.split(key)
    stand = learner.begin_learning(learn_key, env, reward)
    policy = learner.policy(stand.memory)
    answers, posterior = Dataset.empty(), None
    curves, results = [], []
    for number in range(alternatives.n_rounds):
        rate = alternatives.exploration if number else 1.0
        disturbed = Perturbed(policy, env.action_space, jnp.asarray(rate, dtype=float))
        keys = jax.random.split(jax.random.fold_in(choose_key, number), 2)
        questions = number * n_parts + jnp.arange(n_parts, dtype=jnp.int32)
        n_options = alternatives.n_options
        said = beside(keys[0], env, disturbed, done, questions, n_options)
        answers = (
            answers.concatenate(said)
            if number
            # Room for the choices of all rounds, so that inference compiles once.
            else Dataset.of(said, alternatives.n_rounds * n_parts)
        )
        posterior = fit(
            reward, human, answers, method, prior=prior, key=keys[1], throw=False
        )
        results.append(posterior.result)
        mean = of_size_one(posterior.mean, answers)
        found = learner.learn(learn_key, env, mean, after=relabel(stand, mean))
        stand, policy = found.stand, found.policy
        curves.append(found.curve)
        if progress is not None:
            progress(number, posterior)
    assert posterior is not None  # there is at least one round
    return LearnedFromDemonstrations(posterior, policy, joined(curves), tuple(results))


def _check_states(env: AbstractEnvironment, demonstrations: Segment) -> None:
    """A finite world's transitions do not say how late it is."""
    whole = jax.tree.structure(jax.eval_shape(env.reset, jax.random.key(0)))
    if jax.tree.structure(demonstrations.transition.state) != whole:
        raise ValueError(
            f"the transitions of {type(env).__name__} do not hold whole states, from "
            "which others could go on: in a finite world use max_causal_entropy."
        )


def parts(demonstrations: Segment, alternatives: Alternatives) -> Segment:
    """Demonstrations in parts of equal length, `[part, time]`.

    One begins every so many steps, and ends before the record does, unless the episode
    terminated there: what lies behind that is absorbing.

    Args:
        demonstrations: whole episodes, `[demonstration, time]`.
        alternatives: how long a part is, and how far it is to the next.

    Raises:
        ValueError: where no demonstration is as long as a part.
    """
    made = (np.asarray(demonstrations.weight) > 0) & np.asarray(demonstrations.present)
    n_made = made.sum(axis=1)[:, None]
    ended = np.asarray(demonstrations.transition.terminated)[:, -1:]
    start = np.arange(0, made.shape[1], alternatives.every)[None, :]
    whole = start + alternatives.length <= n_made
    number, column = np.nonzero((start < n_made) & (whole | ended))
    if len(number) == 0:
        raise ValueError(
            f"no demonstration has {alternatives.length} steps or an end: give a "
            "smaller length to Alternatives."
        )
    each = jax.tree.map(lambda leaf: jnp.asarray(leaf)[number], demonstrations)
    first = jnp.asarray(start[0, column], dtype=jnp.int32)
    return _windows(each, first, alternatives.length)


@eqx.filter_jit
def _windows(each: Segment, first: Int[Array, " part"], length: int) -> Segment:
    return jax.vmap(lambda one, start: window(one, start, length))(each, first)


@eqx.filter_jit
def beside(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    done: Segment,
    questions: Int[Array, " part"],
    n_options: int,
) -> OneOf:
    """The choice of each part among what a policy does from the same state, `[part]`.

    Args:
        key: consumed.
        env: the world.
        policy: who goes on instead.
        done: what was done, option 0, `[part, time]`.
        questions: the number of each.
        n_options: alternatives to each.
    """

    def one(key: PRNGKeyArray, done: Segment, question: Array) -> OneOf:
        go_on = lambda key: continued(key, env, policy, done.start, done.length)
        others = jax.vmap(go_on)(jax.random.split(key, n_options))
        options = jax.tree.map(
            lambda own, other: jnp.concatenate([own[None], other.astype(own.dtype)]),
            done,
            others,
        )
        made: Any = best_of(options, 0)
        return cast(
            "OneOf", eqx.tree_at(lambda answer: answer.question, made, question)
        )

    n_parts = questions.shape[0]
    return jax.vmap(one)(jax.random.split(key, n_parts), done, questions)
