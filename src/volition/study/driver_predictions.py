"""How far predictions of drivers are from where they went."""

import dataclasses

import numpy as np
from jaxtyping import Float

from volition.study.driver_choices import Choices

AT = {"3": 6, "5": 10}  # s, and how many half seconds that is


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What somebody predicts: distances from what the driver did.

    Args:
        first: of the most probable path, or of all that are as probable,
            `[moment, path, time]`.
        three: of the three most probable; None where there are not three.
        loss: negative log-probability of the option that the driver's was nearest to,
            nats; None for who predicts one path only.
    """

    first: Float[np.ndarray, "moment path time"]
    three: Float[np.ndarray, "moment path3 time"] | None = None
    loss: Float[np.ndarray, " moment"] | None = None


def ranked(choices: Choices, worth: Float[np.ndarray, "moment option"]) -> Prediction:
    """The most probable options, and what was said of the one that was chosen."""
    order = np.argsort(-worth, axis=1, kind="stable")[:, :3]
    three = np.take_along_axis(choices.away, order[..., None], axis=1)
    log_probs = worth - np.logaddexp.reduce(worth, axis=1, keepdims=True)
    rows = np.arange(len(worth))
    return Prediction(three[:, :1], three, -log_probs[rows, choices.chosen])


def baselines(choices: Choices, fold: np.ndarray) -> dict[str, Prediction]:
    fitted = np.zeros_like(choices.idm)
    for number in np.unique(fold):
        here = fold == number
        final = choices.idm_grid[~here, :, -1].mean(axis=0)
        fitted[here] = choices.idm_grid[here, int(np.argmin(final))]
    flat = np.zeros(choices.away.shape[:2])
    nearest = ranked(choices, -choices.away.mean(axis=-1))
    uniform = ranked(choices, flat)
    return {
        "constant velocity": Prediction(choices.constant_velocity[:, None]),
        "IDM": Prediction(choices.idm[:, None]),
        "IDM fitted": Prediction(fitted[:, None]),
        # Any of the options, and any three of them.
        "uniform choice": Prediction(choices.away, None, uniform.loss),
        "nearest": Prediction(nearest.first),
    }


def measures(one: Prediction) -> dict[str, np.ndarray]:
    """Final and average displacement, m, and the loss, nats, each `[moment]`."""
    found = {}
    for at, n_times in AT.items():
        final = lambda away, n=n_times: away[..., n - 1]
        average = lambda away, n=n_times: away[..., :n].mean(axis=-1)
        for name, measure in (("fde", final), ("ade", average)):
            found[name + at] = measure(one.first).mean(axis=1)
            if one.three is not None:
                found[f"{name}{at}_best_of_3"] = measure(one.three).min(axis=1)
    if one.loss is not None:
        found["neg_log_likelihood"] = one.loss
        if one.three is None:
            found |= _any_three(one.first)
    return found


def _any_three(away: Float[np.ndarray, "moment option time"]) -> dict[str, np.ndarray]:
    """What the best of three options that are drawn without replacement is expected."""
    found, n = {}, away.shape[1]
    # The i-th best is the best of three if the others are among the n - 1 - i worse.
    worse = np.arange(n)[::-1].astype(float)
    chance = worse * (worse - 1.0) / 2.0 / (n * (n - 1.0) * (n - 2.0) / 6.0)
    for at, n_times in AT.items():
        final, average = away[..., n_times - 1], away[..., :n_times].mean(axis=-1)
        found[f"fde{at}_best_of_3"] = np.sort(final, axis=1) @ chance
        found[f"ade{at}_best_of_3"] = np.sort(average, axis=1) @ chance
    return found
