"""How far apart two rewards are, whatever scale and shaping they come in."""

from collections.abc import Callable, Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from volition.env import FiniteMDP
from volition.evaluation.canonical import (
    FullReward,
    dard_canonical,
    epic_canonical,
    full_reward,
    possible_reward,
    starc_unit,
)
from volition.evaluation.coverage import (
    Coverage,
    dynamics,
    dynamics_coverage,
    mixed_coverage,
    uniform_coverage,
    visit_coverage,
)
from volition.evaluation.policies import can_reach, possible_steps
from volition.evaluation.size import sized
from volition.policy import Tabular
from volition.reward import AbstractReward
from volition.value import plan

# What is left of a reward, relative to its largest number, that counts as rounding, in
# 64 bits; of rewards and worlds in 32 bits, as much as 64 times their own.
ROUNDING = 1e-9


def pearson_distance(
    one: Float[np.ndarray, "*shape"],
    other: Float[np.ndarray, "*shape"],
    weight: Float[np.ndarray, "*shape"] | None = None,
    *,
    rounding: float = ROUNDING,
) -> float:
    """`sqrt((1 - correlation) / 2)`: 0 for the same up to scale and shift, 1 opposite.

    Args:
        one: numbers.
        other: as many.
        weight: of each, not negative; all alike if left out.
        rounding: a spread that is smaller, relative to the largest number, is none.

    Returns:
        In `[0, 1]`. A constant correlates with nothing: 0 from another constant, and
        `sqrt(1/2)` from all else.

    Raises:
        ValueError: where numbers that have a weight are not finite, there are not as
            many of either, or the weights are none.

    Example:
        >>> pearson_distance(np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 9.0]))
        0.0
    """
    if np.shape(one) != np.shape(other) or np.size(one) == 0:
        raise ValueError(
            f"numbers of the shapes {np.shape(one)} and {np.shape(other)} cannot be "
            "compared: give as many of either, at least one."
        )
    share = np.ones(np.shape(one)) if weight is None else np.asarray(weight, float)
    if share.shape != np.shape(one) or not ((share >= 0).all() and share.sum() > 0):
        raise ValueError(
            "the weights of a distance must be one for each number, not negative and "
            "not all 0."
        )
    share = share / share.sum()
    units = []
    for what, numbers in (("first", one), ("second", other)):
        apart = _checked(np.where(share > 0, numbers, 0.0), what)
        apart = apart - np.sum(share * apart)
        spread = np.sqrt(np.sum(share * apart**2))
        units.append(apart / spread if spread > rounding else 0.0 * apart)
    constant = [not unit.any() for unit in units]
    if any(constant):
        return 0.0 if all(constant) else float(0.5**0.5)
    # By the difference of unit vectors, |x - y|^2 = 2 - 2 correlation, as a
    # correlation near 1 has lost the digits that tell it from 1.
    apart = units[0] - units[1]
    return float(min(1.0, np.sqrt(np.sum(share * apart**2)) / 2.0))


def norm_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Half the distance of two arrays brought to length 1; in `[0, 1]`.

    An array of zeros stays one, at 1/2 from all others.

    Args:
        one: numbers.
        other: as many.

    Raises:
        ValueError: where a number is not finite, or there are not as many of either.

    Example:
        >>> norm_distance(np.array([1.0, 0.0]), np.array([-3.0, 0.0]))
        1.0
    """
    if np.shape(one) != np.shape(other):
        raise ValueError(
            f"numbers of the shapes {np.shape(one)} and {np.shape(other)} cannot be "
            "compared: give as many of either."
        )
    units = []
    for numbers in (_checked(one, "first"), _checked(other, "second")):
        length = np.linalg.norm(numbers)
        units.append(numbers / length if length > 0.0 else numbers)
    return float(min(1.0, np.linalg.norm(units[0] - units[1]) / 2.0))


def _checked(numbers: np.ndarray, what: str) -> np.ndarray:
    """Finite numbers, in 64 bits and over their size."""
    numbers = np.asarray(numbers, dtype=np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"number {list(place)} of the {what} of two that are compared is "
            f"{numbers[place]}: give finite numbers."
        )
    return sized(numbers)


def _rounding(env: FiniteMDP) -> float:
    return max(ROUNDING, 64 * float(jnp.finfo(env.probability.dtype).eps))


def _drawn(env: FiniteMDP, coverage: Coverage) -> tuple[np.ndarray, np.ndarray]:
    """States as often as they are acted in or ended in; actions as often as taken."""
    ends = np.asarray(env.terminal)
    states = coverage.sum(axis=(1, 2)) + np.where(ends, coverage.sum(axis=(0, 1)), 0.0)
    return states / states.sum(), coverage.sum(axis=(0, 2))


def epic_distance(
    env: FiniteMDP,
    learned: AbstractReward,
    truth: AbstractReward,
    coverage: Coverage | None = None,
) -> float:
    """EPIC: the Pearson distance of canonically shaped rewards.

    0 for rewards that differ by potential shaping and positive scale; 1 for the
    opposite. What a reward says of impossible transitions counts.

    Args:
        env: a small world.
        learned: a reward that reads no features.
        truth: likewise.
        coverage: weights of the transitions; `uniform_coverage` if left out. States and
            actions for the canonical form are drawn as it has them.

    Raises:
        ValueError: where a reward reads features, is not finite or does not fit the
            world, or the world is large.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> truth = reward.Tabular(np.arange(12.0).reshape(3, 4))
        >>> scaled = reward.Tabular(3.0 * np.arange(12.0).reshape(3, 4))
        >>> round(epic_distance(world, scaled, truth), 6)
        0.0

    Source: A. Gleave et al., ICLR 2021, arXiv 2006.13900, definition 4.5; see
    `epic_canonical` for worlds that end.
    """
    coverage = uniform_coverage(env) if coverage is None else coverage
    rewards = (full_reward(env, learned), full_reward(env, truth))
    return _epic(env, rewards, coverage)


def dard_distance(
    env: FiniteMDP,
    learned: AbstractReward,
    truth: AbstractReward,
    coverage: Coverage | None = None,
) -> float:
    """DARD: as EPIC, with a canonical form by what the world can do.

    Args:
        env: a small world.
        learned: a reward that reads no features.
        truth: likewise.
        coverage: weights of the transitions; `dynamics_coverage` if left out.

    Raises:
        ValueError: where a reward reads features, is not finite or does not fit the
            world, or the world is large.

    Source: B. Wulfe et al., ICLR 2022, arXiv 2201.10081.
    """
    coverage = dynamics_coverage(env) if coverage is None else coverage
    rewards = (full_reward(env, learned), full_reward(env, truth))
    return _dard(env, rewards, coverage)


def _epic(env, rewards, coverage) -> float:
    states, actions = _drawn(env, coverage)
    ends = np.asarray(env.terminal)
    form = lambda values: epic_canonical(
        values, float(env.discount), states=states, actions=actions, terminal=ends
    )
    least = _rounding(env)
    one, other = (_settled(form, values, least) for values in rewards)
    return pearson_distance(one, other, coverage, rounding=least)


def _dard(env, rewards, coverage) -> float:
    _, actions = _drawn(env, coverage)
    led, ends = dynamics(env), np.asarray(env.terminal)
    form = lambda values: dard_canonical(
        values, led, float(env.discount), actions=actions, terminal=ends
    )
    least = _rounding(env)
    one, other = (_settled(form, values, least) for values in rewards)
    return pearson_distance(one, other, coverage, rounding=least)


def _settled(
    form_fn: Callable[[np.ndarray], np.ndarray], values: np.ndarray, least: float
) -> np.ndarray:
    """The canonical form, or zeros where it is rounding of a reward of no substance."""
    form = form_fn(sized(values))
    form = form - form.mean()
    return form if np.max(np.abs(form)) > least else np.zeros_like(form)


def starc_distance(
    env: FiniteMDP,
    learned: AbstractReward,
    truth: AbstractReward,
    policy: Tabular | None = None,
) -> float:
    """STARC with the canonical form VAL and the Euclidean norm, in `[0, 1]`.

    0 exactly for rewards that order all policies alike, 1 for the opposite. The regret
    of optimising one for the other is bounded by a multiple of it, from above and in
    the worst case from below.

    Args:
        env: a world of any size.
        learned: any reward.
        truth: likewise.
        policy: of the canonical form; acting at random if left out.

    Raises:
        ValueError: where a reward is not finite, or does not fit the world; where, at a
            discount of 1, the policy may never end from where episodes begin.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> truth = reward.Tabular(np.arange(12.0).reshape(3, 4))
        >>> scaled = reward.Tabular(3.0 * np.arange(12.0).reshape(3, 4))
        >>> round(starc_distance(world, scaled, truth), 6)
        0.0

    Source: J. Skalse et al., arXiv 2309.15257; its distance over 2.
    """
    forms = (starc_unit(env, one, policy) for one in (learned, truth))
    return norm_distance(*forms)


class RewardDistances(eqx.Module):
    """How far a learned reward is from the true one, by several measures.

    Args:
        epic: by name of the coverage, in `[0, 1]`; empty where it cannot be asked.
        dard: likewise.
        raw: Pearson distance of the rewards as they are, by name of the coverage.
        starc: in `[0, 1]`.
        left_out: in a sentence, what is missing and why; empty for nothing.
    """

    epic: Mapping[str, float]
    dard: Mapping[str, float]
    raw: Mapping[str, float]
    starc: float
    left_out: str = eqx.field(static=True, default="")

    @property
    def epic_spread(self) -> float:
        """By how much EPIC depends on what is looked at; NaN where there is none."""
        found = list(self.epic.values())
        return max(found) - min(found) if found else float("nan")


def reward_distances(
    env: FiniteMDP,
    learned: AbstractReward,
    truth: AbstractReward,
    coverages: Mapping[str, Coverage] | None = None,
    *,
    ask_fn: Callable[[FiniteMDP, AbstractReward], FullReward] | None = None,
) -> RewardDistances:
    """Compare two rewards by EPIC, DARD and STARC, under several coverages.

    EPIC depends on which transitions are looked at: where the coverages disagree, the
    rewards agree on some transitions only.

    Args:
        env: a small world.
        learned: where one of the two reads features, EPIC and DARD are left out, as
            they ask about transitions that have none.
        truth: likewise.
        coverages: weights of transitions, by name; if left out, five: all transitions,
            those that the world makes, those of acting at random, those of the policy
            that is best for the truth, and half of each of the last two.
        ask_fn: what a reward says of every transition; `full_reward` if left out. With
            `jump_reward`, rewards that read features have EPIC and DARD, too.

    Raises:
        ValueError: where the world is large; `starc_distance` alone takes any.
        RuntimeError: where the truth cannot be optimised.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> truth = reward.Tabular(np.arange(12.0).reshape(3, 4))
        >>> found = reward_distances(world, reward.Tabular(np.zeros((3, 4))), truth)
        >>> found.starc, sorted(found.epic)[:2]
        (0.5, ['all', 'best policy'])
    """
    if coverages is None:
        coverages = _coverages(env, truth)
    starc = starc_distance(env, learned, truth)
    reads = sorted({*learned.feature_names, *truth.feature_names})
    if reads and ask_fn is None:
        only = dynamics(env) > 0
        mine, true = possible_reward(env, learned), possible_reward(env, truth)
        raw = {
            name: pearson_distance(mine, true, weight)
            for name, weight in coverages.items()
            if not np.where(only, 0.0, weight).any()
        }
        sentence = (
            "EPIC, DARD and coverages of impossible transitions are left out, as the "
            f"rewards read {', '.join(reads)}, which those do not have."
        )
        return RewardDistances({}, {}, raw, starc, sentence)
    ask = full_reward if ask_fn is None else ask_fn
    full = (ask(env, learned), ask(env, truth))
    least = _rounding(env)
    each = lambda fn: {name: fn(weight) for name, weight in coverages.items()}
    endless = _endless(env)
    return RewardDistances(
        epic=each(lambda weight: _epic(env, full, weight)),
        dard={} if endless else each(lambda weight: _dard(env, full, weight)),
        raw=each(lambda weight: pearson_distance(*full, weight, rounding=least)),
        starc=starc,
        left_out=endless,
    )


def _endless(env: FiniteMDP) -> str:
    """Why DARD is left out; empty where it is not."""
    ends = np.asarray(env.terminal)
    if float(env.discount) < 1.0 or not ends.any():
        return ""
    stuck = np.flatnonzero(~can_reach(possible_steps(env), ends))
    if len(stuck) == 0:
        return ""
    return (
        f"DARD is left out, as it asks what acting at random is worth everywhere, and "
        f"from state {stuck[0]} it never ends at a discount of 1."
    )


def _coverages(env: FiniteMDP, truth: AbstractReward) -> dict[str, Coverage]:
    uniform = jnp.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    at_random = visit_coverage(env, Tabular(uniform))
    at_best = visit_coverage(env, plan(env, truth).policy)
    return {
        "all": uniform_coverage(env),
        "dynamics": dynamics_coverage(env),
        "random policy": at_random,
        "best policy": at_best,
        "mixture": mixed_coverage([at_random, at_best]),
    }
