"""Adversarial inverse reinforcement learning (AIRL), and imitation (GAIL)."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import AbstractEnvironment, Transition
from volition.inference.expected import expect_behaviour
from volition.inference.irl.adversary import Adversary, Contest, Expert
from volition.inference.irl.discriminator import Layout, Recovered
from volition.inference.irl.steps import demonstrated, inputs_over
from volition.policy import Segment
from volition.reward import AbstractReward
from volition.value import Curve, learn
from volition.value.deep import PQN, Munchausen, RAdam, Rollout, Soft, SoftNetwork
from volition.value.deep.agent import Stand
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.pqn import Passes
from volition.value.learning import Progress


class Steps(AbstractReward):
    """1 for every step: by which a curve shows how long episodes are."""

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """1."""
        del transition
        return jnp.ones((), dtype=float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None."""
        return ()


class Adversarial(eqx.Module):
    """What came of a contest.

    Args:
        reward: of AIRL `g`, the reward recovered; of GAIL what its discriminator pays
            in the end, which is none to be optimised anew. `g` is to be optimised
            softly, as by `soft_learner`: on CartPole this came to 475 steps from it
            alone with ten experts of ten (`python -m benchmarks.adversarial`), and
            without softness with about half. Where neither the expert nor the policy
            went it is a guess.
        policy: soft; `policy.greedy` takes the best action.
        curve: what the policy's episodes came to by the reward that was watched.
        stand: where it stopped; see the argument `after`.
    """

    reward: Recovered
    policy: SoftNetwork
    curve: Curve
    stand: Stand


def soft_learner(n_steps: int = 50_000, temperature: float = 1.0) -> PQN:
    """A learner that does well in a contest: PQN with a soft backup.

    Args:
        n_steps: of the world, of all 16 instances together.
        temperature: reward units per nat.
    """
    return PQN(
        n_steps,
        rollout=Rollout(16, 32),
        passes=Passes(4, 4, 0.65),
        optimiser=RAdam(1e-3),
        backup=Soft(temperature),
        n_stretches=max(n_steps // 8192, 1),
    )


def airl(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    demonstrations: Segment,
    *,
    learner: AbstractDeepLearner | None = None,
    contest: Contest | None = None,
    takes_action: bool = False,
    watched: AbstractReward | None = None,
    after: Stand | None = None,
    progress: Progress | None = None,
) -> Adversarial:
    """A reward by which soft behaviour is like the demonstrations, and that behaviour.

    A discriminator `D = exp(f) / (exp(f) + pi(a|s))` learns to tell the steps of the
    expert from those of the policy, `f = g(s) + discount h(s') - h(s)`; the policy,
    `softmax(q / temperature)`, learns with the reward `f` and its own entropy, so that
    where nothing can be told apart any more `f` is the expert's advantage. `g` is the
    reward, and `h` takes up what depends on the dynamics: where these are deterministic
    and the expert's reward is one of the state, `g` is that reward up to a constant,
    which behaviour does not show where nothing ends.

    Ends: behind one, time goes on in an absorbing state, for the expert as for the
    policy, each end counting for the `discount / (1 - discount)` discounted steps that
    are left; what is paid there is learned like everything else, and is then taken from
    every step, which changes no policy, so that it is worth 0. So episodes can be of
    any length, and neither to go on nor to end is better for its sign alone. A time
    limit ends nothing.

    Each rollout is followed by steps of the discriminator, the rollout (and all that a
    learner with replay remembers) paid anew, and the learner's own steps; a whole
    stretch of such rounds is one compiled call.

    Args:
        key: consumed, but by a later call with `after`.
        env: the world, whose actions are numbered; its discount is below 1.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        learner: with the backup `Soft` or `Munchausen`, whose temperature is the
            policy's; `soft_learner()` if left out. Its exploration is not used: a soft
            policy explores.
        contest: how the discriminator learns; `Contest(n_rollouts=20)`, as in the
            source, if left out.
        takes_action: whether `g` is one of the action, too: then it fits better what
            was demonstrated, and worse another world.
        watched: the reward by which the curve is told, and which nothing learns from;
            1 for every step if left out.
        after: where an earlier call stopped, to go on from there.
        progress: called after each stretch, with the steps made and the curve.

    Raises:
        ValueError: where demonstrations are none of this world, the learner is not
            soft, or the discount is 1.

    Example:
        >>> from volition import env, policy
        >>> world = env.CartPole()
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Random(2), n_episodes=4, time_limit=20
        ... )
        >>> found = airl(jax.random.key(1), world, made, learner=soft_learner(512))
        >>> int(found.curve.step[-1])
        512

    Source: J. Fu, K. Luo, S. Levine, "Learning Robust Rewards with Adversarial Inverse
    Reinforcement Learning", ICLR 2018, arXiv 1710.11248, algorithm 1; the penalty, I.
    Gulrajani et al., arXiv 1704.00028, equation 3; absorbing states, I. Kostrikov et
    al., "Discriminator-Actor-Critic", ICLR 2019, arXiv 1809.02925, section 4.2.
    Differs: soft Q-learning in place of a policy gradient; ends are weighed in closed
    form.
    """
    expect_behaviour(env, demonstrations, "airl", key=key)
    contest = Contest(n_rollouts=20) if contest is None else contest
    adversary = _adversary(env, demonstrations, learner, contest, takes_action)
    return _contest(key, env, adversary, watched, after, progress)


def gail(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    demonstrations: Segment,
    *,
    learner: AbstractDeepLearner | None = None,
    contest: Contest | None = None,
    watched: AbstractReward | None = None,
    after: Stand | None = None,
    progress: Progress | None = None,
) -> Adversarial:
    """Behaviour that cannot be told from the demonstrations.

    A discriminator `D(s, a)` learns to tell the steps of the expert (1) from those of
    the policy (0); the policy learns with the reward `-log(1 - D)` and, times the
    temperature, its own entropy. Ends are as in `airl`: what `-log(1 - D)` is in the
    absorbing state is learned, and taken from every step.

    Args:
        key: consumed, but by a later call with `after`.
        env: the world, whose actions are numbered; its discount is below 1.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        learner: as in `airl`; `soft_learner(temperature=0.3)` if left out.
        contest: how the discriminator learns; `Contest()` if left out.
        watched: the reward by which the curve is told; 1 for every step if left out.
        after: where an earlier call stopped, to go on from there.
        progress: called after each stretch, with the steps made and the curve.

    Raises:
        ValueError: as `airl`.

    Source: J. Ho, S. Ermon, "Generative Adversarial Imitation Learning", NeurIPS 2016,
    arXiv 1606.03476, algorithm 1. Differs: D is high for the expert; soft Q-learning in
    place of TRPO; a gradient penalty and absorbing states, see `airl`.
    """
    expect_behaviour(env, demonstrations, "gail", key=key)
    learner = soft_learner(temperature=0.3) if learner is None else learner
    adversary = _adversary(env, demonstrations, learner, contest, None)
    return _contest(key, env, adversary, watched, after, progress)


def _adversary(
    env: AbstractEnvironment,
    demonstrations: Segment,
    learner: AbstractDeepLearner | None,
    contest: Contest | None,
    takes_action: bool | None,
) -> Adversary:
    learner = soft_learner() if learner is None else learner
    backup: Any = getattr(learner, "backup", None)
    if not isinstance(backup, Soft | Munchausen):
        raise ValueError(
            f"the backup of the learner is {backup}, whose policy gives actions no "
            "probabilities: give a learner with backup=Soft() or Munchausen()."
        )
    discount = float(np.asarray(env.discount))
    if not 0.0 <= discount < 1.0:
        raise ValueError(
            f"the world's discount is {discount}: behind an end time goes on for ever, "
            "so give the world one in [0, 1)."
        )
    told = demonstrated(env, demonstrations)
    layout = Layout(inputs_over(env, told), told.n_actions)
    # The learner's own figures are properties here, which pyright takes for fields.
    return Adversary(  # pyright: ignore[reportCallIssue]
        learner,
        jnp.asarray(backup.temperature, dtype=jnp.float32),
        _expert(layout, jax.tree.map(jnp.asarray, told)),
        layout,
        Contest() if contest is None else contest,
        takes_action,
        discount,
    )


@eqx.filter_jit
def _expert(layout: Layout, told: Any) -> Expert:
    rows = jax.vmap(layout.row)(
        told.observation, told.action, told.next_observation, told.terminated
    )
    ended = jnp.sum(told.terminated, dtype=jnp.float32)
    return Expert(told.observation, told.action, rows, ended)


def _contest(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    adversary: Adversary,
    watched: AbstractReward | None,
    after: Stand | None,
    progress: Progress | None,
) -> Adversarial:
    watched = Steps() if watched is None else watched
    found = learn(key, env, watched, adversary, after=after, progress=progress)
    memory: Any = found.stand.memory
    reward = Recovered(env, adversary.layout, memory.discriminator)
    return Adversarial(reward, adversary.policy(memory), found.curve, found.stand)
