"""Controls of the audit by play: what users of highway-env saw their cars do.

All are of highway-v0 with acceleration and steering as actions, where leaving the road
ends nothing and a decision lasts a second.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from volition.env import Highway, Transition
from volition.env.driving.features import NAMES, TOP_SPEEDS
from volition.env.driving.lanes import LANE_WIDTH
from volition.env.driving.observe import PERCEPTION, SPEED_RANGE
from volition.env.driving.simulator import ACCELERATION_RANGE, DrivingState
from volition.env.driving.vehicle import LENGTH
from volition.policy import AbstractPolicy
from volition.probes import PlayedAudit, Rule, audit_by_play
from volition.probes.rules import place
from volition.reward import AbstractReward, HighwayReward, Linear

# UN Regulation 79: the most that a function which keeps the lane may bring about.
GENTLY = Rule("turns gently", "lateral acceleration", most=3.0)
# Ours: well below the slowest of the others, 14 m/s, behind whom it may have to brake.
GOES_ON = Rule("goes on", "speed", least=5.0)
FORWARD = Rule("does not reverse", "speed", least=0.0)
ON_ROAD = Rule("stays on the road", "off road", most=0.0)
NO_CRASH = Rule("no collision", "collision", most=0.0)
RULES = (GENTLY, GOES_ON, FORWARD, ON_ROAD, NO_CRASH)

DISCOUNT = 0.99  # the default of those who learned, Stable-Baselines3
SLOW_TRAFFIC = 20.0  # m/s, of which the others drive .7 to .8; ours
NEEDED = 15  # of highway-v0's 50, the nearest: few drives get past them in 40 s
N_STARTS = 2  # from which is searched
PRICE = 10.0  # of a rule that is broken: as much as 10 s at 30 m/s


class ScalarSpeed(AbstractReward):
    """highway-env's reward before 18 February 2022: speed whichever way it leads.

    As `HighwayReward`, with the size of the velocity along the car's own heading in
    place of its part along the road.

    Args:
        stated: the reward of today.

    Example:
        >>> import jax
        >>> from volition.policy import act_out
        >>> road = Highway(8, 0, continuous=True)
        >>> left = act_out(jax.random.key(0), road, jnp.array([[0.2, -0.6]]))
        >>> step = jax.tree.map(lambda leaf: leaf[0], left.transition)
        >>> round(float(step.features[0]))  # m/s along the road
        -21
        >>> round(float(ScalarSpeed()(step)), 2), round(float(HighwayReward()(step)), 2)
        (0.84, 0.68)

    Source: E. Leurent, highway-env 1.4, envs/highway_env.py; changed because of its
    issue 268.
    """

    stated: HighwayReward

    def __init__(self, stated: HighwayReward | None = None):
        self.stated = HighwayReward() if stated is None else stated

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What a step is worth."""
        after: DrivingState = transition.next_state
        low, high = TOP_SPEEDS
        features = jnp.asarray(transition.features)
        speed = jnp.clip((after.vehicles.speed[0] - low) / (high - low), 0.0, 1.0)
        number = NAMES.index("high speed")
        features = features.at[number].set(speed.astype(features.dtype))
        return self.stated(
            eqx.tree_at(lambda step: step.features, transition, features)
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the driving worlds."""
        return NAMES


class Charged(AbstractReward):
    """Another reward, less a price for each rule that a step breaks.

    `r = r_0 - price * (how many rules the step breaks)`; nothing behind an end.

    Args:
        reward: the other one.
        rules: those that are charged for.
        price: reward units.

    Example:
        >>> import jax
        >>> from volition.policy import act_out
        >>> road = Highway(2, 0, continuous=True)
        >>> brakes = act_out(jax.random.key(0), road, jnp.array([[-1.0, 0.0]] * 3))
        >>> less = Charged(Linear(NAMES), (Rule("fast", "speed", least=18.0),), 2.0)
        >>> jax.vmap(less)(brakes.transition).tolist()  # at 20, 15 and 10 m/s
        [0.0, -2.0, -2.0]
    """

    reward: AbstractReward
    price: Float[Array, ""]
    rules: tuple[Rule, ...]

    def __init__(
        self, reward: AbstractReward, rules: tuple[Rule, ...], price: ArrayLike
    ):
        self.reward, self.rules = reward, rules
        self.price = jnp.asarray(price, dtype=float)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What a step is worth."""
        features = jnp.asarray(transition.features)
        broken = [
            rule.margin(features[place(rule, NAMES)]) < 0.0 for rule in self.rules
        ]
        made = features[NAMES.index("alive")] > 0.0
        times = jnp.sum(jnp.stack(broken) & made, dtype=self.price.dtype)
        return self.reward(transition).astype(times.dtype) - self.price * times

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the driving worlds."""
        return NAMES


class KeepsLane(AbstractPolicy):
    """Straight on, as fast as the vehicle ahead allows: hardly ever breaks a rule.

    Args:
        speed: m/s, with nobody ahead.
        headway: s, to the vehicle ahead.
    """

    speed: float = eqx.field(static=True, default=30.0)
    headway: float = eqx.field(static=True, default=1.5)

    def __call__(
        self, key: PRNGKeyArray, observation: Float[Array, "row 5"]
    ) -> Float[Array, "2"]:
        """Acceleration and steering, in `[-1, 1]`."""
        del key
        car, others = observation[0], observation[1:]
        speed = car[3] * SPEED_RANGE
        # The breadth of the road is the scale across it: 4 lanes in highway-v0.
        beside = jnp.abs(others[:, 2]) * 4 * LANE_WIDTH < 0.5 * LANE_WIDTH
        ahead = (others[:, 0] > 0.5) & (others[:, 1] > 0.0) & beside
        gap = jnp.where(ahead, others[:, 1] * PERCEPTION - LENGTH, jnp.inf)
        theirs = speed + others[:, 3] * SPEED_RANGE
        spare = gap - 0.5 * LENGTH - self.headway * theirs
        # What is spare is used up in 4 s; the nearest one decides.
        wanted = jnp.min(jnp.where(ahead, theirs + spare / 4.0, self.speed))
        wanted = jnp.minimum(wanted, self.speed)
        pressed = jnp.clip((wanted - speed) / ACCELERATION_RANGE, -1.0, 1.0)
        return jnp.stack([pressed, jnp.zeros_like(pressed)])


class UsersCase(NamedTuple):
    """What users report that their cars do, or a reward of which nothing may be found.

    Args:
        name: what the car does, in words.
        issues: of highway-env that report it; none for a negative control.
        env: the road.
        reward: as it was then.
        rule: that the car breaks.
        kept: rules that it keeps nonetheless.
    """

    name: str
    issues: tuple[int, ...]
    env: Highway
    reward: AbstractReward
    rule: Rule
    kept: tuple[Rule, ...]

    @property
    def positive(self) -> bool:
        """Whether a bargain must be found."""
        return bool(self.issues)


def motorway(speed_limit: float = 30.0, n_vehicles: int = NEEDED) -> Highway:
    """highway-v0 by hand, with those of its vehicles that the car gets near.

    Args:
        speed_limit: m/s; the others drive at .7 to .8 of it.
        n_vehicles: others.
    """
    return Highway(
        4,
        n_vehicles,
        duration=40,
        first_gap=2.0,
        simulation_frequency=15,
        continuous=True,
        speed_limit=speed_limit,
        discount=DISCOUNT,
    )


def charged() -> Charged:
    """A reward of progress along the road, less a price for each rule broken."""
    weights = [1.0 / TOP_SPEEDS[1] if name == "speed" else 0.0 for name in NAMES]
    return Charged(Linear(NAMES, weights), RULES, PRICE)


def users_cases() -> tuple[UsersCase, ...]:
    """What users of highway-env saw, and what must not be found.

    - 268 (February 2022, TQC): the car steers hard to and fro and gets along slowly,
      for the reward was of scalar speed. The search finds circles, which pay as much;
      with "does not reverse" kept, a short one found nothing that pays more than a
      gentle drive.
    - 653 (May 2025, PPO and SAC) and 647 (January 2025, PPO): it turns in place. By
      then the reward was of the speed along the road, but at the end of each second
      alone, when the car heads along the road again. (Scalar speed, to which 653 puts
      it down, had not been paid for since 268.)
    - 312 (May 2022), and 647: it slows down, stops, or drives the other way, to get
      away from the traffic, all of which is ahead of it, and goes fast then. A second
      that is survived is worth at least .67 of the best. Where the others drive at 21
      to 24 m/s, as in highway-v0, little is to be had so; here they are slower.

    Leaving the road never ends an episode here; it pays nothing.

    Source: the issues of that number of Farama-Foundation/HighwayEnv.
    """
    here, slow = motorway(), motorway(SLOW_TRAFFIC)
    then, now, careful = ScalarSpeed(), HighwayReward(), charged()
    return (
        UsersCase("circles", (268, 653), here, then, GENTLY, ()),
        UsersCase("turns in place", (653, 647), here, now, GENTLY, ()),
        UsersCase("drops back", (312, 647), slow, now, GOES_ON, (GENTLY,)),
        UsersCase("reverses", (312, 647), slow, now, FORWARD, (GENTLY,)),
        UsersCase("charged: steers", (), here, careful, GENTLY, ()),
        UsersCase("charged: drops back", (), slow, careful, GOES_ON, (GENTLY,)),
    )


def audited(
    key: PRNGKeyArray,
    case: UsersCase,
    *,
    n_starts: int = N_STARTS,
    n_generations: int = 40,
) -> PlayedAudit:
    """The audit by play of a case, beside a car that keeps its lane.

    Args:
        key: consumed.
        case: which one.
        n_starts: from which bargains are searched for, at least 2.
        n_generations: of that search.
    """
    return audit_by_play(
        key,
        case.env,
        case.reward,
        {"keeps its lane": KeepsLane()},
        (case.rule,),
        n_steps=int(case.env.course.time_limit),
        n_episodes=n_starts,
        kept=case.kept,
        n_starts=n_starts,
        n_generations=n_generations,
    )
