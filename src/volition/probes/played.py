"""Episodes that a policy plays, and findings that are shown by episodes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Key

from volition.env import AbstractEnvironment
from volition.policy import AbstractPolicy, Segment, act_out, episode
from volition.probes.check import NAMES
from volition.probes.evolution import worth
from volition.reward import AbstractReward


class Shown(eqx.Module):
    """An episode by which a finding can be seen.

    Args:
        name: whose it is, in words.
        seen: what happened, a single segment.
        env: the world, where it is not the one that is audited.
    """

    name: str = eqx.field(static=True)
    seen: Segment
    env: AbstractEnvironment | None = None


class PlayedFinding(eqx.Module):
    """Something that a reward incentivises and nobody wants.

    Args:
        probe: its name in the audit.
        sentence: what was found, for a reader.
        episodes: where it can be seen.
        assumed: what was taken for granted because nobody said it; empty where the
            finding rests only on what was given and on the world.
    """

    probe: str
    sentence: str
    episodes: tuple[Shown, ...]
    assumed: str = ""

    @property
    def name(self) -> str:
        """The check that found it, in words."""
        return NAMES[self.probe]


class Played(eqx.Module):
    """Episodes of one policy.

    Args:
        earned: what the reward pays for each, reward units, `[episode]`.
        wanted: what each is worth by the truth, reward units, `[episode]`.
        usual: mean of a step by the reward and by the truth.
        seen: the episodes, `[episode, time]`.
    """

    earned: Float[np.ndarray, " episode"]
    wanted: Float[np.ndarray, " episode"]
    usual: tuple[float, float]
    seen: Segment


def play_out(
    starts: Key[jax.Array, " start"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    truth: AbstractReward,
    policy: AbstractPolicy,
    n_steps: int,
) -> Played:
    """An episode of a policy from each start.

    Args:
        starts: keys of the episodes.
        env: the world.
        reward: the one that is audited.
        truth: what is wanted.
        policy: who acts.
        n_steps: of an episode.
    """
    seen = _episodes(starts, env, policy, n_steps)
    usual, earned = _worths(seen, reward, jnp.asarray(env.discount))
    usually, wanted = _worths(seen, truth, jnp.asarray(env.discount))
    both = float(usual), float(usually)
    return Played(np.asarray(earned), np.asarray(wanted), both, seen)


@eqx.filter_jit
def _episodes(starts, env, policy, n_steps: int) -> Segment:
    return jax.vmap(lambda key: episode(key, env, policy, n_steps))(starts)


@eqx.filter_jit
def _worths(seen, reward, discount) -> tuple[jax.Array, jax.Array]:
    """The mean reward of a step, and the worth of each episode."""
    paid = jax.vmap(jax.vmap(reward))(seen.transition)
    made = (seen.weight > 0) & seen.present
    usual = jnp.sum(jnp.where(made, paid, 0.0)) / jnp.sum(made, dtype=paid.dtype)
    each = jax.vmap(lambda one: worth(one, reward, discount, usual))
    return usual, each(seen)


@eqx.filter_jit
def acted_out(
    start: Key[jax.Array, ""], env: AbstractEnvironment, actions: jax.Array
) -> Segment:
    """An episode in which the actions are a list, compiled as one program."""
    return act_out(start, env, actions)


def one_of(seen: Segment, number: int) -> Segment:
    """One episode of several."""
    return jax.tree.map(lambda leaf: leaf[number], seen)
