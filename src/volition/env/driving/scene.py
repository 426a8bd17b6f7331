"""The scene log: what is needed to draw an episode of driving, and nothing else."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from volition.env.driving.lanes import Lanes, at_every_lane
from volition.env.driving.simulator import ACTIONS, AbstractDriving, DrivingState
from volition.env.driving.vehicle import Vehicles
from volition.env.environment import Transition

SPACING = 1.0  # m, between the points at which a lane is looked at; ours
ASIDE = 0.3  # m, beyond a side: what lies there adjoins; ours


class LaneScene(eqx.Module):
    """One lane as lines, from its beginning to its end, m, `[point, (x, y)]`.

    A straight stretch has two points. x is forward, y to the right.

    Args:
        centre: its centre line.
        left: its left side.
        right: its right side.
        adjoins_left: whether another lane lies beyond the left side from each point to
            the next (a broken line), else the road ends there (a solid one), `[point]`.
        adjoins_right: likewise.
        width: m.
    """

    centre: Float[Array, "point 2"]
    left: Float[Array, "point 2"]
    right: Float[Array, "point 2"]
    adjoins_left: Bool[Array, " point"]
    adjoins_right: Bool[Array, " point"]
    width: float


class Frame(eqx.Module):
    """Everybody at one moment, or at many: leaves `[vehicle]` or `[frame, vehicle]`.

    The first vehicle is the car.

    Args:
        x: of the centre, m.
        y: likewise.
        heading: rad, from x towards y.
        speed: along the heading, m/s.
        crashed: whether it has crashed.
        target_lane: number of the lane that it steers for.
    """

    x: Float[Array, "*frame vehicle"]
    y: Float[Array, "*frame vehicle"]
    heading: Float[Array, "*frame vehicle"]
    speed: Float[Array, "*frame vehicle"]
    crashed: Bool[Array, "*frame vehicle"]
    target_lane: Int[Array, "*frame vehicle"]


class Bodies(eqx.Module):
    """What the vehicles are.

    Args:
        length: m.
        width: m.
        obstacle: whether it is an obstacle, which stands.
    """

    length: Float[Array, " vehicle"]
    width: Float[Array, " vehicle"]
    obstacle: Bool[Array, " vehicle"]


class Decisions(eqx.Module):
    """What the car did, and how it stood whenever it could do something.

    Args:
        action: taken, `[decision]`.
        speed: along the lane before each decision and in the end, m/s.
        collision: how likely a collision is then, in `[0, 1]`; 1 once crashed.
        words: what the actions are called; empty for continuous ones.
    """

    action: Shaped[Array, " decision ..."]
    speed: Float[Array, " moment"]
    collision: Float[Array, " moment"]
    words: tuple[str, ...]


class SceneLog(eqx.Module):
    """An episode to be drawn; `volition.record.to_json` makes JSON of it.

    Args:
        lanes: of the road, by number.
        bodies: of the vehicles; the first is the car.
        frames: everybody when the episode begins and after each sub-step, `[frame,
            vehicle]`.
        decisions: what the car did.
        interval: from one frame to the next, s.
        n_between: frames from one decision to the next.
    """

    lanes: tuple[LaneScene, ...]
    bodies: Bodies
    frames: Frame
    decisions: Decisions
    interval: float
    n_between: int

    @property
    def duration(self) -> float:
        """s."""
        return (self.frames.x.shape[0] - 1) * self.interval

    @property
    def crashed(self) -> bool:
        """Whether the car has crashed in the end."""
        return bool(self.frames.crashed[-1, 0])

    def at(self, time: float) -> Frame:
        """Everybody at a time, on the straight line from one frame to the next.

        Args:
            time: s from the beginning; held between it and the end.
        """
        last = self.frames.x.shape[0] - 1
        # A multiple of the interval must not fall into the frame before by rounding.
        place = float(np.clip(time / self.interval, 0.0, last))
        before = min(int(place + 1e-6), last)
        share = max(place - before, 0.0)

        def between(leaf: Any) -> np.ndarray:
            values = np.asarray(leaf)
            old, new = values[before], values[min(before + 1, last)]
            if not np.issubdtype(values.dtype, np.floating):
                return old
            return np.asarray(old + share * (new - old), dtype=values.dtype)

        return jax.tree.map(between, self.frames)

    def decision_at(self, time: float) -> int:
        """Number of the decision that is in force at a time, s."""
        n = self.decisions.action.shape[0]
        return min(int(time / (self.interval * self.n_between) + 1e-6), n - 1)


def scene_log(env: AbstractDriving, steps: Transition) -> SceneLog:
    """What is needed to draw an episode.

    Args:
        env: in which it took place.
        steps: made one after the other, `[time]`, such as a segment's; those behind the
            end of the episode are left out.

    Returns:
        The log: everybody after each sub-step, the vehicles that are not present left
        out.

    Raises:
        ValueError: where no step was made.

    Example:
        >>> from volition.env.driving import Merge
        >>> env, key = Merge(), jax.random.key(0)
        >>> state = env.reset(key)
        >>> step = env.transition(state, 1, env.step(key, state, 1))
        >>> log = scene_log(
        ...     env, jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], step)
        ... )
        >>> len(log.lanes), log.frames.x.shape, round(log.duration, 6)
        (9, (16, 6), 1.0)
    """
    first, action = steps.state, jnp.asarray(steps.action)
    over = jax.vmap(lambda state: env.terminated(state) | env.truncated(state))(first)
    n = int(jnp.argmax(over)) if bool(over.any()) else over.shape[0]
    if n == 0:
        raise ValueError("no step was made: an episode to draw needs at least one.")
    made = jax.tree.map(lambda leaf: leaf[:n], (first, action, steps.next_state))
    lines = lane_scenes(env.course.road)
    vehicles, moments = _frames(env, *made)
    vehicles = jax.tree.map(np.asarray, vehicles)
    there = np.flatnonzero(vehicles.present[0])
    all_frames = lambda leaf: jnp.asarray(leaf[:, there])
    once = lambda leaf: jnp.asarray(np.asarray(leaf)[0, there])
    return SceneLog(
        lanes=lines,
        bodies=Bodies(
            once(vehicles.length), once(vehicles.width), once(vehicles.obstacle)
        ),
        frames=Frame(
            all_frames(vehicles.x),
            all_frames(vehicles.y),
            all_frames(vehicles.heading),
            all_frames(vehicles.speed),
            all_frames(vehicles.crashed),
            all_frames(vehicles.target_lane),
        ),
        decisions=Decisions(
            made[1],
            moments.get_speed(),
            moments.get_collision(),
            () if env.course.continuous else ACTIONS,
        ),
        interval=float(env.course.dt),
        n_between=env.course.n_substeps,
    )


@eqx.filter_jit
def _frames(
    env: AbstractDriving, state: DrivingState, action: Array, after: DrivingState
) -> tuple[Vehicles, DrivingState]:
    """Everybody in each frame, and the states before each decision and in the end."""
    between = jax.vmap(env.sub_steps)(state, action)
    # Where a decision ends the log has the state itself.
    between = jax.tree.map(
        lambda sub, end: sub.at[:, -1].set(end), between, after.vehicles
    )
    flat = jax.tree.map(lambda sub: sub.reshape(-1, *sub.shape[2:]), between)

    def behind_first(first: Array, rest: Array) -> Array:
        return jnp.concatenate([first[:1], rest])

    frames = jax.tree.map(behind_first, state.vehicles, flat)
    return frames, jax.tree.map(behind_first, state, after)


def lane_scenes(road: Lanes) -> tuple[LaneScene, ...]:
    """The lanes as lines, and where others adjoin.

    Returns:
        One for each lane that is present.
    """
    numbers = np.flatnonzero(np.asarray(road.present))
    lengths = np.asarray(road.length)[numbers]
    counts = np.maximum(np.ceil(lengths / SPACING).astype(int), 1) + 1
    own = np.repeat(numbers, counts)
    along = np.concatenate(
        [np.linspace(0.0, *pair) for pair in zip(lengths, counts, strict=True)]
    )
    points, near = _looked_at(road, jnp.asarray(own), jnp.asarray(along, road.x.dtype))
    points, near = np.asarray(points), np.asarray(near)
    stops = np.cumsum(counts)
    made = []
    for number, start, stop in zip(numbers, stops - counts, stops, strict=True):
        bent = number in road.sines + road.arcs
        lines, adjoins = _thinned(points[:, start:stop], near[:, start:stop], bent)
        made.append(
            LaneScene(
                *map(jnp.asarray, lines),
                *map(jnp.asarray, adjoins),
                width=float(road.width[number]),
            )
        )
    return tuple(made)


@eqx.filter_jit
def _looked_at(
    road: Lanes, own: Int[Array, " point"], along: Float[Array, " point"]
) -> tuple[Float[Array, "line point 2"], Bool[Array, "side point"]]:
    """Centre, left and right of lanes at some points, and where others adjoin."""
    its = jax.tree.map(lambda leaf: leaf[own], road)
    place = jax.vmap(type(road).position)
    half = 0.5 * its.width

    def others(across: Array) -> Array:
        every = at_every_lane(road, *place(its, along, across))
        covers = jax.vmap(jax.vmap(_covers, (None, 0, 0)))(road, *every)
        number = jnp.arange(road.n_slots, dtype=own.dtype)
        return jnp.any(covers & (number[:, None] != own[None]), axis=0)

    lines = [
        jnp.stack(place(its, along, across), axis=-1)
        for across in (jnp.zeros_like(half), -half, half)
    ]
    return jnp.stack(lines), jnp.stack([others(-half - ASIDE), others(half + ASIDE)])


def _covers(road: Lanes, along: Array, across: Array) -> Array:
    inside = (along >= 0.0) & (along <= road.length)
    return inside & (jnp.abs(across) <= 0.5 * road.width) & road.present


def _thinned(
    lines: Float[np.ndarray, "line point 2"],
    adjoins: Bool[np.ndarray, "side point"],
    bent: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Without the points inside straight stretches on which nothing changes."""
    changes = (adjoins[:, 1:-1] != adjoins[:, :-2]).any(axis=0)
    keep = np.concatenate([[True], changes | bent, [True]])
    return lines[:, keep], adjoins[:, keep]
