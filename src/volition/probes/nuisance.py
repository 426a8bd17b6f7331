"""Probe H12: rewards that depend on what should not matter."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP, Transition
from volition.probes.finding import Finding, Path
from volition.probes.searched import visits_of
from volition.reward import AbstractReward

MOST = 0.1  # of the spread of the reward


def dependence(
    reward: AbstractReward,
    transitions: Transition,
    names: Sequence[str],
    feature_names: Sequence[str],
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """How much single features move a reward, in its own standard deviations.

    Each step is taken once more with the feature one standard deviation higher, all
    else being the same: the mean of what that changes.

    Args:
        reward: the one that is audited.
        transitions: steps, `[step]`, among which features vary as they usually do.
        names: the features that are moved.
        feature_names: all features, in the order of the transitions'.
        weight: how often each step is made; alike if left out.

    Raises:
        ValueError: for a name that is no feature.
    """
    unknown = [name for name in names if name not in feature_names]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is no feature of the steps, which have "
            f"{', '.join(feature_names)}."
        )
    features = np.asarray(transitions.features)
    share = np.ones(len(features)) if weight is None else np.asarray(weight)
    share = share / share.sum()
    paid = np.asarray(_paid(reward, transitions))
    spread = _deviation(paid, share)
    found = {}
    for name in names:
        place = list(feature_names).index(name)
        moved = features.copy()
        moved[:, place] += _deviation(features[:, place], share)
        edited = eqx.tree_at(lambda one: one.features, transitions, jnp.asarray(moved))
        change = float(np.sum(share * np.abs(np.asarray(_paid(reward, edited)) - paid)))
        found[name] = 0.0 if change == 0.0 else change / max(spread, 1e-300)
    return found


def spurious(
    env: FiniteMDP, reward: AbstractReward, names: Sequence[str]
) -> tuple[Finding, ...]:
    """Find features that move a reward and should not, over what random actions do.

    Args:
        env: the world.
        reward: the one that is audited.
        names: the features that should not matter.

    Returns:
        A finding for each by which the reward moves more than a tenth of its spread;
        its path is the commonest step that has the feature.
    """
    n_actions = env.n_actions
    uniform = np.full((env.n_states, n_actions), 1.0 / n_actions)
    weight = visits_of(env, uniform)[:, :, None] * np.asarray(env.probability)
    numbers = np.flatnonzero(weight.reshape(-1) > 0)
    state, action, branch = np.unravel_index(numbers, env.successor.shape)
    to = lambda row: jnp.asarray(row, dtype=jnp.int32)
    steps = jax.vmap(env.branch_transition)(to(state), to(action), to(branch))
    weight = weight.reshape(-1)[numbers]
    moved = dependence(reward, steps, names, env.feature_names, weight)
    found = []
    for name, share in moved.items():
        if share <= MOST:
            continue
        values = np.abs(np.asarray(steps.features)[:, env.feature_names.index(name)])
        here = int(np.argmax(weight * values))
        after = int(np.asarray(env.successor)[state[here], action[here], branch[here]])
        sentence = (
            f"The reward depends on {name}, which should not matter: one standard "
            f"deviation more of it moves a step by {share:.0%} of the reward's own."
        )
        path = Path((int(state[here]), after), (int(action[here]),))
        found.append(Finding("H12", sentence, path))
    return tuple(found)


@eqx.filter_jit
def _paid(reward: AbstractReward, transitions: Transition) -> jax.Array:
    return jax.vmap(reward)(transitions)


def _deviation(values: np.ndarray, share: np.ndarray) -> float:
    mean = np.sum(share * values)
    return float(np.sqrt(np.sum(share * (values - mean) ** 2)))
