"""Weights of drivers per unit of a feature, and their prices in speed."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from volition.env.driving import NAMES
from volition.evaluation import Estimate, rates_of_draws
from volition.evaluation.exchange import N_DRAWS
from volition.inference import Posterior
from volition.reward import Linear


class Prices(NamedTuple):
    """What some drivers want.

    Args:
        weights: reward units per unit of each feature.
        prices: how much mean speed it is worth to have one unit less of a feature, m/s;
            only where neither weight may be 0.
        notes: what has no price, and why.
    """

    weights: dict[str, Estimate]
    prices: dict[str, Estimate]
    notes: tuple[str, ...]


def prices_of_posterior(
    posterior: Posterior,
    spread: Float[np.ndarray, " feature"],
    n_vehicles: int,
    key: Array,
) -> Prices:
    """Those of a linear reward, and what the choices do not tell.

    Args:
        posterior: over features in their usual spread.
        spread: of the features.
        n_vehicles: that it rests on.
        key: of draws.
    """
    rewards = posterior.sample(key, N_DRAWS)
    assert isinstance(rewards, Linear)
    assert isinstance(posterior.mean, Linear)
    found = prices_of_draws(
        np.asarray(posterior.mean.weights) / spread,
        np.asarray(rewards.weights) / spread,
        n_vehicles,
    )
    notes = [one.sentence for one in posterior.unidentified()]
    if found.weights["induced braking"].low > 0.0:
        notes.append(
            "the weight of induced braking is above 0, which is no wish: who is behind "
            "is taken to keep his speed, but slows with the same traffic."
        )
    if not posterior.result.converged:
        notes.append(f"inference did not converge: {posterior.result.message}")
    return found._replace(notes=(*notes, *found.notes))


def gaussian_draws(
    mean: Float[np.ndarray, " feature"],
    covariance: Float[np.ndarray, "feature feature"],
    key: Array,
) -> Float[np.ndarray, "draw feature"]:
    """So many as ratios need; rounding may leave a variance a little below 0."""
    size, direction = np.linalg.eigh((covariance + covariance.T) / 2.0)
    drawn = np.asarray(jax.random.normal(key, (N_DRAWS, len(mean))))
    return mean + drawn * np.sqrt(np.maximum(size, 0.0)) @ direction.T


def prices_of_draws(
    mean: Float[np.ndarray, " feature"],
    draws: Float[np.ndarray, "draw feature"],
    n_vehicles: int,
) -> Prices:
    """Weights and their ratios to that of the speed.

    Args:
        mean: the weights, reward units per unit of each feature.
        draws: of them.
        n_vehicles: that they rest on.
    """
    found = rates_of_draws(
        NAMES, "speed", mean, draws, n_vehicles, "95 % over vehicles"
    )
    if not found.weights["speed"].low > 0.0:
        note = "the weight of the speed may be 0, so that nothing has a price in speed."
        return Prices(found.weights, {}, (note,))
    notes = ()
    if found.notes:
        names = ", ".join(found.notes)
        notes = (
            f"no price, as the choices do not tell their weights from 0: {names}.",
        )
    # What is paid for one unit less.
    prices = {
        name: Estimate(-rate.value, -rate.high, -rate.low, rate.n, rate.interval)
        for name, rate in found.rates.items()
    }
    return Prices(found.weights, prices, notes)
