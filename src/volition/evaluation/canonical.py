"""Canonical forms of rewards: one for all rewards that ask for the same behaviour."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float

from volition.env import FiniteMDP, Transition
from volition.evaluation.policies import checked_policy
from volition.evaluation.size import sized
from volition.policy import Tabular
from volition.reward import AbstractReward, check_world, not_finite
from volition.value import (
    backup,
    branch_reward,
    checked_reward,
    evaluate_policy,
    in_double,
    in_precision,
    unit_of,
)

FullReward = Float[np.ndarray, "state action next_state"]


@eqx.filter_jit
def _asked(env: FiniteMDP, reward: AbstractReward) -> Array:
    def one(state, action, after):
        step = Transition(
            env.state(state),
            action,
            env.state(after),
            jnp.zeros(0, dtype=env.features.dtype),
            env.terminal[after],
        )
        return reward(step)

    return over_transitions(env, one)


def over_transitions(
    env: FiniteMDP, one: Callable[[Array, Array, Array], Array]
) -> Float[Array, "state action next_state"]:
    """A function of state, action and next state, for all of them."""
    states = jnp.arange(env.n_states, dtype=jnp.int32)
    actions = jnp.arange(env.n_actions, dtype=jnp.int32)
    each = jax.vmap(one, (None, None, 0))
    each = jax.vmap(jax.vmap(each, (None, 0, None)), (0, None, None))
    return each(states, actions, states)


def full_reward(env: FiniteMDP, reward: AbstractReward) -> FullReward:
    """What a reward says of every transition, also of those that never happen.

    Args:
        env: a small world.
        reward: one of states and actions. A world has no features for steps that it
            never makes.

    Returns:
        Reward units; 0 behind an end.

    Raises:
        ValueError: where the reward reads features, is not finite, or is a table of
            another size.

    Example:
        >>> from volition import env, reward
        >>> asked = reward.Tabular(np.array([1.0, 2.0, 3.0]))
        >>> full_reward(env.gridworld(["S.G"]), asked)[:, 0, 0].tolist()
        [1.0, 2.0, 0.0]
    """
    if reward.feature_names:
        raise ValueError(
            f"the reward reads the features {reward.feature_names}, which a world has "
            "for its own transitions alone, and EPIC and DARD ask about others: use "
            "STARC."
        )
    check_world(reward, env)
    values = np.array(_asked(env, reward), dtype=float)
    values[np.asarray(env.terminal)] = 0.0
    return finite_table(values, reward)


def finite_table(values: FullReward, reward: AbstractReward) -> FullReward:
    """What a reward says of each transition, if it is finite.

    Raises:
        ValueError: naming the first transition of which it is not.
    """
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        state, action, after = (int(place) for place in wrong[0])
        raise ValueError(
            f"a reward pays {values[state, action, after]} for action {action} from "
            f"state {state} to state {after}{not_finite(reward)}: make it finite."
        )
    return values


_branch_reward = eqx.filter_jit(branch_reward)


def possible_reward(env: FiniteMDP, reward: AbstractReward) -> FullReward:
    """What a reward says of the transitions that happen; 0 for all others.

    Args:
        env: a small world.
        reward: any.

    Raises:
        ValueError: where the reward is not finite, or does not fit the world.

    Example:
        >>> from volition import env, reward
        >>> asked = reward.Tabular(np.array([1.0, 2.0, 3.0]))
        >>> possible_reward(env.gridworld(["S.G"]), asked)[:, 3].tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """
    check_world(reward, env)
    paid = np.asarray(_branch_reward(env, reward), dtype=float)
    paid = np.where(np.asarray(env.probability) > 0.0, paid, 0.0)
    found = np.zeros((env.n_states, env.n_actions, env.n_states))
    # From the least likely to the likeliest branch, so that padding counts nowhere.
    order = np.argsort(np.asarray(env.probability), axis=-1, kind="stable")
    rows = np.arange(env.n_states)[:, None]
    kinds = np.arange(env.n_actions)[None, :]
    for place in range(order.shape[-1]):
        branch = order[:, :, place]
        after = np.asarray(env.successor)[rows, kinds, branch]
        found[rows, kinds, after] = paid[rows, kinds, branch]
    return finite_table(found, reward)


def epic_canonical(
    values: FullReward,
    discount: float,
    *,
    states: Float[np.ndarray, " state"] | None = None,
    actions: Float[np.ndarray, " action"] | None = None,
    terminal: Bool[np.ndarray, " state"] | None = None,
) -> FullReward:
    """The canonically shaped reward: without any potential, but for a constant.

    `C(s,a,s') = R(s,a,s') + discount m(s') - m(s) - discount E m(S)`, where `m(s) = E
    R(s, A, S')` over actions and states drawn at random.

    Args:
        values: of every transition, as `full_reward` gives it.
        discount: of the world.
        states: the distribution of `S` and `S'`; all alike if left out.
        actions: of `A`; all alike if left out.
        terminal: which states end the episode; none if left out.

    Raises:
        ValueError: for a discount of 1 in a world that ends, where no state that ends
            is among those drawn.

    Example:
        >>> shaped = 0.5 * np.array([[[0.0, 3.0]], [[0.0, 3.0]]])
        >>> shaped -= np.array([0.0, 3.0])[:, None, None]
        >>> bool(np.ptp(epic_canonical(shaped, 0.5)) < 1e-12)
        True

    Source: A. Gleave et al., "Quantifying differences in reward functions", ICLR 2021,
    arXiv 2006.13900, definition 4.1.

    Differs: where a world ends, a potential is 0 at every end, and `m` becomes the
    value of jumping anywhere, `v(s) = m(s) + discount E v(S')`, 0 at an end. Without
    ends the two are the same but for a constant, which a correlation does not see.
    """
    n_states, n_actions, _ = values.shape
    states = np.full(n_states, 1.0 / n_states) if states is None else states
    actions = np.full(n_actions, 1.0 / n_actions) if actions is None else actions
    mean = np.einsum("a,sat,t->s", actions, values, states)
    if terminal is None or not terminal.any():
        return values + discount * mean - mean[:, None, None] - discount * states @ mean
    going = np.where(terminal, 0.0, states)
    left = 1.0 - discount * going.sum()
    if left <= 0.0:
        raise ValueError(
            "with a discount of 1, EPIC draws states among which one ends the "
            "episode: give `states` that have one, or use STARC."
        )
    value = np.where(terminal, 0.0, mean + discount * (going @ mean) / left)
    found = values + discount * value - value[:, None, None]
    return np.where(terminal[:, None, None], 0.0, found)


def dard_canonical(
    values: FullReward,
    dynamics: Float[np.ndarray, "state action next_state"],
    discount: float,
    *,
    actions: Float[np.ndarray, " action"] | None = None,
    terminal: Bool[np.ndarray, " state"] | None = None,
) -> FullReward:
    """Without any potential, by steps that the world makes, or nearly.

    `C(s,a,s') = R(s,a,s') + E[discount R(s',A,S'') - R(s,A,S') - discount
    R(S',A,S'')]`, where `S'` follows `s` and `S''` follows `s'`, each by an action of
    its own.

    Args:
        values: of every transition.
        dynamics: `P(s'|s,a)`; terminal states stay.
        discount: of the world.
        actions: the distribution of `A`; all alike if left out.
        terminal: which states end the episode; none if left out.

    Raises:
        ValueError: at a discount of 1, where acting so never ends from some state.

    Source: B. Wulfe et al., "Dynamics-aware comparison of learned reward functions",
    ICLR 2022, arXiv 2201.10081, definition 4.

    Differs: a step from a terminal state to a state `s`, which the last term asks for,
    counts as `- discount v(s)`, the value of acting at random: as if ending and coming
    back were worth nothing. So shaping cancels where a world ends, too.
    """
    n_states, n_actions, _ = values.shape
    actions = np.full(n_actions, 1.0 / n_actions) if actions is None else actions
    if terminal is not None and terminal.any():
        chain = np.einsum("a,sat->st", actions, dynamics)
        chain = np.where(terminal[:, None] | terminal[None, :], 0.0, chain)
        paid = np.einsum("a,sat,sat->s", actions, dynamics, values)
        paid = np.where(terminal, 0.0, paid)
        if discount >= 1.0 and (stuck := _never(chain, dynamics, actions, terminal)):
            raise ValueError(
                f"from state {stuck[0]} acting at random never ends, and DARD asks "
                "what that is worth: with a discount of 1 it has no value. Lower the "
                "discount, or use STARC."
            )
        value = np.linalg.solve(np.eye(n_states) - discount * chain, paid)
        values = np.where(terminal[:, None, None], -discount * value, values)
    mean = np.einsum("a,sat,sat->s", actions, dynamics, values)
    onward = np.zeros((n_states, n_states))  # E R(s, A, S''), where S'' follows s'
    for action, share in enumerate(actions):
        onward += share * values[:, action] @ dynamics[:, action].T
    crossed = np.einsum("a,sau,ut->st", actions, dynamics, onward, optimize=True)
    ahead = discount * (mean[None, :] - crossed) - mean[:, None]
    return values + ahead[:, None, :]


def _never(chain, dynamics, actions, terminal) -> list[int]:
    """States from which acting at random does not end."""
    steps = np.einsum("a,sat->st", actions, dynamics)
    ends = terminal | ((steps[:, terminal].sum(axis=1) > 0.0) & ~terminal)
    while True:
        more = ends | ((chain > 0.0) @ ends)
        if (more == ends).all():
            return np.flatnonzero(~ends).tolist()
        ends = more


def starc_canonical(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular | None = None
) -> Float[Array, "state action"]:
    """What each action is worth on balance under a fixed policy.

    `c(s,a) = E[R(s,a,S') - v(s) + discount v(S')]`, where `v` is the value of the
    policy: the canonical form VAL. It is the same for rewards that differ by potential
    shaping, or in what they pay for different outcomes of the same action, as long as
    the mean of it is the same.

    Args:
        env: a world of any size; with a discount of 1 the policy must end from
            wherever episodes begin, or be paid nothing for going on.
        reward: any.
        policy: acting at random if left out.

    Returns:
        Reward units; 0 where the episode has ended, and where the policy has no finite
        value, to which it never comes.

    Raises:
        ValueError: where the reward is not finite, does not fit the world, or the
            policy has no finite value where episodes begin.

    Source: J. Skalse et al., "STARC: a general framework for quantifying differences
    between reward functions", arXiv 2309.15257, definition of VAL.
    """
    form, lost = _starc(env, *_starc_inputs(env, reward, policy))
    if isinstance(lost, Tracer):
        return form
    _check_begins(env, lost)
    return form


def starc_unit(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular | None = None
) -> Float[np.ndarray, "state action"]:
    """As `starc_canonical`, in 64 bits, over its size.

    Raises:
        ValueError: as there.
    """
    inputs = _starc_inputs(env, reward, policy)
    form, lost = in_double(_starc_form, keep=True)(env, *inputs)
    _check_begins(env, lost)
    return sized(np.asarray(form))


def _check_begins(env: FiniteMDP, lost: Bool[ArrayLike, " state"]) -> None:
    if (begins := np.asarray(lost) & (np.asarray(env.initial) > 0.0)).any():
        state = int(begins.argmax())
        raise ValueError(
            f"from state {state} ({env.describe(state)}), where episodes can begin, "
            "the policy may never end, and without a discount STARC has no value for "
            "it: lower the discount, or give a policy that ends."
        )


def _starc_inputs(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular | None
) -> tuple[Array, Tabular]:
    paid = checked_reward(env, reward)
    if policy is None:
        return paid, Tabular(jnp.full_like(paid, 1.0 / env.n_actions))
    return paid, checked_policy(env, policy)


@eqx.filter_jit
def _starc_form(
    env: FiniteMDP, paid: Float[Array, "state action"], policy: Tabular
) -> tuple[Float[Array, "state action"], Bool[Array, " state"]]:
    """The form, and the states in which the policy has no finite value."""
    own = float(jnp.finfo(env.probability.dtype).eps)
    env = in_precision(env, paid.dtype)
    unit = unit_of(paid)
    paid = paid / unit
    value = evaluate_policy(env, policy.probabilities, paid)
    lost = ~jnp.isfinite(value)
    value = jnp.where(lost, 0.0, value)
    on_balance = backup(env, paid, value) - value[:, None]
    on_balance = jnp.where((env.terminal | lost)[:, None], 0.0, on_balance)
    # Of a reward that is nothing but shaping, rounding is left, and no direction.
    size = jnp.max(jnp.abs(paid)) + jnp.max(jnp.abs(value))
    rounding = max(1e3 * float(jnp.finfo(paid.dtype).eps), 64 * own) * size
    found = jnp.where(jnp.max(jnp.abs(on_balance)) > rounding, on_balance, 0.0)
    return found * unit, lost


_starc = in_double(_starc_form)
