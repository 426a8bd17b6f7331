"""Search for what a reward pays most for: anyhow, with a rule broken, with it kept."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, Shaped

from volition.env import AbstractEnvironment, Space
from volition.policy import act_out
from volition.probes.evolution import Looked, dtype_of, evolve, worth
from volition.probes.rules import Rule, robustness
from volition.reward import AbstractReward

KEEPS, ANYHOW, BREAKS = -1, 0, 1  # what a search does with the rule
N_SEQUENCES = 48  # that live at a time


@eqx.filter_jit
def search(
    key: PRNGKeyArray,
    starts: Key[Array, " search"],
    sides: Int[Array, " search"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    truth: AbstractReward,
    usual: Float[Array, "2"],
    known: Shaped[Array, "search known time *action"],
    rule: Rule | None = None,
    kept: tuple[Rule, ...] = (),
    *,
    n_sequences: int = N_SEQUENCES,
    n_generations: int = 24,
) -> Looked:
    """Search for what a reward pays most for, many times side by side.

    Each is an evolution of sequences of actions from one start. It shows what can be
    had at least, not at most.

    Args:
        key: consumed.
        starts: keys of the episodes; the turns of chance of a start are the same for
            all sequences.
        sides: what each search does with the rule, `KEEPS`, `ANYHOW` or `BREAKS`.
        env: the world.
        reward: what is optimised.
        truth: what is wanted.
        usual: mean of a step by the reward and by the truth, for those behind a cut.
        known: sequences to begin with, beside random ones, such as those of policies.
        rule: what an episode may not do; None where all sides are `ANYHOW`.
        kept: further rules, which `KEEPS` and `BREAKS` are to keep.
        n_sequences: that live at a time, a multiple of 4.
        n_generations: how often they have offspring.

    Returns:
        All that was looked at: what the reward pays as the value, what is wanted as the
        others; wrong is above 0 where the rules are not kept or broken as told.
    """
    discount = jnp.asarray(env.discount)

    def scored(start, actions, side) -> tuple[Array, Array, Array]:
        seen = act_out(start, env, actions)
        earned = worth(seen, reward, discount, usual[0])
        wanted = worth(seen, truth, discount, usual[1])
        wrong = jnp.zeros_like(earned)
        free = side == ANYHOW
        if rule is not None:
            margin = robustness(rule, seen, env.feature_names)
            as_told = (margin < 0.0) == (side == BREAKS)
            wrong += _lack(free | as_told, margin).astype(wrong.dtype)
        for one in kept:
            margin = robustness(one, seen, env.feature_names)
            wrong += _lack(free | (margin >= 0.0), margin).astype(wrong.dtype)
        return earned, wrong, wanted

    # All along one axis: an axis in an axis takes twice as long to compile.
    def one(key, start, side, known):
        return evolve(
            key,
            jax.vmap(lambda actions: scored(start, actions, side)),
            known.astype(dtype_of(env.action_space)),
            env.action_space,
            n_sequences=n_sequences,
            n_generations=n_generations,
        )

    return jax.vmap(one)(jax.random.split(key, len(starts)), starts, sides, known)


def random_sequences(
    key: PRNGKeyArray, shape: tuple[int, ...], space: Space
) -> Shaped[Array, "..."]:
    """Actions at random, `[*shape, *action]`.

    Args:
        key: consumed.
        shape: of sequences of actions, the last is the time.
        space: of the actions.
    """
    keys = jax.random.split(key, math.prod(shape))
    drawn = jax.vmap(space.sample)(keys)
    return drawn.reshape(*shape, *drawn.shape[1:])


def _lack(as_told: Bool[Array, ""], margin: Float[Array, ""]) -> Float[Array, ""]:
    """0 where all is as told, else more the farther the limit of the rule is away."""
    return jnp.where(as_told, 0.0, 1.0 + jnp.abs(margin))
