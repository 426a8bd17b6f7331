"""Rectangles by their corners: the area that two have in common, by clipping."""

import numpy as np


def corners(x, y, heading, length, width) -> list[tuple[float, float]]:
    """Counter-clockwise where y points up."""
    found = []
    for along, across in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        a, b = along * length / 2, across * width / 2
        found.append(
            (
                x + a * np.cos(heading) - b * np.sin(heading),
                y + a * np.sin(heading) + b * np.cos(heading),
            )
        )
    return found


def clipped(polygon, start, end) -> list[tuple[float, float]]:
    """What of a polygon lies on the left of the line from `start` to `end`."""

    def side(point):
        (ax, ay), (bx, by) = start, end
        return (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)

    kept = []
    for one, other in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        p, q = side(one), side(other)
        if p >= 0:
            kept.append(one)
        if (p > 0 > q) or (p < 0 < q):
            share = p / (p - q)
            kept.append(tuple(np.add(one, share * np.subtract(other, one))))
    return kept


def common_area(one, other) -> float:
    """Area that two convex polygons have in common."""
    rest = list(one)
    for start, end in zip(other, [*other[1:], *other[:1]], strict=True):
        if not (rest := clipped(rest, start, end)):
            return 0.0
    turned = zip(rest, [*rest[1:], *rest[:1]], strict=True)
    return 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in turned))
