"""How far apart two rewards are where there is no table: from recorded transitions."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, FiniteMDP, Transition
from volition.env.leaf import check_within
from volition.evaluation.bootstrap import bootstrap
from volition.evaluation.estimate import Estimate
from volition.evaluation.reward_distance import ROUNDING, pearson_distance
from volition.evaluation.size import sized
from volition.policy import Segment
from volition.reward import AbstractReward, not_finite, reading

N_RESAMPLES = 500
ROWS_AT_A_TIME = 16  # states whose jumps are in memory at once


def sampled_epic(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    learned: AbstractReward,
    truth: AbstractReward,
    pool: Segment,
    *,
    n_coverage: int = 512,
    n_canonical: int = 512,
) -> Estimate:
    """EPIC in a world without a table, over transitions that were recorded.

    The canonical form asks about steps from any state by any action to any other, so
    rewards of what the world would do at such a jump are taken into account. With one
    sample for all states, shaping cancels exactly, whatever the sample.

    Args:
        key: of the samples; consumed.
        env: the world, which describes jumps to the rewards; its discount applies.
        learned: any reward.
        truth: likewise.
        pool: what was recorded, `[segment, time]`; what lies behind an end is left out.
        n_coverage: how many transitions to compare the rewards over.
        n_canonical: how many jumps to average over; the rewards are called about
            `(2 n_coverage + n_canonical) n_canonical` times.

    Returns:
        The distance in `[0, 1]`, with an interval over the transitions; the jumps count
        as given.

    Raises:
        ValueError: in a finite world, whose transitions are its own; for a discount of
            1 where episodes end, but none of the jumps does; where a reward is not
            finite.

    Source: A. Gleave et al., ICLR 2021, arXiv 2006.13900, section 4 and appendix A.1.

    Differs: as `epic_canonical` where episodes end.
    """
    if isinstance(env, FiniteMDP):
        raise ValueError(
            "a finite world has no transitions but its own, and EPIC asks about jumps: "
            "use reward_distances."
        )
    steps = recorded_steps(pool)
    n = len(np.asarray(steps.terminated))
    chosen, jumps = (
        jax.random.choice(one, n, (min(size, n),), replace=False)
        for one, size in zip(
            jax.random.split(key), (n_coverage, n_canonical), strict=True
        )
    )
    take = lambda places: jax.tree.map(lambda leaf: jnp.asarray(leaf)[places], steps)
    ends = bool(np.asarray(take(chosen).terminated).any())
    jump_ends = bool(np.asarray(take(jumps).terminated).any())
    if float(jnp.asarray(env.discount)) >= 1.0 and ends and not jump_ends:
        raise ValueError(
            f"with a discount of 1, one of the {len(jumps)} jumps must end the episode "
            "where the transitions do: raise n_canonical."
        )
    forms, least = _numbers(
        lambda reward: _canonical(env, reward, take(chosen), take(jumps)),
        (reading(learned, env.feature_names), reading(truth, env.feature_names)),
        "a transition of the pool, or a jump between two",
    )
    return bootstrap(
        lambda rows: pearson_distance(forms[0][rows], forms[1][rows], rounding=least),
        len(forms[0]),
        "transitions",
        n_resamples=N_RESAMPLES,
    ).within(0.0, 1.0)


@eqx.filter_jit
def _canonical(
    env: AbstractEnvironment,
    reward: AbstractReward,
    steps: Transition,
    jumps: Transition,
) -> Float[Array, " step"]:
    """`R(s,a,s') + discount v(s') - v(s)`, where `v` is the value of jumping."""
    going = ~jax.vmap(env.terminated)(jumps.next_state)

    def mean_jump(state: PyTree) -> Float[Array, ""]:
        step = lambda action, after: reward(env.transition(state, action, after))
        return jnp.mean(jax.vmap(step)(jumps.action, jumps.next_state))

    each = lambda states: jax.lax.map(mean_jump, states, batch_size=ROWS_AT_A_TIME)
    paid = jax.vmap(reward)(steps)
    discount = jnp.asarray(env.discount, dtype=paid.dtype)
    share = jnp.mean(going, dtype=paid.dtype)
    ahead = jnp.mean(jnp.where(going, each(jumps.next_state), 0.0))
    # With no discount and no end it is a constant, which a correlation does not see.
    left = 1.0 - discount * share
    constant = jnp.where(left > 0.0, discount * ahead / jnp.maximum(left, 1e-12), 0.0)
    ended = jnp.asarray(steps.terminated)
    after = jnp.where(ended, 0.0, each(steps.next_state) + constant)
    return paid + discount * after - (each(steps.state) + constant)


def _numbers(
    number_fn: Callable[[AbstractReward], Array],
    rewards: tuple[AbstractReward, AbstractReward],
    of_what: str,
) -> tuple[list[np.ndarray], float]:
    """What two rewards give, finite and over the largest, and how it was rounded."""
    found, least = [], ROUNDING
    for what, reward in zip(("learned", "true"), rewards, strict=True):
        given = np.asarray(number_fn(reward))
        numbers = given.astype(np.float64)
        wrong = ~np.isfinite(numbers)
        if wrong.any():
            raise ValueError(
                f"the {what} reward pays {numbers[wrong][0]} for {of_what}"
                f"{not_finite(reward)}: make it finite."
            )
        found.append(sized(numbers))
        least = max(least, 64 * float(np.finfo(given.dtype).eps))
    return found, least


def recorded_steps(pool: Segment) -> Transition:
    """The steps that were made in a batch of segments, one after the other.

    Args:
        pool: `[segment, time]`.

    Raises:
        ValueError: where no step was made.
    """
    made: Bool[np.ndarray, "segment time"]
    made = (np.asarray(pool.weight) > 0) & np.asarray(pool.present)
    if not made.any():
        raise ValueError("the pool has no step: record some.")
    return jax.tree.map(lambda leaf: np.asarray(leaf)[made], pool.transition)


@eqx.filter_jit
def _returns(
    reward: AbstractReward, episodes: Segment, discount: Float[Array, ""]
) -> Float[Array, " episode"]:
    paid = jax.vmap(jax.vmap(reward))(episodes.transition)
    counted = (episodes.weight > 0) & episodes.present
    time = jnp.arange(paid.shape[1], dtype=paid.dtype)
    factor = discount.astype(paid.dtype) ** time
    return jnp.sum(jnp.where(counted, paid, 0.0) * factor[None, :], axis=1)


def episode_return_distance(
    learned: AbstractReward,
    truth: AbstractReward,
    episodes: Segment,
    discount: float = 1.0,
) -> Estimate:
    """ERC: the Pearson distance of two rewards' returns over recorded episodes.

    It says whether they agree about the policies that were recorded, and nothing of
    others. Shaping cancels where the episodes begin in one state and end alike.

    Args:
        learned: any reward.
        truth: likewise.
        episodes: `[episode, time]`, whole.
        discount: in `[0, 1]`.

    Returns:
        In `[0, 1]`, with an interval over the episodes.

    Raises:
        ValueError: where a return is not finite, or the discount is out of range.

    Source: A. Gleave et al., ICLR 2021, arXiv 2006.13900, section 5 (the baseline ERC).
    """
    factor = jnp.asarray(discount, dtype=float)
    check_within("discount", factor, 0.0, 1.0)
    returns, least = _numbers(
        lambda one: _returns(one, episodes, factor), (learned, truth), "an episode"
    )
    return bootstrap(
        lambda rows: pearson_distance(
            returns[0][rows], returns[1][rows], rounding=least
        ),
        len(returns[0]),
        "episodes",
        n_resamples=N_RESAMPLES,
    ).within(0.0, 1.0)
