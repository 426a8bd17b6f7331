"""What the highway study keeps of learning: weights and curves."""

import math

import jax
import numpy as np

from volition.evaluation import Estimate
from volition.inference import Posterior
from volition.value import Curve


def weights_of(posterior: Posterior) -> dict[str, Estimate]:
    """The weight of each feature, its median with the middle 90 % of the posterior.

    Args:
        posterior: over a reward that is linear in named features.

    Returns:
        Reward units per unit of the feature, by its name; `n` is how many answers.
    """
    n = len(posterior.problem.answers)
    return {
        one.name: Estimate(middle, low, high, n, "90 % of the posterior")
        for one in posterior.marginals(jax.random.key(0))
        for low, middle, high in (one.posterior,)
    }


def in_words(weights: dict[str, Estimate]) -> str:
    """The weights that answers tell from 0, with intervals, and the other names.

    Example:
        >>> found = {"speed": Estimate(0.5, 0.25, 0.75, 8, "90 %")}
        >>> in_words(found | {"headway": Estimate(0.0, -1.0, 1.0, 8, "90 %")})
        'speed 0.5 [0.25, 0.75]; not told from 0: headway'
    """
    told = {name: one for name, one in weights.items() if one.low > 0 or one.high < 0}
    words = [
        f"{name} {one.value:.3g} [{one.low:.3g}, {one.high:.3g}]"
        for name, one in told.items()
    ]
    rest = [name for name in weights if name not in told]
    return f"{', '.join(words) or 'nothing'}; not told from 0: {', '.join(rest)}"


def curve_record(curve: Curve) -> dict:
    """A curve of several seeds as JSON values; null where no episode ended.

    Args:
        curve: leaves `[seed, stretch]`.
    """
    rows = np.asarray(curve.mean_return, dtype=float)
    return {
        "step": [int(step) for step in np.asarray(curve.step)[0]],
        "mean_return": [
            [float(value) if math.isfinite(value) else None for value in row]
            for row in rows
        ],
    }
