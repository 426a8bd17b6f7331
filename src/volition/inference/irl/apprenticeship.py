"""Apprenticeship: policies that do as well as an expert for every linear reward."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, ArrayLike, Float, Int

from volition.env import FiniteMDP
from volition.inference.expected import expect_behaviour
from volition.inference.irl.demonstrations import (
    check_demonstrations,
    transition_matrix,
)
from volition.inference.precision import in_64_bits
from volition.policy import Segment
from volition.reward import Linear
from volition.value import (
    AbstractPlanner,
    PolicyIteration,
    occupancy,
)


class Apprentice(eqx.Module):
    """Policies that an expert's features lie between, and the last reward that told.

    Args:
        reward: the last one, linear in the named features; its weights, each times the
            largest value of its feature, are of length 1 or less.
        policies: greedy in each reward that was tried, `[policy, state, action]`.
        features: expected discounted features of each, `[policy, feature]`.
        shares: how often to follow each policy, for a whole episode; sum to 1.
        demonstrated: expected discounted features of the expert, `[feature]`.
        margin: how far the mixture's features are from the expert's, each in its
            largest value: no reward whose weights times these are of length 1 pays the
            expert more than the mixture by more than that.
        converged: whether the margin is within the tolerance.
        message: how it went, in a sentence.
    """

    reward: Linear
    policies: Float[Array, "policy state action"]
    features: Float[np.ndarray, "policy feature"]
    shares: Float[np.ndarray, " policy"]
    demonstrated: Float[np.ndarray, " feature"]
    margin: float
    converged: bool = eqx.field(static=True)
    message: str = eqx.field(static=True)


@in_64_bits
def apprenticeship(
    env: FiniteMDP,
    demonstrations: Segment | Float[ArrayLike, "state action"],
    *,
    method: str = "projection",
    tolerance: float = 1e-3,
    max_policies: int = 200,
    planner: AbstractPlanner | None = None,
) -> Apprentice:
    """Match an expert's features by a mixture of policies.

    Each round plans for the reward under which the expert is furthest ahead of all
    policies so far, and adds the policy found. `"projection"` takes the reward along
    the shortest way from the line between the last two mixtures to the expert;
    `"max_margin"` the one of greatest margin over all, by the shortest way from the
    hull of all of them, which needs far fewer rounds where the expert lies inside it,
    and a small quadratic programme in each.

    Args:
        env: the finite world, with named features; its discount is below 1, or it ends.
        demonstrations: whole episodes, `[demonstration, time]`, see `policy.episodes`,
            whose discounted features are averaged, or discounted time on each state and
            action, steps. Of those that a time limit cut off, what would have followed
            is missing, as the message says.
        method: `"projection"` or `"max_margin"`.
        tolerance: margin at which it stops; each feature counts in its largest value,
            so that its unit does not matter.
        max_policies: limit.
        planner: `PolicyIteration()` if left out.

    Raises:
        ValueError: for a method of another name, a world without features or with one
            that is not finite, or demonstrations that cannot have happened or are
            windows.

    Example:
        >>> from volition import env, value, reward
        >>> world = env.delivery(discount=0.9)
        >>> best = value.plan(world, reward.delivery_true()).policy
        >>> found = apprenticeship(world, occupancy(world, best.probabilities))
        >>> bool(found.margin < 1e-3)
        True

    Source: P. Abbeel, A. Ng, "Apprenticeship learning via inverse reinforcement
    learning", ICML 2004, sections 3 and 3.1. Differs: the mixture is found, not chosen
    by hand, as the point of the hull nearest to the expert.
    """
    expect_behaviour(env, demonstrations, "apprenticeship", finite=True)
    if method not in ("projection", "max_margin"):
        raise ValueError(f"method = {method!r} must be 'projection' or 'max_margin'.")
    if not env.feature_names:
        raise ValueError(
            "the world has no named features to match: give it some, or take "
            "max_causal_entropy."
        )
    planner = PolicyIteration() if planner is None else planner
    told = _demonstrated(env, demonstrations)
    plain = _features(env)
    if not np.isfinite(plain).all():
        raise ValueError("a feature of the world is not finite: correct it there.")
    size = np.abs(plain).max(axis=(0, 1), initial=0.0)
    unit = np.where(size > 0.0, size, 1.0)
    expert, each = told / unit, plain / unit

    def add(weights: np.ndarray) -> None:
        policy, spent = _best(env, jnp.asarray(each @ weights), planner)
        policies.append(policy)
        features.append(np.einsum("sa,saf->f", np.asarray(spent), each))

    policies: list[Array] = []
    features: list[np.ndarray] = []
    weights = np.zeros_like(expert)
    add(weights)
    here, shares = features[0], np.ones(1)
    while (margin := float(np.linalg.norm(expert - here))) > tolerance:
        if len(policies) == max_policies:
            break
        weights = (expert - here) / margin
        add(weights)
        if method == "projection":
            ahead = features[-1] - here
            gain = float(ahead @ (expert - here))
            share = np.clip(gain / max(float(ahead @ ahead), 1e-300), 0.0, 1.0)
            shares = np.append((1.0 - share) * shares, share)
        else:
            shares = _nearest(np.stack(features), expert)
        nearer = shares @ np.stack(features)
        if np.linalg.norm(expert - nearer) >= margin * (1.0 - 1e-9):
            shares = np.append(shares[:-1] / shares[:-1].sum(), 0.0)
            here = shares @ np.stack(features)
            break
        here = nearer
    margin = float(np.linalg.norm(expert - here))
    converged = margin <= tolerance
    how = (
        f"{len(policies)} policies, mixed, earn within {margin:.2g} of the expert "
        "under every reward of length 1 (each feature in its largest value), where "
        f"{tolerance:.2g} is asked for"
    )
    if not converged:
        how += (
            "; none comes nearer, so no policy of this world is as demonstrated"
            if len(policies) < max_policies
            else "; raise max_policies"
        )
    how += _missing(env, demonstrations)
    return Apprentice(
        reward=Linear(env.feature_names, jnp.asarray(weights / unit)),
        policies=jnp.stack(policies),
        features=np.stack(features) * unit,
        shares=shares,
        demonstrated=told,
        margin=margin,
        converged=converged,
        message=how + ".",
    )


@eqx.filter_jit
def _best(
    env: FiniteMDP, paid: Float[Array, "state action"], planner: AbstractPlanner
) -> tuple[Float[Array, "state action"], Float[Array, "state action"]]:
    """The best policy, and the discounted time that it spends."""
    policy = planner.solve(env, paid).policy.probabilities
    return policy, occupancy(env, policy)


def _missing(env: FiniteMDP, demonstrations: Segment | ArrayLike) -> str:
    """How much of the demonstrators' time was cut off, in words; mostly nothing."""
    if not isinstance(demonstrations, Segment):
        return ""
    length = (np.asarray(demonstrations.weight) > 0).sum(axis=1)
    ended = np.asarray(demonstrations.transition.terminated)[:, -1].astype(bool)
    discount = float(env.discount)
    if ended.all() or discount == 0.0:
        return ""
    if discount == 1.0:
        return (
            f"; {int((~ended).sum())} of {len(ended)} demonstrations were cut off, and "
            "what would have followed is missing"
        )
    behind = np.where(ended, 0.0, discount**length / (1.0 - discount))
    seen = (1.0 - discount**length) / (1.0 - discount)
    share = float(behind.sum() / (behind + seen).sum())
    if share < 1e-3:
        return ""
    return (
        f"; {int((~ended).sum())} of {len(ended)} demonstrations were cut off, where "
        f"up to {share:.1%} of their discounted time was still to come"
    )


def _demonstrated(
    env: FiniteMDP, demonstrations: Segment | ArrayLike
) -> Float[np.ndarray, " feature"]:
    """Mean discounted features."""
    if isinstance(demonstrations, Segment):
        check_demonstrations(env, demonstrations)
        weight = np.asarray(demonstrations.weight)
        factor = float(env.discount) ** np.arange(weight.shape[1])
        features = np.asarray(demonstrations.transition.features)
        return np.einsum("dt,dtf->f", weight * factor, features) / len(weight)
    spent = np.asarray(demonstrations, dtype=float)
    if spent.shape != (env.n_states, env.n_actions) or not np.isfinite(spent).all():
        raise ValueError(
            f"time spent is [state, action], {(env.n_states, env.n_actions)}, and "
            f"finite, not of shape {spent.shape}."
        )
    return np.einsum("sa,saf->f", spent, _features(env))


def _features(env: FiniteMDP) -> Float[np.ndarray, "state action feature"]:
    """Expected features of each action; none behind an end."""
    probability, features = np.asarray(env.probability), np.asarray(env.features)
    each = np.einsum("sab,sabf->saf", probability, features)
    return np.where(np.asarray(env.terminal)[:, None, None], 0.0, each)


def _nearest(
    points: Float[np.ndarray, "point feature"], to: Float[np.ndarray, " feature"]
) -> Float[np.ndarray, " point"]:
    """Shares of the point of a hull that is nearest to another, by least squares."""
    # A heavy last row makes the shares sum to 1.
    heavy = 1e4 * max(1.0, float(np.abs(points - to[None]).max()))
    system = np.vstack([(points - to[None]).T, np.full(len(points), heavy)])
    goal = np.append(np.zeros(len(to)), heavy)
    shares, _ = scipy.optimize.nnls(system, goal)
    return shares / shares.sum()


def explaining_reward(
    env: FiniteMDP,
    policy: Int[ArrayLike, " state"],
    *,
    sparsity: float = 0.0,
    largest: float = 1.0,
) -> tuple[Float[np.ndarray, " state"], float]:
    """The reward of the state under which a policy is best by the widest margin.

    `max sum over s of min over other actions of (P_best(s) - P_a(s)) (I - discount
    P_best)^-1 r - sparsity |r|_1`, with `|r| <= largest` and every such difference at
    least 0: a linear programme. 0 is always a solution; a margin of 0 says that no
    reward of the state tells this policy from others.

    Args:
        env: the finite world, without ends, its discount below 1.
        policy: the best action in each state, `[state]`.
        sparsity: price of a reward unit in each state, at least 0.
        largest: bound of the reward, above 0.

    Returns:
        Reward units, `[state]`, paid where one stands before a step, and the mean
        margin by which the policy's action is ahead of the second best.

    Raises:
        ValueError: where the world ends, does not discount, or an action is none.

    Example:
        >>> import jax
        >>> from volition import env
        >>> world = env.random_mdp(jax.random.key(0), 5, 2, 2, discount=0.9)
        >>> r, margin = explaining_reward(world, np.array([0, 1, 0, 1, 0]))
        >>> r.shape, margin >= 0.0
        ((5,), True)

    Source: A. Ng, S. Russell, "Algorithms for inverse reinforcement learning", ICML
    2000, section 3.2.
    """
    expect_behaviour(env, None, "explaining_reward", finite=True)
    best = np.asarray(policy)
    n_states, n_actions, _ = env.successor.shape
    discount = float(env.discount)
    if np.asarray(env.terminal).any() or not discount < 1.0:
        raise ValueError(
            "the linear programme is of worlds that never end, with a discount below "
            "1: take max_causal_entropy."
        )
    if best.shape != (n_states,) or not ((best >= 0) & (best < n_actions)).all():
        raise ValueError(
            f"the policy names one of {n_actions} actions in each of {n_states} "
            f"states, not an array of shape {best.shape}."
        )
    if sparsity < 0.0 or not largest > 0.0:
        raise ValueError(
            f"sparsity = {sparsity} must be at least 0 and largest = {largest} above 0."
        )
    leads = transition_matrix(env)
    here = np.arange(n_states)
    follows = leads[here, best.astype(int)]
    worth = np.linalg.inv(np.eye(n_states) - discount * follows)
    ahead = (follows[:, None] - leads) @ worth * discount
    others = np.arange(n_actions)[None] != best[:, None]
    state, _ = np.nonzero(others)
    ahead = ahead[others]
    # Unknown: reward r, margin t of each state, size u of each reward.
    nothing, one = np.zeros((len(ahead), n_states)), np.eye(n_states)
    chosen = one[state]
    none = np.zeros((n_states, n_states))
    above = np.vstack(
        [
            np.hstack([-ahead, chosen, nothing]),  # t <= how far ahead
            np.hstack([one, none, -one]),  # |r| <= u
            np.hstack([-one, none, -one]),
        ]
    )
    found = scipy.optimize.linprog(
        np.repeat([0.0, -1.0, sparsity], n_states),
        A_ub=above,
        b_ub=np.zeros(len(above)),
        bounds=[(-largest, largest)] * n_states + [(0, None)] * (2 * n_states),
        method="highs",
    )
    if not found.success:
        raise ValueError(f"the linear programme was not solved: {found.message}")
    return found.x[:n_states], float(found.x[n_states : 2 * n_states].mean())
