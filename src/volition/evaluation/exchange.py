"""Exchange rates between named features: what one is worth in units of another."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.evaluation.estimate import Estimate
from volition.inference import Posterior
from volition.inference.problem import Free, Problem
from volition.reward import Linear

N_DRAWS = 4000  # the ends of a 95 % interval, to about a twentieth of its width
# The share of a ratio's direction that may lie where the answers say less than the
# prior. At a tenth, the prior alone leaves it at least a fifth as wide as it was.
MOST_OPEN = 0.1
# Answers bound a weight where one so many times beyond the end of its interval fits
# them worse by so many nats (half the 95 % quantile of chi squared with one degree).
FARTHER, WORSE = 3.0, 1.92


class ExchangeRates(eqx.Module):
    """What one unit of each feature is worth, in units of one of them.

    Args:
        unit_feature: what is paid with.
        weights: reward units per unit of each feature.
        rates: how many units of `unit_feature` are worth as much as one unit of the
            feature; only of those for which that is identified.
        notes: why the others have no rate, a sentence for each.
    """

    unit_feature: str = eqx.field(static=True)
    weights: dict[str, Estimate]
    rates: dict[str, Estimate]
    notes: dict[str, str] = eqx.field(static=True)

    def record(self) -> dict:
        """The same as JSON values."""
        return {
            "unit_feature": self.unit_feature,
            "weights": {name: one.record() for name, one in self.weights.items()},
            "rates": {name: one.record() for name, one in self.rates.items()},
            "notes": dict(self.notes),
        }


def exchange_rates(
    posterior: Posterior,
    unit_feature: str,
    key: PRNGKeyArray,
    *,
    n_draws: int = N_DRAWS,
) -> ExchangeRates:
    """What people would give of one feature for one unit of each other.

    `rate = w_feature / w_unit`, which no scale of the reward or of the person's
    rationality can change. A rate is given only where it is identified: the 95 %
    intervals of both weights exclude 0; the answers say more of the ratio than the
    prior does; and they bound both weights on either side. The second matters where the
    prior knows the signs (`Signed`): then no interval ever holds 0, whatever was asked.
    The third does where something is so bad that nobody ever chose it: a weight many
    times as large fits as well, and where its interval ends is the prior's doing, or
    that of a Gaussian around the mode.

    Args:
        posterior: over a linear reward.
        unit_feature: what is paid with, such as time or speed.
        key: of the draws; consumed.
        n_draws: how many.

    Returns:
        Rates with the middle 95 % of the posterior; `n` is the number of answers.

    Raises:
        ValueError: where the reward is not linear in features, or has no such feature.

    Example:
        >>> from volition import feedback, human, inference
        >>> belief = inference.fit(
        ...     Linear(("speed", "collision")),
        ...     human.Boltzmann(),
        ...     feedback.Dataset.empty(),
        ... )
        >>> exchange_rates(belief, "speed", jax.random.key(0)).notes["collision"]
        'no rate: the weight of speed, which is paid with, may be 0.'
    """
    names, mean = _linear(posterior)
    rewards = posterior.sample(key, n_draws)
    assert isinstance(rewards, Linear)
    found = rates_of_draws(
        names,
        unit_feature,
        mean,
        np.asarray(rewards.weights),
        len(posterior.problem.answers),
        "95 % of the posterior",
    )
    shares = _open_shares(posterior, names.index(unit_feature))
    loose = _loose(posterior, found.weights)
    rates, notes = {}, dict(found.notes)
    for name, share in zip(names, shares, strict=True):
        if name not in found.rates:
            continue
        rate = found.rates[name]
        if share > MOST_OPEN:
            notes[name] = (
                f"no rate: the answers leave the ratio of {name} to {unit_feature} to "
                f"the prior ({share:.0%} of it lies where they say less than that)."
            )
        elif unit_feature in loose:
            notes[name] = f"no rate: {loose[unit_feature]}."
        elif name in loose:
            least = min(abs(rate.low), abs(rate.high))
            notes[name] = (
                f"no rate: {loose[name]}; as far as can be told one is worth at least "
                f"{least:.3g} {unit_feature}."
            )
        else:
            rates[name] = rate
    return ExchangeRates(unit_feature, found.weights, rates, notes)


def rates_of_draws(
    names: Sequence[str],
    unit_feature: str,
    mean: Float[np.ndarray, " feature"],
    draws: Float[np.ndarray, "draw feature"],
    n: int,
    interval: str,
) -> ExchangeRates:
    """Rates from draws of the weights, whatever they are drawn from.

    Nothing is known here of what the prior alone says: `exchange_rates` looks at that.

    Args:
        names: of the features.
        unit_feature: what is paid with.
        mean: of the weights.
        draws: of them.
        n: how many independent pieces they rest on.
        interval: what the middle 95 % of the draws is, in words.

    Raises:
        ValueError: where there is no such feature.

    Example:
        >>> drawn = np.array([[2.0, -60.0], [2.0, -80.0]])
        >>> told = rates_of_draws(
        ...     ("s", "crash"), "s", np.array([2.0, -70.0]), drawn, 9, "95 %"
        ... )
        >>> told.rates["crash"].value
        -35.0
    """
    if unit_feature not in names:
        raise ValueError(
            f"{unit_feature!r} is none of the features, which are {tuple(names)}: name "
            "one of them to pay with."
        )
    unit = list(names).index(unit_feature)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    weights = {
        name: Estimate(float(m), float(a), float(b), n, interval)
        for name, m, a, b in zip(names, mean, low, high, strict=True)
    }
    told = (low > 0.0) | (high < 0.0)
    rates, notes = {}, {}
    for place, name in enumerate(names):
        if place == unit:
            continue
        if not told[unit]:
            notes[name] = (
                f"no rate: the weight of {unit_feature}, which is paid with, may be 0."
            )
        elif not told[place]:
            notes[name] = f"no rate: the weight of {name} may be 0."
        else:
            ratio = draws[:, place] / draws[:, unit]
            ends = [float(end) for end in np.quantile(ratio, [0.025, 0.975])]
            value = float(mean[place] / mean[unit])
            rates[name] = Estimate(value, ends[0], ends[1], n, interval)
    return ExchangeRates(unit_feature, weights, rates, notes)


def _linear(
    posterior: Posterior,
) -> tuple[tuple[str, ...], Float[np.ndarray, " feature"]]:
    mean = posterior.mean
    if not isinstance(mean, Linear):
        raise ValueError(
            f"a {type(mean).__name__} has no weight for each feature: fit a Linear, or "
            "look for one that stands for it with short_form."
        )
    return mean.feature_names, np.asarray(mean.weights)


def _open_shares(posterior: Posterior, unit: int) -> Float[np.ndarray, " feature"]:
    """The share of each ratio's direction that lies in those that are not identified.

    In units of the prior, on its free scale, the direction in which the logarithm of
    the ratio grows; directions are orthonormal, so shares of its squared length add up.
    """
    problem, n_reward = posterior.problem, posterior.problem.n_reward
    scale = np.asarray(problem.prior_scale())[:n_reward]
    free = posterior.mode[:n_reward]
    slopes = np.asarray(_log_slopes(problem.prior.constrain, free)) * scale[None]
    ahead = slopes - slopes[unit][None]
    size = np.maximum(np.sum(ahead**2, axis=1), np.finfo(float).tiny)
    total = np.zeros(n_reward)
    for direction in posterior.unidentified():
        total += (ahead @ np.asarray(direction.weights)) ** 2 / size
    return total


def _loose(posterior: Posterior, weights: dict[str, Estimate]) -> dict[str, str]:
    """Which weights the answers do not bound, and in which way.

    The others stay where they are, which makes a change look worse than it need be: a
    weight that is loose nevertheless is loose indeed.
    """
    mode = posterior.problem.prior.constrain(posterior.mode[: len(weights)])
    found = {}
    for place, (name, weight) in enumerate(weights.items()):
        end = weight.low if weight.value < 0.0 else weight.high
        tried = jnp.stack(
            [mode, mode.at[place].set(FARTHER * end), mode.at[place].set(0.0)]
        )
        here, far, none = np.asarray(_fits(posterior.problem, posterior.mode, tried))
        if not here - far > WORSE:
            found[name] = (
                f"the answers bound the weight of {name} on one side only (one of "
                f"{FARTHER * end:.3g} fits them as well)"
            )
        elif not here - none > WORSE:
            found[name] = f"the answers fit as well where the weight of {name} is 0"
    return found


@eqx.filter_jit
def _fits(
    problem: Problem, mode: Free, weights: Float[Array, "point weight"]
) -> Float[Array, " point"]:
    """The log-likelihood of all answers at other weights, the person unchanged."""

    def fit(one):
        reward, person = problem.prior.release(one), mode[one.shape[0] :]
        return problem.log_likelihood(jnp.concatenate([reward, person]))

    return jax.lax.map(fit, weights)


def _log_slopes(constrain, free: Float[Array, " free"]) -> Array:
    """Slope of the logarithm of each weight's size, `[weight, free]`."""
    weights = constrain(free)
    # A weight of exactly 0 has no rate, as its interval holds 0.
    size = jnp.where(weights == 0.0, 1.0, weights)
    return jax.jacfwd(constrain)(free) / size[:, None]
