"""Pictures of driving, from a log made by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from volition.env.driving import Exit, SceneLog
from volition.env.driving.scene import Bodies, Decisions, Frame, lane_scenes
from volition.report.driving import BLUE, VERMILION, animate, strip


@pytest.fixture(scope="module")
def log() -> SceneLog:
    """Two seconds on the way to the exit: the car hits an obstacle in the end."""
    n = 11
    still = lambda value: jnp.full((n,), value)
    x = 470.0 + 2.0 * jnp.arange(n, dtype=float)
    crashed = jnp.zeros((n, 2), dtype=bool).at[-1].set(True)
    return SceneLog(
        lanes=lane_scenes(Exit().course.road),
        bodies=Bodies(
            jnp.array([5.0, 2.0]), jnp.array([2.0, 2.0]), jnp.array([False, True])
        ),
        frames=Frame(
            x=jnp.stack([x, still(493.0)], axis=1),
            y=jnp.full((n, 2), 24.0),
            heading=jnp.zeros((n, 2)),
            speed=jnp.stack([still(10.0), still(0.0)], axis=1),
            crashed=crashed,
            target_lane=jnp.full((n, 2), 12),
        ),
        decisions=Decisions(
            jnp.array([1, 3]), still(10.0)[:3], still(0.5)[:3], ("left", "idle") * 2
        ),
        interval=0.2,
        n_between=5,
    )


def has(picture: Image.Image, colour: str) -> int:
    """Pixels of a colour, about."""
    pixels = np.asarray(picture.convert("RGB"), dtype=float)
    near = np.abs(pixels - 255.0 * np.array(to_rgb(colour))).max(axis=-1) < 12.0
    return int(near.sum())


def test_a_strip_shows_the_car_in_every_moment(log, tmp_path):
    strip(log, tmp_path / "whole.png")
    strip(log, tmp_path / "one.png", 1)
    whole, one = (Image.open(tmp_path / name) for name in ("whole.png", "one.png"))
    assert whole.format == "PNG"
    assert whole.width == one.width == 1200
    assert whole.height > 5 * one.height
    assert has(whole, BLUE) > 5 * has(one, BLUE) > 0
    assert has(whole, VERMILION) > 0
    assert has(one, VERMILION) == 0


def test_an_animation_is_in_real_time_and_ends_with_the_crash(log, tmp_path):
    told = []
    animate(log, tmp_path / "episode.gif", lambda *both: told.append(both))
    assert told == [(number, 21) for number in range(1, 22)]
    with Image.open(tmp_path / "episode.gif") as picture:
        assert picture.format == "GIF"
        assert picture.n_frames == 21
        durations, cars, crashes = [], [], []
        for number in range(picture.n_frames):
            picture.seek(number)
            durations.append(picture.info["duration"])
            cars.append(has(picture, BLUE))
            crashes.append(has(picture, VERMILION))
    assert durations == 20 * [100] + [2000]
    assert min(cars) > 0
    assert crashes[:-1] == 20 * [0]
    assert crashes[-1] > 0
    assert (tmp_path / "episode.gif").stat().st_size < 100_000
