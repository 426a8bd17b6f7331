"""What a reward of the delivery world says, in as few words as do, and how firmly."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP, delivery
from volition.evaluation import (
    Edit,
    ExchangeRates,
    ShortForm,
    counterfactual,
    exchange_rates,
    influence_by_draws,
    share_of,
    short_form,
    stability,
)
from volition.human import partial_return
from volition.inference import Posterior
from volition.policy import Segment, Tabular, rollout
from volition.reward import AbstractReward, Linear
from volition.study.simulated import LENGTH
from volition.value import plan

N_SEGMENTS = 400
N_DECISIONS = 20
N_SHOWN = 3  # edits that are told in words
N_MOVERS = 3  # answers that are named for each weight
ROUNDING = 1e-6  # of the largest worth, as features may be of single precision
SLIPS = 0.1  # share of random actions of who optimises, so that paths differ
OPTIMISED_LENGTH = 15  # steps


def usual_segments(key: PRNGKeyArray, world: FiniteMDP) -> Segment:
    """Paths as people compare them: of random actions, `[segment, time]`."""
    uniform = jnp.full((world.n_states, world.n_actions), 1.0 / world.n_actions)
    return rollout(key, world, Tabular(uniform), n_segments=N_SEGMENTS, length=LENGTH)


def explain(key: PRNGKeyArray, reward: AbstractReward) -> dict[str, Any]:
    """The short form of a reward of the delivery world, and edits that turn it around.

    Args:
        key: consumed.
        reward: any form.
    """
    world = delivery()
    usual_key, best_key, pairs_key = jax.random.split(key, 3)
    usual = usual_segments(usual_key, world)
    planned = plan(world, reward, throw=False)
    best = planned.policy.probabilities
    acting = Tabular((1.0 - SLIPS) * best + SLIPS / world.n_actions)
    optimised = rollout(
        best_key, world, acting, n_segments=N_SEGMENTS, length=OPTIMISED_LENGTH
    )
    names = world.feature_names
    short = short_form(reward, names, usual, optimised, world=world)
    spread = step_spread(usual)
    edits = turned(pairs_key, reward, usual, names, spread)
    return {
        "short_form": short_record(short),
        "counterfactuals": counterfactuals_record(edits),
        "values": {
            "value": np.asarray(planned.value).tolist(),
            "action": np.argmax(np.asarray(best), axis=-1).tolist(),
        },
    }


def short_record(short: ShortForm) -> dict[str, Any]:
    """A short form as JSON values, and in words: its terms alone."""
    weights = dict(
        zip(short.reward.feature_names, np.asarray(short.reward.weights), strict=True)
    )
    terms = Linear(short.terms, [float(weights[name]) for name in short.terms])
    return {"reward": str(terms), **short.record()}


def step_spread(segments: Segment) -> np.ndarray:
    """Standard deviation of each feature over the steps that were made."""
    features = np.asarray(segments.transition.features, dtype=float)
    made = np.asarray(segments.weight) > 0
    return features[made].std(axis=0)


def turned(
    key: PRNGKeyArray,
    reward: AbstractReward,
    segments: Segment,
    names: Sequence[str],
    spread: np.ndarray,
) -> list[Edit]:
    """The smallest edits that turn decisions between segments drawn at random.

    Args:
        key: consumed.
        reward: whose decisions.
        segments: `[segment, time]`.
        names: of the features.
        spread: of each.

    Returns:
        Of the first pairs that are not worth the same, at most `N_DECISIONS`.
    """
    worth = np.asarray(_worths(reward, segments), dtype=float)
    order = np.asarray(jax.random.permutation(key, len(worth)))
    pairs = order[: len(order) // 2 * 2].reshape(-1, 2)
    # A difference within rounding is no decision, and no edit is as small.
    apart = np.abs(np.diff(worth[pairs], axis=1)[:, 0])
    pairs = pairs[apart > ROUNDING * np.max(np.abs(worth))]
    return [
        counterfactual(
            reward,
            jax.tree.map(lambda leaf, rows=pair: leaf[rows], segments),
            names,
            spread,
        )
        for pair in pairs[:N_DECISIONS]
    ]


@eqx.filter_jit
def _worths(reward: AbstractReward, segments: Segment) -> Float[Array, " segment"]:
    return jax.vmap(partial_return, (None, 0))(reward, segments)


def counterfactuals_record(edits: Sequence[Edit]) -> dict[str, Any]:
    """How many of the edits turn a decision, and some of them in words."""
    if not edits:
        return {"flipped": None, "examples": []}
    flipped = sum(edit.flips for edit in edits)
    return {
        "flipped": share_of(flipped, len(edits), "decisions").record(),
        "size": float(np.median([edit.size for edit in edits])),
        "examples": [edit.sentence for edit in edits[:N_SHOWN]],
    }


def explain_belief(key: PRNGKeyArray, posterior: Posterior) -> dict[str, Any]:
    """What the answers say of the terms of a linear reward, and which said so.

    Args:
        key: consumed.
        posterior: of a group of the delivery study.
    """
    world = delivery()
    draw_key, rate_key, usual_key, move_key = jax.random.split(key, 4)
    rewards = posterior.sample(draw_key, 500)
    assert isinstance(rewards, Linear)
    features = usual_segments(usual_key, world)
    summed = np.asarray(features.transition.features, dtype=float).sum(axis=1)
    steady = stability(
        world.feature_names,
        np.asarray(rewards.weights),
        summed.std(axis=0),
        "rewards of the posterior",
    )
    return {
        "rates": most_rates(posterior, rate_key).record(),
        "stability": steady.record(),
        "moved": _moved(posterior, move_key),
    }


def most_rates(posterior: Posterior, key: PRNGKeyArray) -> ExchangeRates:
    """Exchange rates in units of the feature that most of the others have a rate in."""
    mean = posterior.mean
    assert isinstance(mean, Linear)
    each = [exchange_rates(posterior, name, key) for name in mean.feature_names]
    return max(each, key=lambda one: len(one.rates))


def _moved(posterior: Posterior, key: PRNGKeyArray) -> dict[str, list[dict]]:
    """Which answers moved the mean of each weight most."""
    found = influence_by_draws(posterior, key)
    question = np.asarray(posterior.problem.answers.question)
    return {
        name: [
            {"answer": place, "question": int(question[place]), "by": by}
            for place, by in found.most(name, N_MOVERS)
        ]
        for name in found.names
    }
