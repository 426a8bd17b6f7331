"""Overlaps of rotated rectangles against clipped polygons."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.rectangles import common_area, corners
from volition.env.driving.collision import Body, contact, separation

N, SEED, DT = 400, 4, 0.2
SIZES = ((5.0, 2.0), (2.0, 2.0))  # m: a vehicle, an obstacle


def test_the_twin_knows_areas_in_common():
    """Unit squares: half over each other; turned by 45 degrees, the octagon of area
    2 (sqrt(2) - 1); apart."""
    one = corners(0.0, 0.0, 0.0, 1.0, 1.0)
    assert common_area(one, corners(0.5, 0.0, 0.0, 1.0, 1.0)) == pytest.approx(0.5)
    turned = corners(0.0, 0.0, np.pi / 4, 1.0, 1.0)
    assert common_area(one, turned) == pytest.approx(2 * (2**0.5 - 1))
    assert common_area(one, corners(1.1, 0.0, 0.0, 1.0, 1.0)) == 0.0


def drawn(seed, speed):
    """Two bodies, `N` times, so near each other that about half of them overlap."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(2):
        size = np.array(SIZES)[rng.integers(0, 2, N)]
        heading = rng.uniform(-np.pi, np.pi, N)
        place = rng.uniform(-2.5, 2.5, (2, N))
        fast = rng.uniform(-speed, speed, N) if speed else np.zeros(N)
        rows.append((*place, heading, fast, *size.T))
    bodies = [
        Body(x, y, jnp.cos(heading), jnp.sin(heading), fast, length, width)
        for x, y, heading, fast, length, width in jax.tree.map(jnp.asarray, rows)
    ]
    return bodies, [list(zip(*map(np.ravel, row), strict=True)) for row in rows]


def shape(row, by=(0.0, 0.0)):
    x, y, heading, _, length, width = row
    return corners(x + by[0], y + by[1], heading, length, width)


REACH = 100.0  # m
touch = jax.jit(
    jax.vmap(lambda me, other, reach: contact(me, other, reach, DT), (0, 0, None))
)


def test_overlaps_are_those_of_polygons():
    (me, other), (mine, theirs) = drawn(SEED, 0.0)
    now = np.asarray(touch(me, other, jnp.asarray(REACH)).now)
    gap = np.asarray(jax.jit(jax.vmap(separation))(me, other))
    area = np.array(
        [common_area(shape(a), shape(b)) for a, b in zip(mine, theirs, strict=True)]
    )
    clear = np.abs(gap) > 1e-9  # touching is neither
    assert clear.sum() == N
    np.testing.assert_array_equal(now, area > 0.0)
    np.testing.assert_array_equal(gap < 0.0, area > 0.0)
    assert 0.2 < now.mean() < 0.9


def test_a_push_parts_them_and_a_shorter_one_does_not():
    (me, other), (mine, theirs) = drawn(SEED + 1, 0.0)
    found = touch(me, other, jnp.asarray(REACH))
    soon = np.flatnonzero(np.asarray(found.soon))
    assert len(soon) > N / 5
    for i in soon:
        push = np.array([found.x[i], found.y[i]])
        left = [
            common_area(shape(mine[i], share * push), shape(theirs[i]))
            for share in (0.98, 1.0 + 1e-9)
        ]
        assert left[1] < 1e-9
        assert left[0] > 0.0


def test_soon_is_within_the_time_step():
    """Two in line, 3 m apart, closing at 14 or 16 m/s for 0.2 s: 2.8 or 3.2 m."""

    def body(x, speed):
        x, zero, one = jnp.asarray(x), jnp.asarray(0.0), jnp.asarray(1.0)
        return Body(x, zero, one, zero, jnp.asarray(speed), one * 5.0, one * 2.0)

    for speed, expected in ((14.0, False), (16.0, True)):
        found = contact(body(0.0, speed), body(8.0, 0.0), jnp.asarray(100.0), DT)
        assert not bool(found.now)
        assert bool(found.soon) == expected
    # So far apart that highway-env does not look.
    found = contact(body(0.0, 50.0), body(8.0, 0.0), jnp.asarray(7.9), DT)
    assert not bool(found.soon)


def test_sides_do_not_matter_to_whether_they_touch():
    (me, other), _ = drawn(SEED + 2, 20.0)
    one, two = (
        touch(me, other, jnp.asarray(REACH)),
        touch(other, me, jnp.asarray(REACH)),
    )
    np.testing.assert_array_equal(one.now, two.now)
    np.testing.assert_array_equal(one.soon, two.soon)
    assert 0 < int(one.now.sum()) < int(one.soon.sum()) < N
