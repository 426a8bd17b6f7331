"""Learning to act by asking: segments, answers, a reward, a better policy, again."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment
from volition.env.spaces import Space
from volition.feedback import Comparison, Dataset, Segment, comparison
from volition.human import AbstractHuman, Judge
from volition.inference import (
    AbstractMethod,
    AbstractPrior,
    Laplace,
    Normal,
    Posterior,
    Result,
    fit,
    of_size_one,
)
from volition.policy import AbstractPolicy, rollout
from volition.query import AbstractRule, ask_several, pairs
from volition.reward import AbstractReward, FeatureInputs, reading
from volition.value import Curve
from volition.value.deep import AbstractDeepLearner, relabel
from volition.value.learning import joined

# Answers to a batch of questions, `[question]`: people, or a simulated person.
Person = Callable[[PRNGKeyArray, Comparison], Comparison]
# Told after each round: its number, and what is believed.
Progress = Callable[[int, Posterior], object]
# Pairs of segments to ask about, `[question, option, time]`, at most so many: what was
# found in the policy that a belief led to. `Findings` is one.
Finder = Callable[[PRNGKeyArray, Posterior, AbstractPolicy, int], Segment]


class Exploring(AbstractPolicy):
    """A policy, but now and then any action at all.

    Args:
        inner: what it does otherwise; None for always any action.
        space: of the actions.
        share: of any action, in `[0, 1]`.
    """

    inner: AbstractPolicy | None
    space: Space
    share: Float[ArrayLike, ""]

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Any:
        """An action."""
        whether_key, any_key, act_key = jax.random.split(key, 3)
        anything = self.space.sample(any_key)
        if self.inner is None:
            return anything
        chosen = self.inner(act_key, observation)
        explores = jax.random.uniform(whether_key) < self.share
        return jnp.where(explores, anything.astype(chosen.dtype), chosen)


class Rounds(eqx.Module):
    """How much is asked when, and about what.

    Args:
        n_answers: of each round; 0 where nothing is asked.
        length: steps of a segment, at least 1.
        n_steps: of each episode that segments are cut from; four times `length` if 0.
        random: share of the segments, from the second round on, that are from random
            actions; the others are from the policy of the moment.
        exploration: share of random actions in those others.
        rule: by which questions are chosen among all pairs of those segments once there
            are answers; random pairs if left out.

    Raises:
        ValueError: where nothing is asked in the first round, or a share is none.
    """

    n_answers: tuple[int, ...] = eqx.field(static=True)
    length: int = eqx.field(static=True, default=10)
    n_steps: int = eqx.field(static=True, default=0, kw_only=True)
    random: float = eqx.field(static=True, default=0.5, kw_only=True)
    exploration: float = eqx.field(static=True, default=0.3, kw_only=True)
    rule: AbstractRule | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        if not self.n_answers or self.n_answers[0] < 1 or min(self.n_answers) < 0:
            raise ValueError(
                f"the rounds ask for {self.n_answers} answers: ask for at least one in "
                "the first, and for none or more in the others."
            )
        if self.length < 1:
            raise ValueError(f"a segment has at least one step, not {self.length}.")
        if not (0.0 <= self.random <= 1.0 and 0.0 <= self.exploration <= 1.0):
            raise ValueError(
                f"random = {self.random} and exploration = {self.exploration} are "
                "shares, in [0, 1]."
            )


class LearnedFromAnswers(eqx.Module):
    """What came of asking.

    Args:
        policy: the last one.
        posterior: what is believed of the reward and the person.
        curve: of learning, by the reward of the moment in units of its own.
        results: how inference went in each round that asked.
    """

    policy: AbstractPolicy
    posterior: Posterior
    curve: Curve
    results: tuple[Result, ...]

    @property
    def answers(self) -> Dataset:
        """All answers."""
        return self.posterior.problem.answers


def answered_by(judge: Judge) -> Person:
    """A simulated person, to ask many questions at once.

    Args:
        judge: who knows the true reward, `human.judge(reward)`.
    """

    @eqx.filter_jit
    def say(judge: Judge, key: PRNGKeyArray, questions: Comparison) -> Comparison:
        keys = jax.random.split(key, jnp.shape(questions.person)[0])
        return jax.vmap(judge.sample)(keys, questions)

    return lambda key, questions: say(judge, key, questions)


def range_prior(env: AbstractEnvironment, n_steps: int, worth: float = 0.5) -> Normal:
    """A prior by which no feature is worth more than another for its unit alone.

    Each weight has the standard deviation by which the feature, at the end of its range
    over random actions, is worth so much in a step.

    Args:
        env: the world.
        n_steps: of each episode that is looked at.
        worth: reward units.

    Example:
        >>> from volition import env
        >>> prior = range_prior(env.delivery(), 20)
        >>> prior.scale.shape
        (6,)
    """
    seen = rollout(
        jax.random.key(0),
        env,
        Exploring(None, env.action_space, 1.0),
        n_segments=200,
        length=10,
        n_steps=n_steps,
    )
    made = np.asarray(seen.weight) > 0
    features = np.asarray(seen.transition.features)[made]
    half = FeatureInputs.over(env.feature_names, features).scaled.half
    return Normal(worth / np.asarray(half, dtype=float))


def learn_from_answers(
    key: PRNGKeyArray,
    env: AbstractEnvironment | tuple[AbstractEnvironment, ...],
    reward: AbstractReward,
    human: AbstractHuman,
    person: Person,
    *,
    learner: AbstractDeepLearner,
    rounds: Rounds,
    method: AbstractMethod | None = None,
    prior: AbstractPrior | None = None,
    finder_fn: Finder | None = None,
    progress: Progress | None = None,
) -> LearnedFromAnswers:
    """Learn to act in a world whose reward is known from answers alone.

    Each round asks which of two segments is better, about pairs of what random actions
    and the policy of the moment do, at random or chosen by a rule; infers the reward
    from all answers so far; and lets the learner go on for its `n_steps` with the mean
    reward. What a learner with replay remembers is paid anew. As learners with networks
    want rewards of about 1, the mean reward is scaled to a root mean square of 1 over
    what was asked about; nothing is added to it, as that would change what an end is
    worth.

    Args:
        key: consumed.
        env: the world, or several tasks of one shape.
        reward: its form.
        human: how people answer, as inference takes it.
        person: whoever answers; `answered_by(judge)`, or people.
        learner: what each round does; its schedules go on from round to round, so that
            it learns as from `rounds x n_steps` steps in one go.
        rounds: how much is asked when.
        method: of inference; `Laplace()` if left out.
        prior: over the reward's parameters; `Normal(1.0)` if left out.
        finder_fn: from the second round that asks on, turns what the policy of the
            moment does into questions, which are asked outright; the rest of a round's
            questions are chosen as ever. Nothing is looked for if left out.
        progress: called after each round.

    Source: P. Christiano et al., "Deep reinforcement learning from human preferences",
    2017, section 2.2. Differs: rewards are not normalised to mean 0; a learner with
    replay is paid anew, as in PEBBLE (K. Lee et al., arXiv 2106.05091).
    """
    tasks = env if isinstance(env, tuple) else (env,)
    reward = reading(reward, tasks[0].feature_names)
    method = Laplace() if method is None else method
    prior = Normal(1.0) if prior is None else prior
    ask_key, learn_key = jax.random.split(key)
    answers, posterior, mean = Dataset.empty(), None, reward
    # The policy before the first step is asked of nobody, but of the shape of those
    # that follow: what acts by it compiles once.
    stand = learner.begin_learning(learn_key, env, reward)
    policy = learner.policy(stand.memory)
    curves, results, asked = [], [], 0
    for number, n_answers in enumerate(rounds.n_answers):
        if n_answers > 0:
            keys = jax.random.split(jax.random.fold_in(ask_key, number), 3)
            knows_nothing = posterior is None
            pool = _pool(keys[0], tasks, policy, rounds, n_answers, knows_nothing)
            found = None
            if finder_fn is not None and posterior is not None:
                # With a key of its own, so that all else is as without it.
                find_key = jax.random.fold_in(jax.random.fold_in(key, 2), number)
                found = finder_fn(find_key, posterior, policy, n_answers)
            questions = _questions(pool, rounds, posterior, keys[0], asked, found)
            answers = _with(answers, person(keys[1], questions), rounds)
            asked += n_answers
            posterior = fit(
                reward, human, answers, method, prior=prior, key=keys[2], throw=False
            )
            results.append(posterior.result)
            mean = of_size_one(posterior.mean, answers)
        learned = learner.learn(learn_key, env, mean, after=relabel(stand, mean))
        stand, policy = learned.stand, learned.policy
        curves.append(learned.curve)
        if progress is not None and posterior is not None:
            progress(number, posterior)
    assert posterior is not None  # the first round asks
    return LearnedFromAnswers(policy, posterior, joined(curves), tuple(results))


def _pool(
    key: PRNGKeyArray,
    tasks: tuple[AbstractEnvironment, ...],
    policy: AbstractPolicy,
    rounds: Rounds,
    n_questions: int,
    random: bool,
) -> Segment:
    """Two segments for each question, in random order, `[segment, time]`.

    Where `random` they are all of random actions.
    """
    mix_key, *keys = jax.random.split(key, 1 + 2 * len(tasks))
    # As many as the greatest round needs, so that each round compiles nothing new.
    n_each = -(-2 * max(rounds.n_answers) // len(tasks))
    n_random = round(rounds.random * n_each)
    shares = (1.0, 1.0 if random else rounds.exploration)
    parts = []
    for number, task in enumerate(tasks):
        for half, n in enumerate((n_random, n_each - n_random)):
            if n > 0:
                share = jnp.asarray(shares[half], dtype=float)
                who = Exploring(policy, task.action_space, share)
                made = _segments(keys[2 * number + half], task, who, rounds, n)
                parts.append(made)
    order = np.asarray(jax.random.permutation(mix_key, n_each * len(tasks)))
    order = order[: 2 * n_questions]
    # By NumPy, so that another number of questions compiles nothing.
    return jax.tree.map(
        lambda *leaves: jnp.asarray(np.concatenate(leaves)[order]), *parts
    )


def _questions(
    pool: Segment,
    rounds: Rounds,
    belief: Posterior | None,
    key: PRNGKeyArray,
    first: int,
    found: Segment | None = None,
) -> Comparison:
    """Half as many pairs as there are segments, numbered from `first` on.

    What was found stands for as many of them, and comes first.
    """
    n_questions = pool.weight.shape[0] // 2
    numbers = first + jnp.arange(n_questions, dtype=jnp.int32)
    n_found = 0 if found is None else found.weight.shape[0]
    if n_found > n_questions:
        raise ValueError(
            f"the finder gives {n_found} questions for a round of {n_questions}: let "
            "it give no more than it is asked for."
        )
    n_left = n_questions - n_found
    parts = [] if found is None else [found]
    if n_left > 0:
        parts.append(_chosen(pool, rounds, belief, key, n_left))
    options = parts[0] if len(parts) == 1 else jax.tree.map(_joined, *parts)
    return jax.vmap(numbered)(options, numbers)


def _chosen(
    pool: Segment,
    rounds: Rounds,
    belief: Posterior | None,
    key: PRNGKeyArray,
    n_questions: int,
) -> Segment:
    """So many pairs of the pool, `[question, option, time]`."""
    if rounds.rule is None or belief is None:
        fold = lambda leaf: leaf[: 2 * n_questions].reshape(
            n_questions, 2, *leaf.shape[1:]
        )
        return jax.tree.map(fold, pool)
    chosen = ask_several(key, belief, pairs(pool), rounds.rule, n_questions=n_questions)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *chosen)
    return cast("Comparison", stacked).options


def _joined(*leaves: Array) -> Array:
    return jnp.asarray(np.concatenate(leaves))


def numbered(options: Segment, number: Array) -> Comparison:
    """The question which of two segments is better, with its number."""
    asked = comparison(options)
    return eqx.tree_at(lambda made: made.question, asked, number)


def _segments(
    key: PRNGKeyArray,
    task: AbstractEnvironment,
    policy: AbstractPolicy,
    rounds: Rounds,
    n_segments: int,
) -> Segment:
    return rollout(
        key,
        task,
        policy,
        n_segments=n_segments,
        length=rounds.length,
        n_steps=rounds.n_steps or 4 * rounds.length,
    )


def _with(answers: Dataset, said: Comparison, rounds: Rounds) -> Dataset:
    """With room for the answers of all rounds, so that inference compiles once."""
    if len(answers) == 0:
        return Dataset.of(said, sum(rounds.n_answers))
    return answers.concatenate(said)
