"""Rules beside the reward: what no policy may do, whatever it is paid for it."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from volition.env import FiniteMDP
from volition.policy import Segment, Tabular
from volition.probes.finding import Finding, way_to
from volition.probes.searched import best_of_the_best, visits_of
from volition.reward import AbstractReward
from volition.value import expected_reward

LONGEST = 10_000  # steps of an episode of a world without a time limit
ROUNDING = 1e-6  # of the feature and of the limit
SHARE = 0.01  # of the episodes, above those in which it cannot be helped


class Rule(eqx.Module):
    """A limit that a feature keeps at every step of an episode.

    Args:
        name: in words.
        feature: the name of the feature.
        least: no less than so much, feature units.
        most: no more than so much.

    Raises:
        ValueError: where there is no limit.

    Example:
        >>> rule = Rule("no collision", "collision", most=0.0)
        >>> rule.margin(np.array([0.0, 1.0])).tolist()
        [0.0, -1.0]
    """

    name: str = eqx.field(static=True)
    feature: str = eqx.field(static=True)
    least: float = eqx.field(static=True, default=-math.inf, kw_only=True)
    most: float = eqx.field(static=True, default=math.inf, kw_only=True)

    def __check_init__(self):
        if self.least == -math.inf and self.most == math.inf:
            raise ValueError(
                f"the rule {self.name!r} has no limit: give least or most."
            )

    def margin(self, values: Float[ArrayLike, "*any"]) -> Float[Array, "*any"]:
        """By how much the limits are kept, feature units; below 0 they are broken."""
        values = jnp.asarray(values)
        return jnp.minimum(values - self.least, self.most - values)


def robustness(
    rule: Rule, segment: Segment, feature_names: tuple[str, ...]
) -> Float[Array, "*batch"]:
    """By how much episodes keep a rule: the least margin of their steps.

    Args:
        rule: which one.
        segment: episodes, `[batch, time]`; what is behind an end does not count.
        feature_names: the world's.

    Returns:
        Feature units, below 0 where it is broken, `[batch]`.

    Raises:
        ValueError: for a feature that the world does not have.

    Source: A. Donzé, O. Maler, "Robust satisfaction of temporal logic over real-valued
    signals", FORMATS 2010: the robustness of "always".
    """
    values = jnp.asarray(segment.transition.features)[..., place(rule, feature_names)]
    counts = (segment.weight > 0) & segment.present
    return jnp.min(jnp.where(counts, rule.margin(values), jnp.inf), axis=-1)


def broken_rules(
    env: FiniteMDP,
    reward: AbstractReward,
    policy: Tabular,
    rules: tuple[Rule, ...],
    share: float = SHARE,
) -> tuple[Finding, ...]:
    """Find rules that a policy breaks more often than it must.

    Args:
        env: the world.
        reward: the one that is audited.
        policy: what optimising it led to.
        rules: what no policy may do.
        share: of the episodes; fewer breaches than so many more than cannot be helped
            are no matter.

    Returns:
        A finding for each rule that is broken in one of a hundred episodes more than
        under the policy that breaks it least; its path leads to the likeliest breach.
    """
    found = []
    paid = np.asarray(expected_reward(env, reward))
    taken = np.asarray(policy.probabilities)
    for rule in rules:
        breach = breaches(env, rule)
        chance = np.sum(np.asarray(env.probability) * breach, axis=-1)
        # Of those that break it least, the one that earns most.
        careful = np.asarray(best_of_the_best(env, -chance, paid).probabilities)
        rate, least = (share_broken(env, one, breach) for one in (taken, careful))
        if rate - least <= share:
            continue
        earned, instead = (
            float(np.sum(visits_of(env, one) * paid)) for one in (taken, careful)
        )
        weight = visits_of(env, taken)[..., None] * np.asarray(env.probability) * breach
        sentence = (
            f"The policy breaks the rule {rule.name!r} in {rate:.0%} of the episodes, "
            f"where {least:.0%} cannot be helped: the reward pays {earned:.4g} for it "
            f"and {instead:.4g} for the best policy that breaks it least."
        )
        found.append(Finding("rules", sentence, way_to(env, policy, weight)))
    return tuple(found)


def breaches(env: FiniteMDP, rule: Rule) -> Bool[np.ndarray, "state action branch"]:
    """Which steps break a rule."""
    values = np.asarray(env.features)[..., place(rule, env.feature_names)]
    possible = (np.asarray(env.probability) > 0) & ~np.asarray(env.terminal)[
        :, None, None
    ]
    # A value that is the limit up to rounding keeps it, in 32 bits as in 64.
    ends = [abs(end) for end in (rule.least, rule.most) if math.isfinite(end)]
    slack = ROUNDING * np.maximum(np.abs(values), max(ends))
    return possible & (np.asarray(rule.margin(values)) < -slack)


def share_broken(
    env: FiniteMDP,
    policy: Float[np.ndarray, "state action"],
    breach: Bool[np.ndarray, "state action branch"],
) -> float:
    """The share of episodes with a step of a kind, exactly; up to the time limit."""
    probability = np.asarray(env.probability)
    open_states = ~np.asarray(env.terminal)
    flow = policy[:, :, None] * probability * open_states[:, None, None]
    sound = np.where(breach, 0.0, flow).reshape(-1)
    to = np.asarray(env.successor).reshape(-1)
    rows = np.repeat(np.arange(env.n_states), flow[0].size)
    used = sound > 0
    sound, to, rows = sound[used], to[used], rows[used]
    breaking = np.sum(np.where(breach, flow, 0.0), axis=(1, 2))
    mass = np.asarray(env.initial) / np.asarray(env.initial).sum()
    broken = 0.0
    for _ in range(min(int(env.time_limit), LONGEST)):
        broken += float(mass @ breaking)
        mass = np.bincount(to, weights=mass[rows] * sound, minlength=env.n_states)
        if mass[open_states].sum() < 1e-12:
            break
    return broken


def place(rule: Rule, feature_names: tuple[str, ...]) -> int:
    """Where the feature of a rule is among all."""
    if rule.feature not in feature_names:
        raise ValueError(
            f"the rule {rule.name!r} is about the feature {rule.feature!r}, which the "
            f"world does not have: it has {', '.join(feature_names)}."
        )
    return feature_names.index(rule.feature)
