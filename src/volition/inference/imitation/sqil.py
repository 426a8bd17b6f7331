"""SQIL: soft Q-learning that is paid for what was demonstrated alone."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment
from volition.inference.expected import expect_behaviour
from volition.inference.irl.adversarial import Steps, soft_learner
from volition.inference.irl.steps import demonstrated
from volition.policy import Segment
from volition.reward import AbstractReward
from volition.value import Curve, learn
from volition.value.deep import Munchausen, Rollout, Soft, SoftNetwork
from volition.value.deep.agent import Stand
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.world import Spaces, Step
from volition.value.learning import Progress


class Balanced(AbstractDeepLearner):
    """A soft learner that is shown as many steps of an expert as it makes itself.

    Behind each rollout as many demonstrated steps are drawn, each a stretch of its own,
    and put beside it as further instances: these are paid 1, its own 0. So in all that
    a learner learns from, replay or rollout, one half is the expert's on average.

    Args:
        learner: with a backup that is soft.
        temperature: of its policy, reward units per nat.
        expert: what was demonstrated, leaves `[step, ...]`.
    """

    learner: AbstractDeepLearner
    temperature: Float[Array, ""]
    expert: Step

    @property
    def n_steps(self) -> int:
        """The learner's."""
        return self.learner.n_steps

    @property
    def rollout(self) -> Rollout:
        """The learner's."""
        return self.learner.rollout

    @property
    def n_stretches(self) -> int:
        """The learner's."""
        return self.learner.n_stretches

    def begin(self, key: PRNGKeyArray, spaces: Spaces, example: Step) -> PyTree:
        """As the learner, with room for twice as many instances."""
        double = lambda leaf: jax.ShapeDtypeStruct(
            (2 * leaf.shape[0], *leaf.shape[1:]), leaf.dtype
        )
        return self.learner.begin(key, spaces, jax.tree.map(double, example))

    def policy(self, memory: PyTree) -> SoftNetwork:
        """Soft in the learner's values."""
        greedy: Any = self.learner.policy(memory)
        return SoftNetwork(greedy.inputs, greedy.network, self.temperature)

    def act(
        self, key: PRNGKeyArray, memory: PyTree, observations: PyTree, step: Array
    ) -> Array:
        """By the soft policy, which explores by itself."""
        del step
        told = jax.vmap(self.policy(memory).log_probabilities)(observations)
        return jax.random.categorical(key, told, axis=-1).astype(jnp.int32)

    def update(
        self, key: PRNGKeyArray, memory: PyTree, seen: Step, step: Array
    ) -> PyTree:
        """Put steps of the expert beside the rollout, and learn from both."""
        draw_key, learn_key = jax.random.split(key)
        n = self.expert.over.shape[0]
        chosen = jax.random.randint(draw_key, seen.over.shape, 0, n, dtype=jnp.int32)
        shown = jax.tree.map(lambda leaf: leaf[chosen], self.expert)
        own = eqx.tree_at(lambda one: one.reward, seen, jnp.zeros_like(seen.reward))
        both = jax.tree.map(
            lambda a, b: jnp.concatenate([a, b.astype(a.dtype)], axis=1), own, shown
        )
        return self.learner.update(learn_key, memory, both, step)


class Imitated(eqx.Module):
    """What soft Q-learning from demonstrations came to.

    Args:
        policy: soft; `policy.greedy` takes the best action.
        curve: what its episodes came to by the reward that was watched.
        stand: where it stopped; see the argument `after`.
    """

    policy: SoftNetwork
    curve: Curve
    stand: Stand


def sqil(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    demonstrations: Segment,
    *,
    learner: AbstractDeepLearner | None = None,
    watched: AbstractReward | None = None,
    after: Stand | None = None,
    progress: Progress | None = None,
) -> Imitated:
    """Behaviour that does what was demonstrated, and comes back to where it was.

    Soft Q-learning with the reward 1 for every demonstrated step and 0 for every step
    of one's own, as many of the one as of the other. So, unlike a clone, a policy that
    strayed is worth more the sooner it is back where demonstrations are. Nothing is
    learned of a reward: as the policy becomes like the expert its steps are paid less,
    and one who has become so is paid the same for all.

    Ends: behind an outcome there is nothing to be paid, in demonstrations as in the
    policy's own episodes, so that where the expert's end early it is not as good as
    going on; a time limit ends nothing.

    Args:
        key: consumed, but by a later call with `after`.
        env: the world, whose actions are numbered.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        learner: with the backup `Soft` or `Munchausen`, whose temperature is the
            policy's; `irl.soft_learner(temperature=0.1)` if left out. Its exploration
            is not used: a soft policy explores.
        watched: the reward by which the curve is told, and which nothing learns from;
            1 for every step if left out.
        after: where an earlier call stopped, to go on from there.
        progress: called after each stretch, with the steps made and the curve.

    Raises:
        ValueError: where demonstrations are none of this world, or the learner is not
            soft.

    Example:
        >>> from volition import env, policy
        >>> from volition.value import DQN, Replay
        >>> world = env.gridworld(["S..."], time_limit=9)
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Always(3), n_episodes=2, time_limit=8
        ... )
        >>> method = DQN(
        ...     512,
        ...     replay=Replay(512, 64, warm_up=128),
        ...     backup=Soft(0.1),
        ...     n_stretches=1,
        ... )
        >>> found = sqil(jax.random.key(1), world, made, learner=method)
        >>> int(found.policy.greedy(jax.random.key(2), 1))
        3

    Source: S. Reddy, A. Dragan, S. Levine, "SQIL: Imitation Learning via Reinforcement
    Learning with Sparse Rewards", ICLR 2020, arXiv 1905.11108, algorithm 1. Differs:
    steps are half the expert's on average, not in each batch; a learner need not have a
    replay, and that of the default has none.
    """
    expect_behaviour(env, demonstrations, "sqil", key=key)
    method = soft_learner(temperature=0.1) if learner is None else learner
    backup: Any = getattr(method, "backup", None)
    if not isinstance(backup, Soft | Munchausen):
        raise ValueError(
            f"the backup of the learner is {backup}, whose policy gives actions no "
            "probabilities: give a learner with backup=Soft() or Munchausen()."
        )
    # The learner's own figures are properties here, which pyright takes for fields.
    balanced = Balanced(  # pyright: ignore[reportCallIssue]
        method,
        jnp.asarray(backup.temperature, dtype=jnp.float32),
        _shown(env, demonstrations),
    )
    watched = Steps() if watched is None else watched
    found = learn(key, env, watched, balanced, after=after, progress=progress)
    return Imitated(balanced.policy(found.stand.memory), found.curve, found.stand)


def _shown(env: AbstractEnvironment, demonstrations: Segment) -> Step:
    """The steps that were demonstrated, each a stretch of its own, paid 1."""
    told = demonstrated(env, demonstrations)
    made = np.asarray(demonstrations.weight) > 0
    made = made & np.asarray(demonstrations.present)
    pick = lambda leaf: jnp.asarray(np.asarray(leaf)[made])
    n = len(told.action)
    discount = np.full(n, float(np.asarray(env.discount)), dtype=np.float32)
    return Step(
        jax.tree.map(jnp.asarray, told.observation),
        jax.tree.map(pick, demonstrations.transition),
        jnp.ones(n, dtype=jnp.float32),
        jax.tree.map(jnp.asarray, told.next_observation),
        jnp.asarray(told.terminated),
        # As at a time limit: what comes next is not in the next row.
        jnp.ones(n, dtype=bool),
        jnp.asarray(discount),
    )
