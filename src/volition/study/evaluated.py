"""What a reward of the delivery world is worth, by all that its truth can tell."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP, delivery
from volition.evaluation import (
    Estimate,
    exactly,
    jump_coverage,
    jump_reward,
    mean_over,
    mixed_coverage,
    policy_set,
    rank_correlation,
    reward_distances,
    sample_interval,
    scaled_regret,
    scaled_return,
    visit_coverage,
    worst_tie_break,
)
from volition.policy import Tabular
from volition.reward import AbstractReward, Linear, Shaped, delivery_true
from volition.study.other_boards import other_boards
from volition.value import plan

N_DRAWS = 50  # rewards of the posterior, by which intervals of distances are
N_BOARDS = 20
OPTIMISERS = 10  # draws that are optimised in every way


def evaluate_truth(
    key: PRNGKeyArray,
    reward: AbstractReward,
    draws: Sequence[AbstractReward],
    step: Callable[[str], None],
) -> dict[str, Any]:
    """Compare a learned reward with the true one of the delivery world.

    Args:
        key: consumed.
        reward: the mean reward, or one without a posterior.
        draws: rewards of the posterior, at most `N_DRAWS` are looked at; none where it
            is not known, then there are no intervals but of what is drawn here.
        step: is told what is done.

    Returns:
        JSON values: distances, the order of policies, what optimising it earns, here
        and on boards of other orders, and the same distances of rewards whose distance
        is known, 0 and 1.
    """
    world, truth = delivery(), delivery_true()
    policies_key, *regret_keys = jax.random.split(key, 2 + OPTIMISERS)
    draws = draws[:N_DRAWS]
    step("distances to the true reward")
    distances = _distances(world, reward, draws, truth)
    step("the order of policies")
    policies = policy_set(policies_key, world, [reward, truth])
    order = rank_correlation(world, reward, truth, policies)
    step("optimising it in several ways")
    optimised = _optimised(regret_keys, world, reward, draws[:OPTIMISERS], truth)
    step("boards of other orders")
    return {
        "distances": distances,
        "known": _known(world, truth),
        "order": {
            "kendall": order.kendall.record(),
            "pearson_canonical": order.pearson_canonical,
            "spearman_canonical": order.spearman_canonical,
        },
        "optimised": optimised,
        "other_boards": _elsewhere(world, reward, truth),
    }


def _coverages(world: FiniteMDP, truth: AbstractReward) -> dict[str, np.ndarray]:
    shape = (world.n_states, world.n_actions)
    anything = Tabular(jnp.full(shape, 1.0 / world.n_actions))
    at_random = visit_coverage(world, anything)
    at_best = visit_coverage(world, plan(world, truth).policy)
    return {
        "all jumps alike": jump_coverage(world),
        "steps of random actions": at_random,
        "steps of the best policy": at_best,
        "half of each": mixed_coverage([at_random, at_best]),
    }


def _numbers(
    world: FiniteMDP,
    one: AbstractReward,
    truth: AbstractReward,
    coverages: dict[str, np.ndarray],
) -> dict[str, float]:
    """Every distance of a reward, by name."""
    found = reward_distances(world, one, truth, coverages, ask_fn=jump_reward)
    return (
        {f"EPIC, {name}": value for name, value in found.epic.items()}
        | {"EPIC, spread": found.epic_spread}
        | {f"DARD, {name}": value for name, value in found.dard.items()}
        | {"STARC": found.starc}
    )


def _distances(
    world: FiniteMDP,
    reward: AbstractReward,
    draws: Sequence[AbstractReward],
    truth: AbstractReward,
) -> dict[str, dict]:
    coverages = _coverages(world, truth)
    mean = _numbers(world, reward, truth, coverages)
    each = [_numbers(world, one, truth, coverages) for one in draws]
    return {
        name: over_draws(value, [one[name] for one in each]).record()
        for name, value in mean.items()
    }


def over_draws(value: float, drawn: Sequence[float]) -> Estimate:
    """A number of the mean reward, with the middle 90 % of those of draws.

    Example:
        >>> print(over_draws(0.5, []))
        0.500 [0.500, 0.500] (n = 1, exact)
    """
    if not len(drawn):
        return exactly(value)
    return sample_interval(value, np.asarray(drawn), "rewards of the posterior")


def _known(world: FiniteMDP, truth: Linear) -> dict[str, float]:
    """The greatest distance of an equivalent reward, the least of the opposite one."""
    coverages = _coverages(world, truth)
    potential = jax.random.normal(jax.random.key(0), (world.n_states,))
    scaled = Linear(truth.feature_names, 2.5 * truth.weights)
    alike = Shaped(scaled, potential, world.discount)
    opposite = Linear(truth.feature_names, -truth.weights)
    far, near = (_numbers(world, one, truth, coverages) for one in (alike, opposite))
    spread = "EPIC, spread"
    return {
        "equivalent": max(value for name, value in far.items() if name != spread),
        "opposite": min(value for name, value in near.items() if name != spread),
    }


def _optimised(
    keys: Sequence[PRNGKeyArray],
    world: FiniteMDP,
    reward: AbstractReward,
    draws: Sequence[AbstractReward],
    truth: AbstractReward,
) -> dict[str, Any]:
    """Scaled returns by optimiser, and of the worst one."""
    found, *others = (
        scaled_regret(key, world, one, truth)
        for key, one in zip(keys, [reward, *draws], strict=False)
    )
    by = {
        name: over_draws(
            1.0 - lost, [1.0 - one.by[name] for one in others if name in one.by]
        ).record()
        for name, lost in found.by.items()
    }
    worst = over_draws(1.0 - found.worst, [1.0 - one.worst for one in others])
    return {
        "by": by,
        "worst": worst.record(),
        "worst_optimiser": found.worst_optimiser,
        "left_out": list(found.left_out),
    }


@eqx.filter_jit
def _earned(
    world: FiniteMDP, reward: AbstractReward, truth: AbstractReward
) -> Float[Array, ""]:
    return scaled_return(world, worst_tie_break(world, reward, truth), truth)


def _elsewhere(
    world: FiniteMDP, reward: AbstractReward, truth: AbstractReward
) -> dict[str, dict]:
    """Scaled return on other boards, and by how much it is lower than here."""
    here = float(_earned(world, reward, truth))
    boards = other_boards(0, N_BOARDS)
    there = np.array([float(_earned(one, reward, truth)) for one in boards])
    return {
        "here": exactly(here).record(),
        "scaled_return": mean_over(there, "boards").record(),
        "least": exactly(there.min()).record(),
        "gap": mean_over(here - there, "boards").record(),
    }
