"""Bellman operators: pure functions, exact over finite MDPs or on one sampled step.

Everything is for one instance; batch it with `jax.vmap`. A sampled step is written
`(reward, terminated, next value)`; `terminated` cuts the future off, a time limit never
does.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from volition.env import FiniteMDP
from volition.reward import AbstractReward, check_world, not_finite, reading


def branch_reward(
    mdp: FiniteMDP, reward: AbstractReward
) -> Float[Array, "state action branch"]:
    """The reward of every transition of a finite world; 0 behind an end.

    Args:
        mdp: the world.
        reward: what its transitions are worth.

    Returns:
        Reward units, `[state, action, branch]`.

    Raises:
        ValueError: where the reward reads features that the world does not have, or is
            a table of another size.
    """
    check_world(reward, mdp)
    reward = reading(reward, mdp.feature_names)
    n_states, n_actions, n_branches = mdp.successor.shape

    def one(state, action, branch):
        return reward(mdp.branch_transition(state, action, branch))

    each = jax.vmap(one, (None, None, 0))
    each = jax.vmap(jax.vmap(each, (None, 0, None)), (0, None, None))
    paid = each(
        jnp.arange(n_states, dtype=jnp.int32),
        jnp.arange(n_actions, dtype=jnp.int32),
        jnp.arange(n_branches, dtype=jnp.int32),
    )
    return jnp.where(mdp.terminal[:, None, None], 0.0, paid)


def expected_reward(
    mdp: FiniteMDP, reward: AbstractReward
) -> Float[Array, "state action"]:
    """The mean reward of each action, `sum over s' of P(s'|s,a) r(s,a,s')`.

    Nothing is paid in a terminal state.

    Args:
        mdp: the world.
        reward: what its transitions are worth.

    Returns:
        Reward units, `[state, action]`.

    Raises:
        ValueError: where the reward reads features that the world does not have.

    Example:
        >>> from volition import env, reward
        >>> r = expected_reward(env.delivery(), reward.delivery_true())
        >>> r[88].tolist()  # left of the goal: up, down, left, right
        [-2.0, -1.0, -2.0, 50.0]
    """
    # What never happens counts for nothing, also where it would be infinite.
    each = jnp.where(mdp.probability > 0.0, branch_reward(mdp, reward), 0.0)
    return jnp.sum(mdp.probability * each.astype(mdp.probability.dtype), axis=-1)


_expected = eqx.filter_jit(expected_reward)


def checked_reward(
    mdp: FiniteMDP, reward: AbstractReward, what: str = "the reward"
) -> Float[Array, "state action"]:
    """The mean reward of each action, if all of them are finite.

    Args:
        mdp: the world.
        reward: what its transitions are worth.
        what: what to call it in an error.

    Returns:
        As `expected_reward`; inside of `jit` it is not looked at.

    Raises:
        TypeError: where the world is not a finite one, or the reward is none.
        ValueError: where the reward does not fit the world, or is not finite.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"])
        >>> pays = reward.Linear(world.feature_names, [-1.0, float("nan"), 0.0])
        >>> try:
        ...     checked_reward(world, pays)
        ... except ValueError as error:
        ...     print(error)
        the reward pays nan for action 0 (up) in state 0 ((0, 0)), as its weight of \
'goal' is nan: make it finite.
    """
    if not isinstance(mdp, FiniteMDP):
        raise TypeError(
            f"this needs a finite world with a table (FiniteMDP), not "
            f"{type(mdp).__name__}: elsewhere learn a policy with volition.value.learn "
            "and play it with volition.evaluation.play."
        )
    if not isinstance(reward, AbstractReward):
        raise TypeError(
            f"{what} must be a reward of volition.reward, not {type(reward).__name__}."
        )
    paid = _expected(mdp, reward)
    if isinstance(paid, Tracer):
        return paid
    wrong = ~np.isfinite(np.asarray(paid))
    if wrong.any():
        state, action = (int(place) for place in np.argwhere(wrong)[0])
        raise ValueError(
            f"{what} pays {float(paid[state, action])} for action {action} "
            f"({mdp.action_names[action]}) in state {state} ({mdp.describe(state)})"
            f"{not_finite(reward)}: make it finite."
        )
    return paid


def backup(
    mdp: FiniteMDP, reward: Float[Array, "state action"], value: Float[Array, " state"]
) -> Float[Array, "state action"]:
    """The value of each action, `q(s,a) = r(s,a) + discount sum P(s'|s,a) v(s')`.

    Args:
        mdp: the world.
        reward: as `expected_reward` gives it.
        value: of each state; that of a terminal state counts as 0.

    Returns:
        Reward units, `[state, action]`; 0 in terminal states.
    """
    ahead = look_up(jnp.where(mdp.terminal, 0.0, value), mdp.successor)
    # What never happens counts for nothing, also where its value is infinite.
    ahead = jnp.where(mdp.probability > 0.0, ahead, 0.0)
    q = reward + mdp.discount * jnp.sum(mdp.probability * ahead, axis=-1)
    return jnp.where(mdp.terminal[:, None], 0.0, q)  # nothing is done there


def look_up(
    value: Float[Array, " state"], successor: Int[Array, "*rows"]
) -> Float[Array, "*rows"]:
    """`value[successor]` for successors that are in range, which is not checked.

    A bare gather, as indexing would first write a copy of all the numbers, in case some
    are negative.
    """
    lookup = jax.lax.GatherDimensionNumbers(
        offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,)
    )
    return jax.lax.gather(
        value,
        successor[..., None],
        lookup,
        slice_sizes=(1,),
        mode="promise_in_bounds",
    )


def soft_maximum(
    q: Float[Array, "*batch action"], temperature: ArrayLike
) -> Float[Array, "*batch"]:
    """`temperature * log sum over actions of exp(q / temperature)`.

    The value of acting with entropy as a bonus; above `max q` by at most
    `temperature * log(actions)`.

    Args:
        q: value of each action, reward units.
        temperature: reward units per nat, above 0.

    Example:
        >>> float(soft_maximum(jnp.zeros(2), 1.0))  # log 2
        0.6931471805599453

    Source: B. D. Ziebart, PhD thesis, 2010, section 5.3 (maximum causal entropy).
    """
    scale = jnp.asarray(temperature, dtype=q.dtype)
    return scale * jax.nn.logsumexp(q / scale, axis=-1)


def soft_policy(
    q: Float[Array, "*batch action"], temperature: ArrayLike
) -> Float[Array, "*batch action"]:
    """`exp(q / temperature)`, normalised: the policy whose value is `soft_maximum`.

    Args:
        q: value of each action, reward units.
        temperature: reward units per nat, above 0.

    Example:
        >>> soft_policy(jnp.log(jnp.array([1.0, 3.0])), 1.0).round(6).tolist()
        [0.25, 0.75]

    Source: B. D. Ziebart, PhD thesis, 2010, section 5.3 (maximum causal entropy).
    """
    return jax.nn.softmax(q / jnp.asarray(temperature, dtype=q.dtype), axis=-1)


def munchausen_bonus(
    q: Float[Array, " action"],
    action: Int[ArrayLike, ""],
    temperature: ArrayLike,
    floor: ArrayLike = -1.0,
) -> Float[Array, ""]:
    """`max(temperature * log pi(action), floor)` of the soft policy of `q`.

    Munchausen learning adds a share of it to the reward, which widens the gap between
    the actions.

    Args:
        q: value of each action, reward units.
        action: the one that was taken.
        temperature: reward units per nat, above 0.
        floor: least value, reward units; below 0. The default is the source's.

    Example:
        >>> q = jnp.log(jnp.array([1.0, 3.0]))
        >>> round(float(munchausen_bonus(q, 1, 1.0)), 6)  # log 3/4
        -0.287682

    Source: N. Vieillard, O. Pietquin, M. Geist, arXiv 2007.14430, equation 2 and
    section 5.
    """
    scale = jnp.asarray(temperature, dtype=q.dtype)
    own = scale * jax.nn.log_softmax(q / scale)[jnp.asarray(action)]
    return jnp.maximum(own, jnp.asarray(floor, dtype=q.dtype))


def quantile_huber(
    quantiles: Float[Array, " n"],
    targets: Float[Array, " m"],
    threshold: ArrayLike = 1.0,
) -> Float[Array, ""]:
    """How badly some quantiles fit a sample, at the middles of `n` equal shares.

    `sum over i of mean over j of |share_i - [u < 0]| huber(u) / threshold`, where `u =
    targets_j - quantiles_i` and `share_i = (i + 1/2) / n`.

    Args:
        quantiles: what is learned, in order.
        targets: the sample.
        threshold: where the loss goes from squares to absolute values, above 0.

    Example:
        >>> zero, one = jnp.zeros(1), jnp.ones(1)
        >>> float(quantile_huber(zero, one))  # a median that is 1 too low: 1/2 * 1/2
        0.25

    Source: W. Dabney et al., arXiv 1710.10044, equation 10.
    """
    n = quantiles.shape[0]
    limit = jnp.asarray(threshold, dtype=quantiles.dtype)
    share = (jnp.arange(n, dtype=quantiles.dtype) + 0.5) / n
    apart = targets[None, :] - quantiles[:, None]
    size = jnp.abs(apart)
    huber = jnp.where(size <= limit, 0.5 * apart**2, limit * (size - 0.5 * limit))
    below = (jax.lax.stop_gradient(apart) < 0.0).astype(quantiles.dtype)
    weight = jnp.abs(share[:, None] - below)
    return jnp.sum(jnp.mean(weight * huber / limit, axis=1))


def target(
    reward: Float[ArrayLike, ""],
    terminated: Bool[ArrayLike, ""],
    next_value: Float[ArrayLike, ""],
    discount: Float[ArrayLike, ""],
) -> Float[Array, ""]:
    """One-step target: `reward + discount * next_value`, the future cut at an end.

    Q-learning's `next_value` is `max over a of q(s', a)`; SARSA's is `q(s', a')`.

    Example:
        >>> float(target(1.0, False, 10.0, 0.5)), float(target(1.0, True, 10.0, 0.5))
        (6.0, 1.0)

    Source: R. S. Sutton, A. G. Barto, 2nd ed., equations 6.7 and 6.8.
    """
    ahead = jnp.where(jnp.asarray(terminated), 0.0, jnp.asarray(next_value))
    return jnp.asarray(reward) + jnp.asarray(discount) * ahead


def expected_value(
    q: Float[Array, " action"], probabilities: Float[Array, " action"]
) -> Float[Array, ""]:
    """Expected SARSA's next value: the mean of `q` under a policy.

    What is never done may be worth `-inf`.

    Example:
        >>> float(expected_value(jnp.array([1.0, 3.0]), jnp.array([0.25, 0.75])))
        2.5

    Source: R. S. Sutton, A. G. Barto, 2nd ed., equation 6.9.
    """
    return jnp.sum(jnp.where(probabilities > 0, q * probabilities, 0.0))


def double_value(
    chooser: Float[Array, " action"], judge: Float[Array, " action"]
) -> Float[Array, ""]:
    """Double Q-learning's next value: one table chooses, the other values the choice.

    Example:
        >>> float(double_value(jnp.array([1.0, 3.0]), jnp.array([5.0, 2.0])))
        2.0

    Source: H. van Hasselt, "Double Q-learning", NeurIPS 2010, algorithm 1.
    """
    return judge[jnp.argmax(chooser)]


def n_step_return(
    rewards: Float[Array, " time"],
    terminated: Bool[Array, " time"],
    last_value: Float[ArrayLike, ""],
    discount: Float[ArrayLike, ""],
) -> Float[Array, ""]:
    """The discounted sum of a stretch of rewards, then the value of where it leads.

    Args:
        rewards: of the steps, in order, reward units.
        terminated: whether the step ended the episode; what follows an end is ignored.
        last_value: of the state behind the last step.
        discount: per step, in `[0, 1]`.

    Example:
        >>> rewards, on = jnp.array([1.0, 2.0]), jnp.array([False, False])
        >>> float(n_step_return(rewards, on, 4.0, 0.5))  # 1 + 2/2 + 4/4
        3.0

    Source: R. S. Sutton, A. G. Barto, 2nd ed., equation 7.1.
    """
    last_values = jnp.full_like(rewards, last_value)
    return lambda_returns(rewards, terminated, last_values, discount, 1.0)[0]


def lambda_returns(
    rewards: Float[Array, " time"],
    terminated: Bool[Array, " time"],
    next_values: Float[Array, " time"],
    discount: Float[ArrayLike, "*each"],
    trace: Float[ArrayLike, "*each_too"],
) -> Float[Array, " time"]:
    """The lambda-return of each step of a stretch.

    `G_t = r_t + discount * ((1 - trace) v(s_{t+1}) + trace G_{t+1})`, where the last
    step looks at `v` alone and an end cuts off what follows.

    Args:
        rewards: of the steps, in order, reward units.
        terminated: whether the step ended the episode.
        next_values: value of the state behind each step.
        discount: in `[0, 1]`, for all steps or for each.
        trace: the lambda, in `[0, 1]`, for all steps or for each; 0 is one-step, 1 is
            Monte Carlo. It is 0 where a time limit cut the episode off.

    Example:
        >>> rewards, on = jnp.array([1.0, 2.0]), jnp.array([False, False])
        >>> lambda_returns(rewards, on, jnp.array([6.0, 4.0]), 0.5, 0.0).tolist()
        [4.0, 4.0]

    Source: R. S. Sutton, A. G. Barto, 2nd ed., equation 12.3, computed backwards.
    """

    def one(later, step):
        reward, ended, value, kept, further = step
        mixed = (1.0 - further) * value + further * later
        mine = target(reward, ended, mixed, kept)
        return mine, mine

    kept, further = (
        jnp.broadcast_to(jnp.asarray(number, dtype=rewards.dtype), rewards.shape)
        for number in (discount, trace)
    )
    steps = (rewards, terminated, next_values, kept, further)
    _, returns = jax.lax.scan(one, next_values[-1], steps, reverse=True)
    return returns
