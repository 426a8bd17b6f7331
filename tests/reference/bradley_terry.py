"""Bradley-Terry with a Gaussian prior, in NumPy, by Newton's method."""

import numpy as np

SHARE_OF_FIRST = np.array([1.0, 0.0, 0.5])  # by answer: first, second, a tie as half


def chance_of_first(ahead: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-ahead @ weights))


def log_likelihood(
    ahead: np.ndarray, choices: np.ndarray, weights: np.ndarray
) -> float:
    """Of all answers, one after the other."""
    total = 0.0
    for difference, choice in zip(ahead, choices, strict=True):
        p = chance_of_first(difference[None], weights)[0]
        share = SHARE_OF_FIRST[choice]
        total += share * np.log(p) + (1.0 - share) * np.log(1.0 - p)
    return float(total)


def information(ahead: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Minus the expected Hessian of the log-likelihood: `sum p (1 - p) d d^T`."""
    total = np.zeros((len(weights), len(weights)))
    for difference in ahead:
        p = chance_of_first(difference[None], weights)[0]
        total += p * (1.0 - p) * np.outer(difference, difference)
    return total


def mode(ahead: np.ndarray, choices: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The most probable weights under independent Gaussians around 0.

    Args:
        ahead: features of the first option less the second's, `[answer, feature]`.
        choices: 0, 1, or 2 for a tie.
        scale: standard deviations of the prior, `[feature]`.
    """
    weights, precision = np.zeros(ahead.shape[1]), np.diag(scale**-2.0)
    for _ in range(50):
        surprise = SHARE_OF_FIRST[choices] - chance_of_first(ahead, weights)
        slope = ahead.T @ surprise - precision @ weights
        step = np.linalg.solve(information(ahead, weights) + precision, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-13:
            return weights
    raise AssertionError("Newton's method did not arrive in 50 steps.")
