"""Adversarial inverse reinforcement learning (AIRL), and imitation (GAIL)."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import AbstractEnvironment, Transition
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
            in the end, which is none to be optimised anew.
        policy: soft; `policy.greedy` takes the best action.
        curve: what the policy's episodes came to by the reward that was watched.
        stand: where it stopped; see the argument `after`.
    """

    reward: Recovered
    policy: SoftNetwork
    curve: Curve
    stand: Stand


def soft_learner(n_steps: int = 200_000, temperature: float = 1.0) -> PQN:
    """A learner that does well here: PQN with a soft backup.

    Args:
        n_steps: of the world.
        temperature: reward units per nat.
    """
    return PQN(
        n_steps,
        rollout=Rollout(16, 32),
        passes=Passes(4, 4, 0.65),
        optimiser=RAdam(1e-3),
        backup=Soft(temperature),
    )


def _contest(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    demonstrations: Segment,
    learner: AbstractDeepLearner,
    contest: Contest | None,
    takes_action: bool | None,
    watched: AbstractReward | None,
    after: Stand | None,
    progress: Progress | None,
) -> Adversarial:
    backup: Any = getattr(learner, "backup", None)
    if not isinstance(backup, Soft | Munchausen):
        raise ValueError(
            f"the learner's policy must be soft, so that its actions have "
            f"probabilities, not {backup}: give it backup=Soft() or Munchausen()."
        )
    discount = float(env.discount)
    if not 0.0 <= discount < 1.0:
        raise ValueError(
            f"the world's discount is {discount}: behind an end time goes on for ever, "
            "so it must be below 1."
        )
    told = demonstrated(env, demonstrations)
    layout = Layout(inputs_over(env, told), told.n_actions)
    expert = _expert(layout, jax.tree.map(jnp.asarray, told))
    adversary = Adversary(
        learner,
        jnp.asarray(backup.temperature, dtype=jnp.float32),
        expert,
        layout,
        Contest() if contest is None else contest,
        takes_action,
        discount,
    )
    watched = Steps() if watched is None else watched
    found = learn(key, env, watched, adversary, after=after, progress=progress)
    memory: Any = found.stand.memory
    reward = Recovered(env, layout, memory.discriminator)
    return Adversarial(reward, adversary.policy(memory), found.curve, found.stand)


@eqx.filter_jit
def _expert(layout: Layout, told) -> Expert:
    rows = jax.vmap(layout.row)(
        told.observation, told.action, told.next_observation, told.terminated
    )
    ended = jnp.sum(told.terminated, dtype=jnp.float32)
    return Expert(told.observation, told.action, rows, ended)


def airl(key, env, demonstrations, *, learner=None, contest=None, takes_action=False,
         watched=None, after=None, progress=None) -> Adversarial:
    learner = soft_learner() if learner is None else learner
    return _contest(key, env, demonstrations, learner, contest, takes_action, watched, after, progress)


def gail(key, env, demonstrations, *, learner=None, contest=None, 
         watched=None, after=None, progress=None) -> Adversarial:
    learner = soft_learner() if learner is None else learner
    return _contest(key, env, demonstrations, learner, contest, None, watched, after, progress)
