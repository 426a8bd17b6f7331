"""Where segments to ask about come from."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from volition.env import AbstractEnvironment, Transition
from volition.feedback import Segment
from volition.inference import Posterior
from volition.policy import AbstractPolicy, Perturbed, rollout
from volition.reward import AbstractReward


def replayed(
    key: PRNGKeyArray,
    steps: Transition,
    over: Bool[Array, " time"],
    *,
    n_segments: int,
    length: int,
) -> Segment:
    """Segments from recorded steps, such as what a learner remembers.

    A segment begins at a random step and never goes on into the next episode: behind
    an outcome it is absorbing, behind a time limit padding.

    Args:
        key: consumed.
        steps: one after the other as they happened, leaves `[time]`.
        over: after which of them an episode was over, for whatever reason.
        n_segments: how many.
        length: steps in each, at most as many as were recorded.

    Raises:
        ValueError: for fewer recorded steps.

    Returns:
        A batch of segments, `[segment, time]`.
    """
    n_steps = over.shape[0]
    if not 1 <= length <= n_steps:
        raise ValueError(f"{n_steps} recorded steps hold no segment of {length} steps.")
    starts = jax.random.randint(key, (n_segments,), 0, n_steps - length + 1)
    return _cut(starts, steps, over, length)


@eqx.filter_jit
def _cut(
    starts: Int[Array, " segment"],
    steps: Transition,
    over: Bool[Array, " time"],
    length: int,
) -> Segment:
    def one(start: Int[Array, ""]) -> Segment:
        rows = start + jnp.arange(length, dtype=start.dtype)
        cut: Transition = jax.tree.map(lambda leaf: jnp.asarray(leaf)[rows], steps)
        # Whether an episode was over before each step, and the last step of the first.
        after = jnp.cumsum(over[rows], dtype=jnp.int32)
        made = jnp.concatenate([jnp.ones(1, dtype=bool), after[:-1] == 0])
        last = jnp.sum(made, dtype=jnp.int32) - 1
        ended = jnp.asarray(cut.terminated)[last]
        stays = jax.tree.map(lambda leaf: leaf[last], cut.next_state)
        state, next_state = (
            jax.tree.map(lambda leaf, end: _either(made, leaf, end), part, stays)
            for part in (cut.state, cut.next_state)
        )
        features = jnp.where(made[:, None], jnp.asarray(cut.features), 0.0)
        terminated = jnp.where(made, jnp.asarray(cut.terminated), ended)
        moved = Transition(state, cut.action, next_state, features, terminated)
        return Segment(moved, made.astype(features.dtype), made | ended)

    return jax.vmap(one)(starts)


def _either(made: Bool[Array, " time"], yes: Array, no: Array) -> Array:
    shaped = made.reshape(made.shape + (1,) * (yes.ndim - 1))
    return jnp.where(shaped, yes, jnp.broadcast_to(no, yes.shape))


def perturbed(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    *,
    n_segments: int,
    length: int,
    rate: float = 0.3,
) -> Segment:
    """Segments of a policy that is disturbed: close to what it does, yet different.

    Args:
        key: consumed.
        env: the world; numbered actions or boxes of them.
        policy: who acts in it.
        n_segments: how many.
        length: steps in each.
        rate: how often anything else is done, in `[0, 1]`.

    Raises:
        ValueError: for a rate out of that range.

    Example:
        >>> from volition.env import delivery
        >>> from volition.policy import Always
        >>> key, world = jax.random.key(0), delivery()
        >>> pool = perturbed(key, world, Always(1), n_segments=6, length=3, rate=0.5)
        >>> pool.transition.action.shape
        (6, 3)

    Source: D-REX, D. S. Brown et al., CoRL 2019, section 4, with noise on what is done;
    theirs is for rankings.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate = {rate} must be in [0, 1].")
    disturbed = Perturbed(policy, env.action_space, jnp.asarray(rate, dtype=float))
    return rollout(key, env, disturbed, n_segments=n_segments, length=length)


def optimised(
    key: PRNGKeyArray,
    belief: Posterior,
    env: AbstractEnvironment,
    policy_fn: Callable[[PRNGKeyArray, AbstractReward], AbstractPolicy],
    *,
    n_policies: int,
    n_segments: int,
    length: int,
) -> Segment:
    """Segments of policies that are each best for a reward drawn from a belief.

    Pairs of them are about what would be done: on the rest a mistake costs nothing.

    Args:
        key: consumed.
        belief: rewards are drawn from it.
        env: the world.
        policy_fn: from a key and a reward to a policy that pursues it, such as `lambda
            key, reward: volition.plan(env, reward).policy`.
        n_policies: how many rewards.
        n_segments: of each policy.
        length: steps in each.

    Raises:
        ValueError: for no policies.

    Returns:
        Policy after policy, `[policy x segment, time]`.

    Source: N. Wilde et al., IROS 2020, section IV, who ask about the optima of samples.
    """
    if n_policies < 1:
        raise ValueError(f"n_policies = {n_policies} must be at least 1.")
    draw_key, act_key = jax.random.split(key)
    rewards, found = belief.sample(draw_key, n_policies), []
    for number, one_key in enumerate(jax.random.split(act_key, n_policies)):
        learn_key, roll_key = jax.random.split(one_key)
        reward = jax.tree.map(
            lambda leaf, row=number: leaf[row] if eqx.is_array(leaf) else leaf, rewards
        )
        policy = policy_fn(learn_key, reward)
        found.append(
            rollout(roll_key, env, policy, n_segments=n_segments, length=length)
        )
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *found)
