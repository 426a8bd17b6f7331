"""DAgger: an expert is asked what to do where the learner goes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import AbstractEnvironment
from volition.inference.expected import expect_behaviour
from volition.inference.imitation.cloning import Passes, behaviour_cloning
from volition.policy import AbstractPolicy, Mixed, Segment, episode
from volition.policy.expected import expect_policy
from volition.value.deep import MLP, SoftNetwork
from volition.value.deep.optimiser import AbstractOptimiser


class Aggregated(eqx.Module):
    """A policy that was told what to do where it went.

    Args:
        policy: of the best round; `policy.greedy` is the one that was tried.
        asked: all states that the expert was asked in, the last round's included,
            with what it would do there, `[demonstration, time]`. Where a step led is by
            what was done, which need not be what the expert said.
        disagreement: share of the steps of each round's episodes in which the round's
            policy would do another thing than the expert said, `[round]`.
        best: the round, from 0, whose policy this is: where they disagree least, the
            last among equals.
    """

    policy: SoftNetwork
    asked: Segment
    disagreement: Float[np.ndarray, " round"]
    best: int


def dagger(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    expert: AbstractPolicy,
    *,
    demonstrations: Segment | None = None,
    n_rounds: int = 10,
    n_episodes: int = 10,
    length: int = 100,
    mix: float = 0.0,
    network: MLP | None = None,
    optimiser: AbstractOptimiser | None = None,
    passes: Passes | None = None,
) -> Aggregated:
    """A policy that does as an expert would, also where its own slips lead it.

    Who only clones demonstrations has never seen what comes of their own mistakes.
    Here each round fits a policy to all that was ever said (`behaviour_cloning`), lets
    it act, and asks the expert what they would have done in each state that it came
    to; that is added, and the next round begins. Each round compiles anew, as there is
    more to fit.

    Args:
        key: consumed.
        env: the world, whose actions are numbered.
        expert: who is asked; a policy that draws its actions is asked once in each
            state.
        demonstrations: what is fitted first, `[demonstration, time]`, with `length`
            steps each; `n_episodes` of the expert's own if left out.
        n_rounds: of fitting and asking, at least 1; a single one is behaviour cloning.
        n_episodes: that are acted in each round, at least 1.
        length: steps of each, if it does not end before.
        mix: in round `i`, from 1, the expert takes a share `mix^i` of the steps, in
            `[0, 1]`; with 0 the learner acts alone.
        network: as in `behaviour_cloning`.
        optimiser: likewise.
        passes: likewise.

    Raises:
        ValueError: where a number is out of range, the expert does what the world does
            not have, or demonstrations are none of this world or of another length.

    Example:
        >>> from volition import env, policy
        >>> world = env.gridworld(["S.G"])
        >>> found = dagger(
        ...     jax.random.key(0), world, policy.Always(1), n_rounds=1, length=2
        ... )
        >>> found.disagreement.tolist()
        [0.0]

    Source: S. Ross, G. Gordon, D. Bagnell, "A Reduction of Imitation Learning and
    Structured Prediction to No-Regret Online Learning", AISTATS 2011, algorithm 3.1.
    Differs: the best policy is told by the episodes of each round, which are new to it,
    in place of further ones.
    """
    expect_behaviour(env, demonstrations, "dagger", key=key)
    expect_policy(expert, "the expert")
    if min(n_rounds, n_episodes, length) < 1:
        raise ValueError("n_rounds, n_episodes and length are at least 1.")
    if not 0.0 <= mix <= 1.0:
        raise ValueError(f"mix = {mix} is a share, in [0, 1].")
    first_key, key = jax.random.split(key)
    if demonstrations is None:
        begun = _asked(first_key, env, expert, expert, n_episodes, length)
    elif demonstrations.weight.shape[-1:] != (length,):
        raise ValueError(
            f"demonstrations have {demonstrations.weight.shape[-1]} steps, where "
            f"length = {length}: give that length."
        )
    else:
        begun = demonstrations
    told, policies, disagreement = begun, [], []
    for number in range(n_rounds):
        fit_key, act_key = jax.random.split(jax.random.fold_in(key, number))
        policy = behaviour_cloning(
            fit_key, env, told, network=network, optimiser=optimiser, passes=passes
        ).policy
        acting = Mixed(expert, policy.greedy, mix ** (number + 1))
        asked = _asked(act_key, env, acting, expert, n_episodes, length)
        policies.append(policy)
        disagreement.append(float(_disagreement(env, policy, asked)))
        told = jax.tree.map(
            lambda old, new: np.concatenate([old, new]).astype(new.dtype), told, asked
        )
    best = max(range(n_rounds), key=lambda number: (-disagreement[number], number))
    return Aggregated(policies[best], told, np.asarray(disagreement), best)


@eqx.filter_jit
def _asked(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    acting: AbstractPolicy,
    expert: AbstractPolicy,
    n_episodes: int,
    length: int,
) -> Segment:
    """Episodes of one policy, with what an expert would have done in each state."""
    act_key, ask_key = jax.random.split(key)
    made = jax.vmap(lambda one: episode(one, env, acting, length))(
        jax.random.split(act_key, n_episodes)
    )
    each = jax.random.split(ask_key, (n_episodes, length))
    seen = jax.vmap(jax.vmap(env.observe))(made.transition.state)
    said = jax.vmap(jax.vmap(expert))(each, seen)
    return eqx.tree_at(lambda one: one.transition.action, made, said)


@eqx.filter_jit
def _disagreement(
    env: AbstractEnvironment, policy: SoftNetwork, asked: Segment
) -> Float[Array, ""]:
    seen = jax.vmap(jax.vmap(env.observe))(asked.transition.state)
    best = lambda one: jnp.argmax(policy.greedy.q(one)).astype(jnp.int32)
    other = jax.vmap(jax.vmap(best))(seen) != asked.transition.action
    made = (asked.weight > 0) & asked.present
    return jnp.mean(other.astype(float), where=made)
