"""A small road: three lanes, three speeds, other cars."""

import equinox as eqx
import numpy as np
from jaxtyping import ArrayLike, Float, Int

from volition.env.environment import Feature
from volition.env.mdp import FiniteMDP

# A step lasts 1 s and traffic moves at the lowest speed, so on each step the car gains
# 0, 1 or 2 cells of 10 m on it.
SPEEDS = (10.0, 20.0, 30.0)  # m/s
LANES = 3
MAX_SIGHT = 5  # 9 * 6^3 + 4 = 1948 states
ACTIONS = ("keep", "faster", "slower", "left", "right")
LANE_SHIFT = np.array([0, 0, 0, -1, 1])
SPEED_SHIFT = np.array([0, 1, -1, 0, 0])
FEATURES = (
    Feature("speed", "m/s", "speed when the step begins; 0 once crashed"),
    Feature("alive", "1", "1 for every step that begins before any crash"),
    Feature("collision", "1", "1 for the one step that begins crashed", harm=True),
    Feature("lane change", "1", "1 for a step that changes lane"),
)


class RoadState(eqx.Module):
    """A state of the road, for rewards that are written as a plain function.

    Args:
        index: the state's number.
        lane: 0 is the leftmost, in `0 .. 2`.
        speed: m/s.
        gap: free cells of 10 m to the nearest car ahead in each lane, left to right;
            `sight` where none is in sight.
        collision: 1.0 once crashed, else 0.0.
    """

    index: Int[ArrayLike, "*batch"]
    lane: Int[ArrayLike, "*batch"]
    speed: Float[ArrayLike, "*batch"]
    gap: Int[ArrayLike, "*batch 3"]
    collision: Float[ArrayLike, "*batch"]

    def get_speed(self) -> Float[ArrayLike, "*batch"]:
        """The speed, m/s."""
        return self.speed

    def get_collision(self) -> Float[ArrayLike, "*batch"]:
        """1.0 in a crashed state, else 0.0."""
        return self.collision

    def __str__(self) -> str:
        gaps = " ".join(map(str, np.asarray(self.gap)))
        crashed = ", crashed" if np.asarray(self.collision) else ""
        return f"lane {self.lane}, {self.speed:g} m/s, gaps {gaps}{crashed}"


def three_lane_road(
    *,
    density: float = 0.15,
    sight: int = 4,
    discount: float = 0.99,
    time_limit: int = 40,
) -> FiniteMDP:
    """A road of three lanes on which the car meets slower traffic.

    Each cell of each lane holds a car with probability `density`, on its own. Traffic
    moves at 10 m/s and keeps its lanes. A step lasts 1 s: the action changes speed by
    10 m/s or the lane by one (where there is none, nothing changes), then the car gains
    `speed / 10 - 1` cells on the traffic. It crashes when that is more than the gap in
    the lane it is now in. Cars level with it or behind give way.

    A crash is seen by a reward of `(state, action)` alone: the step that crashes leads
    to a crashed state (speed 0, collision 1), in which every action leads to a last,
    terminal state (speed 0, collision 0). So `collision` is paid exactly once: by the
    step after the impact where a reward reads the state in which a step begins, by the
    impact itself where it reads the state in which a step ends.
    Features, too, are those of the state in which the step begins, so the textbook's

        def reward(state, action): return state.get_speed() - state.get_collision()

    is the linear reward 1 speed - 1 collision.

    Args:
        density: probability that a cell holds a car, in `(0, 1)`. Roads of any density
            have the same shapes, so they stack into one batch.
        sight: cells that the driver sees ahead, in `2 .. 5`.
        discount: in `[0, 1]`, per step.
        time_limit: steps, at least 1, after which an episode is truncated.

    Returns:
        The MDP, `9 (sight + 1)^3 + 4` states; it begins at 20 m/s in any lane, all
        alike, traffic as it comes. Slowing down in time is always possible from there.

    Raises:
        ValueError: where density or sight is out of range.

    Example:
        >>> road = three_lane_road()
        >>> road.n_states, road.describe(0)
        (1129, 'lane 0, 10 m/s, gaps 0 0 0')

    Source: ours; the kind of road and of reward is that of E. Leurent, highway-env,
    2018.
    """
    if not 0.0 < density < 1.0:
        raise ValueError(f"density = {density} must be between 0 and 1, both excluded.")
    if not 2 <= sight <= MAX_SIGHT:
        raise ValueError(f"sight = {sight} must be in 2 .. {MAX_SIGHT} cells.")
    n_gaps = sight + 1
    sizes = (LANES, len(SPEEDS), n_gaps, n_gaps, n_gaps)
    lane, speed, *gaps = np.indices(sizes).reshape(5, -1)
    gap = np.stack(gaps, axis=1)
    n_driving = len(lane)
    n_states = n_driving + LANES + 1  # crashed in each lane, then the last state
    crashed = n_driving + np.arange(LANES)

    # What each action does, [state, action].
    new_lane = np.clip(lane[:, None] + LANE_SHIFT, 0, LANES - 1)
    new_speed = np.clip(speed[:, None] + SPEED_SHIFT, 0, len(SPEEDS) - 1)
    crashes = np.take_along_axis(gap, new_lane, axis=1) < new_speed
    chance = traffic(gap, new_speed, density, sight)
    chance[crashes] = np.eye(chance.shape[-1])[0]  # a crash is certain
    n_branches = int((chance > 0).sum(axis=-1).max())
    joint_gap = np.argsort(chance == 0, axis=-1, kind="stable")[..., :n_branches]
    chance = np.take_along_axis(chance, joint_gap, axis=-1)
    first = np.ravel_multi_index((new_lane, new_speed, 0, 0, 0), sizes)
    driven = np.where(
        crashes[..., None], crashed[new_lane][..., None], first[..., None] + joint_gap
    )

    shape = (n_states, len(ACTIONS), n_branches)
    successor = np.full(shape, n_states - 1)  # behind a crash: the last state
    successor[:n_driving] = driven
    probability = np.zeros(shape)
    probability[..., 0] = 1.0
    probability[:n_driving] = chance

    initial = np.zeros(n_states)
    view = nearest(0, density, sight)
    start = np.einsum("i,j,k->ijk", view, view, view).ravel() / LANES
    for start_lane in range(LANES):
        begin = np.ravel_multi_index((start_lane, 1, 0, 0, 0), sizes)
        initial[begin : begin + start.size] = start

    nobody = np.full((LANES + 1, LANES), sight)
    states = RoadState(
        index=np.arange(n_states, dtype=np.int32),
        lane=np.concatenate([lane, np.arange(LANES), [0]]).astype(np.int32),
        speed=np.concatenate([np.asarray(SPEEDS)[speed], np.zeros(LANES + 1)]),
        gap=np.concatenate([gap, nobody]).astype(np.int32),
        collision=np.isin(np.arange(n_states), crashed).astype(float),
    )
    features = np.zeros((n_states, len(ACTIONS), 1, len(FEATURES)))
    features[..., 0] = np.asarray(states.speed)[:, None, None]
    features[:n_driving, ..., 1] = 1.0
    features[..., 2] = np.asarray(states.collision)[:, None, None]
    features[:n_driving, :, 0, 3] = new_lane != lane[:, None]
    return FiniteMDP(
        successor,
        probability,
        terminal=np.arange(n_states) == n_states - 1,
        initial=initial,
        discount=discount,
        features=np.broadcast_to(features, (*shape, len(FEATURES))),
        states=states,
        time_limit=time_limit,
        feature_info=FEATURES,
        action_names=ACTIONS,
    )


def traffic(
    gap: np.ndarray, advance: np.ndarray, density: float, sight: int
) -> np.ndarray:
    """How the gaps in the three lanes change together.

    Args:
        gap: free cells ahead, `[state, lane]`.
        advance: cells gained on the traffic, `[state, action]`.
        density: probability that a cell holds a car.
        sight: cells seen ahead.

    Returns:
        Probability of the next gaps, as one number in base `sight + 1`,
        `[state, action, joint gap]`.
    """
    table = np.stack(
        [
            [after(before, gained, density, sight) for before in range(sight + 1)]
            for gained in range(len(SPEEDS))
        ]
    )
    lanes = [table[advance, gap[:, lane, None]] for lane in range(LANES)]
    return np.einsum("sai,saj,sak->saijk", *lanes).reshape(*advance.shape, -1)


def after(gap: int, advance: int, density: float, sight: int) -> np.ndarray:
    """Distribution of a lane's next gap, `[gap]`.

    Example:
        >>> after(3, 1, 0.5, 4).tolist()  # the car comes nearer
        [0.0, 0.0, 1.0, 0.0, 0.0]
        >>> after(4, 1, 0.5, 4).tolist()  # one more cell comes into sight
        [0.0, 0.0, 0.0, 0.5, 0.5]
    """
    if gap == sight:  # nobody in sight: only what comes into sight is new
        return nearest(sight - advance, density, sight)
    if gap < advance:  # passed: what was hidden behind that car is new
        return nearest(0, density, sight)
    return np.eye(sight + 1)[gap - advance]


def nearest(first: int, density: float, sight: int) -> np.ndarray:
    """Distribution of the gap when the cells before `first` are free, `[gap]`.

    Example:
        >>> nearest(0, 0.5, 2).tolist()
        [0.5, 0.25, 0.25]
    """
    unknown = sight - first
    found = density * (1.0 - density) ** np.arange(unknown)
    return np.concatenate([np.zeros(first), found, [(1.0 - density) ** unknown]])
