"""Rules for questions about pairs, slowly and plainly, in NumPy."""

import numpy as np


def davidson(u: float, v: float, width: float) -> np.ndarray:
    """Of first, second and tie; without ties where the width is 0."""
    each = np.exp(np.array([u, v, (u + v) / 2]) - max(u, v))
    each[2] *= width
    return each[: 3 if width else 2] / each.sum()


def entropy(p: np.ndarray) -> float:
    return float(-sum(one * np.log(one) for one in p if one > 0))


def seen(worth: np.ndarray, pair, width: float) -> np.ndarray:
    """Probabilities `[sample, answer]`."""
    i, j = pair
    return np.array([davidson(row[i], row[j], width) for row in worth])


def information_gain(worth, pair, width):
    p = seen(worth, pair, width)
    return entropy(p.mean(axis=0)) - np.mean([entropy(row) for row in p])


def volume_removal(worth, pair, width):
    p = seen(worth, pair, width)
    return min(np.mean([1 - row[answer] for row in p]) for answer in range(p.shape[1]))


def disagreement(worth, pair, width):
    return sum(np.var(column) for column in seen(worth, pair, width).T)


def thompson(worth, pair, width):
    i, j = pair
    first, last = worth[0], worth[-1]
    return max(first[i] + last[j], first[j] + last[i])


def maximum_regret(worth, pair, width):
    i, j = pair
    ahead = [row[i] - row[j] for row in worth]
    if max(ahead) <= 0 or min(ahead) >= 0:
        return 0.0
    return max(ahead) - min(ahead)


def value_of_information(worth, pair, width):
    p = seen(worth, pair, width)
    decisions = range(worth.shape[1])
    after = 0.0
    for answer in range(p.shape[1]):
        after += max(np.mean(p[:, answer] * worth[:, k]) for k in decisions)
    return after - max(np.mean(worth[:, k]) for k in decisions)
