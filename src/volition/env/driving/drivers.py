"""How drivers accelerate, steer and change lane: IDM and MOBIL."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from volition.env.driving.lanes import (
    Lanes,
    Places,
    arctan,
    chosen,
    headings_at,
    wrapped,
)
from volition.env.driving.neighbours import Neighbour, in_every_lane, neighbour, of_lane
from volition.env.driving.vehicle import LENGTH, Control, Vehicles
from volition.env.leaf import check_not_negative, check_positive

# highway-env 1.12, vehicle/controller.py:
SPEED_TIME = 0.6  # s, of the speed loop
HEADING_TIME = 0.2  # s, of the heading loop
LATERAL_TIME = 0.6  # s, of the loop of the position across the lane
PURSUIT_TIME = 0.5 * HEADING_TIME  # s, how far ahead the lane's heading is read
MAX_STEERING = jnp.pi / 3  # rad
# Sine of the slip angle arctan(tan(MAX_STEERING) / 2): tan = sqrt(3) / 2.
MAX_SLIP = (3.0 / 7.0) ** 0.5
MARGIN = 1.0  # m, by which a lane is wider for finding neighbours, road/road.py
LEAST_SPEED = 1.0  # m/s, below which nobody changes lane, vehicle/behavior.py
# A timer counts to the delay in steps that do not add up to it exactly; so that single
# and double precision wait for the same step.
TIMER_SLACK = 1e-5  # s


def _real(value: ArrayLike) -> Array:
    return jnp.asarray(value, dtype=jnp.float32)


class Drivers(eqx.Module):
    """How the others drive: the constants of IDM and MOBIL.

    Args:
        acceleration: comfortable, m/s^2.
        braking: comfortable, m/s^2, positive.
        distance: to the centre of a vehicle ahead at a standstill, m.
        headway: desired time gap, s.
        politeness: what the braking of those behind weighs against one's own gain, in
            `[0, 1]`.
        gain: acceleration that a lane change must bring, m/s^2.
        imposed: greatest braking that a change may impose on who is behind, m/s^2.
        delay: time between two thoughts of changing lane, s.
        max_acceleration: greatest acceleration and braking, m/s^2.

    Source: M. Treiber, A. Hennecke, D. Helbing, "Congested traffic states in empirical
    observations and microscopic simulations", Phys. Rev. E 62, 2000 (IDM); A. Kesting,
    M. Treiber, D. Helbing, "General lane-changing model MOBIL", TRR 1999, 2007; values
    of highway-env 1.12, vehicle/behavior.py.

    Raises:
        ValueError: where one is negative or not finite, or an acceleration is 0.

    Example:
        >>> float(Drivers(headway=1.0).headway)
        1.0
    """

    acceleration: Float[Array, ""] = eqx.field(
        converter=_real, default=3.0, kw_only=True
    )
    braking: Float[Array, ""] = eqx.field(converter=_real, default=5.0, kw_only=True)
    distance: Float[Array, ""] = eqx.field(converter=_real, default=10.0, kw_only=True)
    headway: Float[Array, ""] = eqx.field(converter=_real, default=1.5, kw_only=True)
    politeness: Float[Array, ""] = eqx.field(converter=_real, default=0.0, kw_only=True)
    gain: Float[Array, ""] = eqx.field(converter=_real, default=0.2, kw_only=True)
    imposed: Float[Array, ""] = eqx.field(converter=_real, default=2.0, kw_only=True)
    delay: Float[Array, ""] = eqx.field(converter=_real, default=1.0, kw_only=True)
    max_acceleration: Float[Array, ""] = eqx.field(
        converter=_real, default=6.0, kw_only=True
    )

    def __check_init__(self):
        for name in ("acceleration", "braking", "max_acceleration"):
            check_positive(name, getattr(self, name))
        for field in dataclasses.fields(self):
            check_not_negative(field.name, getattr(self, field.name))


class Traits(eqx.Module):
    """What one driver's decisions depend on, of himself and of others.

    Args:
        index: number of the vehicle.
        speed: m/s.
        cos: of the heading.
        sin: of the heading.
        effort: logarithm of the speed over the desired one.
        along: where it is along its lane, m.
        drives: whether it is a vehicle, not an obstacle.
    """

    index: Int[Array, "*vehicle"]
    speed: Float[Array, "*vehicle"]
    cos: Float[Array, "*vehicle"]
    sin: Float[Array, "*vehicle"]
    effort: Float[Array, "*vehicle"]
    along: Float[Array, "*vehicle"]
    drives: Bool[Array, "*vehicle"]

    def one(self, number: Int[ArrayLike, ""]) -> "Traits":
        """Those of a single vehicle."""
        return jax.tree.map(lambda leaf: leaf[number], self)


class View(eqx.Module):
    """Everybody's place on the road, worked out once for a sub-step.

    Args:
        along: along every lane, m.
        across: across every lane, m.
        ahead: tag of the next vehicle ahead in every lane.
        behind: tag of the next one behind.
        braking: IDM's `(s* / s)^2` of each vehicle if the other one were ahead of it.
            For all pairs, as this is less work than to fetch the traits of neighbours.
        traits: of every vehicle.
    """

    along: Float[Array, "lane vehicle"]
    across: Float[Array, "lane vehicle"]
    ahead: Int[Array, "lane vehicle"]
    behind: Int[Array, "lane vehicle"]
    braking: Float[Array, "other vehicle"]
    traits: Traits

    def find(
        self, tags: Int[Array, "lane vehicle"], picked: Bool[Array, "lane vehicle"]
    ) -> Neighbour:
        """The neighbour of each vehicle in the lane picked for it."""
        return neighbour(of_lane(tags, picked), self.along.shape[1])

    def traits_of(self, other: Neighbour) -> Traits:
        """The traits of a neighbour of each vehicle."""
        traits = jax.tree.map(lambda leaf: _at(leaf, other.index), self.traits)
        return dataclasses.replace(traits, index=other.index)

    def braking_of(self, me: Traits, other: Traits) -> Float[Array, " vehicle"]:
        """`(s* / s)^2` of one vehicle behind another."""
        place = other.index * self.along.shape[1] + me.index
        return _at(self.braking.reshape(-1), place)


def _at(values: Array, place: Int[Array, " vehicle"]) -> Array:
    return values.at[place].get(mode="promise_in_bounds")


def picked(lane: Int[Array, " vehicle"], n_lanes: int) -> Bool[Array, "lane vehicle"]:
    """One lane for each vehicle."""
    return jnp.arange(n_lanes, dtype=lane.dtype)[:, None] == lane[None, :]


def away_from_zero(value: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """At least 0.01 in size, of the same sign: highway-env's guard of a division."""
    sign = jnp.where(value >= 0.0, 1.0, -1.0).astype(value.dtype)
    return jnp.where(jnp.abs(value) > 1e-2, value, sign * 1e-2)


def look(
    road: Lanes,
    drivers: Drivers,
    vehicles: Vehicles,
    places: Places,
) -> View:
    """Work out everybody's neighbours."""
    along, across = places.along, places.across
    covers = jax.vmap(
        jax.vmap(lambda lane, s, r: lane.covers(s, r, MARGIN), in_axes=(None, 0, 0))
    )
    inside = covers(road, along, across) & vehicles.present[None, :]
    ahead, behind = in_every_lane(along, inside)
    on = picked(vehicles.lane, road.n_slots)
    limit = chosen(road.speed_limit, on)
    desired = away_from_zero(jnp.clip(vehicles.target_speed, 0.0, limit))
    ratio = jnp.maximum(vehicles.speed, 0.0) / desired
    traits = Traits(
        index=jnp.arange(vehicles.x.shape[0], dtype=jnp.int32),
        speed=vehicles.speed,
        cos=places.cos,
        sin=places.sin,
        effort=jnp.log(jnp.maximum(ratio, 1e-12)),
        along=chosen(along, on),
        drives=~vehicles.obstacle,
    )

    def braking(other: Array) -> Array:
        gap = chosen(along[:, other], on) - traits.along
        wanted = desired_gap(drivers, traits, traits.one(other))
        share = wanted / away_from_zero(gap)
        return share * share

    number = jnp.arange(vehicles.x.shape[0], dtype=jnp.int32)
    pairs = jax.lax.map(braking, number)
    return View(along, across, ahead, behind, pairs, traits)


def desired_gap(
    drivers: Drivers, me: Traits, other: Traits
) -> Float[Array, "*vehicle"]:
    """IDM's `s* = s0 + v T + v dv / (2 sqrt(a b))`, m.

    Args:
        drivers: constants.
        me: who follows.
        other: whom; one, or of each one's own.
    """
    closing = me.speed - other.speed * (other.cos * me.cos + other.sin * me.sin)
    twice = 2.0 * jnp.sqrt(drivers.acceleration * drivers.braking)
    return drivers.distance + me.speed * (drivers.headway + closing / twice)


def acceleration(
    drivers: Drivers,
    exponent: Float[Array, " vehicle"],
    me: Traits,
    view: View,
    ahead: tuple[Traits, Bool[Array, " vehicle"]],
) -> Float[Array, " vehicle"]:
    """IDM's `a (1 - (v / v0)^exponent - (s* / s)^2)`, m/s^2; 0 for an obstacle.

    Args:
        drivers: constants.
        exponent: of the speed.
        me: who accelerates.
        view: of the road.
        ahead: who is ahead, and whether there is anyone.
    """
    other, exists = ahead
    free = 1.0 - jnp.exp(exponent * me.effort)
    braking = jnp.where(exists, view.braking_of(me, other), 0.0)
    return jnp.where(me.drives, drivers.acceleration * (free - braking), 0.0)


def steering(
    road: Lanes, vehicles: Vehicles, view: View, target: Bool[Array, "lane vehicle"]
) -> Float[Array, " vehicle"]:
    """Sine of the slip angle that leads to the target lane's centre.

    A proportional controller of the position across the lane asks for a heading, one of
    the heading for a turning rate, and the bicycle model says which steering angle
    gives it.

    Source: highway-env 1.12, vehicle/controller.py.
    """
    across = chosen(view.across, target)
    speed = away_from_zero(vehicles.speed)
    if road.sines or road.arcs:
        lookahead = view.along + (vehicles.speed * PURSUIT_TIME)[None, :]
        heading = chosen(headings_at(road, lookahead), target)
    else:
        heading = chosen(road.heading, target)
    # The command is cut to 45 degrees, and so may be its sine.
    sine = jnp.clip(-across / (LATERAL_TIME * speed), -(0.5**0.5), 0.5**0.5)
    angle = heading + arctan(sine / jnp.sqrt(1.0 - sine * sine))
    turn = wrapped(angle - vehicles.heading) / HEADING_TIME
    slip = LENGTH / 2.0 * turn / speed
    return jnp.clip(slip, -MAX_SLIP, MAX_SLIP)


def follow_road(road: Lanes, vehicles: Vehicles, view: View) -> Int[Array, " vehicle"]:
    """The target lane, or the one behind it where its end is near."""
    target = picked(vehicles.target_lane, road.n_slots)
    past = chosen(view.along, target) > chosen(road.length, target) - LENGTH / 2.0
    following = _lane_of(road.following, target)
    return jnp.where(past, following, vehicles.target_lane)


def _lane_of(
    numbers: Int[Array, " lane"], target: Bool[Array, "lane vehicle"]
) -> Int[Array, " vehicle"]:
    return jnp.sum(jnp.where(target, numbers[:, None], 0), axis=0, dtype=numbers.dtype)


def lane_choice(
    road: Lanes,
    drivers: Drivers,
    vehicles: Vehicles,
    view: View,
    target: Int[Array, " vehicle"],
) -> tuple[Int[Array, " vehicle"], Float[Array, " vehicle"]]:
    """The lane that each driver steers for now, and its timer.

    Who is not changing lane thinks of it once in `delay`. Who is gives up where
    somebody ahead, nearer than the desired gap, changes onto the same lane.

    Args:
        road: its lanes.
        drivers: constants.
        vehicles: everybody.
        view: of the road.
        target: the lanes that everybody steers for before this.
    """
    changing = vehicles.lane != target
    free = vehicles.changes_lane & ~vehicles.crashed & ~vehicles.obstacle
    due = free & ~changing & (vehicles.timer > drivers.delay + TIMER_SLACK)
    own = picked(vehicles.lane, road.n_slots)
    me = view.traits
    old_front, old_rear = view.find(view.ahead, own), view.find(view.behind, own)
    front, rear = view.traits_of(old_front), view.traits_of(old_rear)
    exponent = vehicles.exponent

    def drive(who: Traits, ahead: Traits, exists: Bool[Array, " vehicle"]) -> Array:
        return acceleration(drivers, exponent, who, view, (ahead, exists))

    everywhere = jnp.ones_like(due)
    mine = drive(me, front, old_front.exists)
    rear_with = jnp.where(old_rear.exists, drive(rear, me, everywhere), 0.0)
    rear_without = jnp.where(old_rear.exists, drive(rear, front, old_front.exists), 0.0)

    may = due & (jnp.abs(vehicles.speed) >= LEAST_SPEED)
    chosen_lane = target
    # Left first: where both are worth it, the right one. (Both at once, by `vmap`, take
    # a third longer.)
    for side in (road.left, road.right):
        number = _lane_of(side, own)
        there = picked(number, road.n_slots)
        new_front = view.find(view.ahead, there)
        new_rear = view.find(view.behind, there)
        ahead, behind = view.traits_of(new_front), view.traits_of(new_rear)
        imposed = jnp.where(new_rear.exists, drive(behind, me, everywhere), 0.0)
        without = jnp.where(
            new_rear.exists, drive(behind, ahead, new_front.exists), 0.0
        )
        gain = drive(me, ahead, new_front.exists) - mine
        others = imposed - without + rear_without - rear_with
        worth = gain + drivers.politeness * others >= drivers.gain
        safe = imposed >= -drivers.imposed
        goes = (number != vehicles.lane) & _reachable(road, view, there)
        chosen_lane = jnp.where(may & goes & safe & worth, number, chosen_lane)

    gives_up = (
        changing & free & _blocked(road, drivers, vehicles, view, target, chosen_lane)
    )
    after = jnp.where(gives_up, vehicles.lane, chosen_lane)
    return after, jnp.where(due, 0.0, vehicles.timer)


def _reachable(
    road: Lanes, view: View, there: Bool[Array, "lane vehicle"]
) -> Bool[Array, " vehicle"]:
    each = jax.vmap(jax.vmap(type(road).reachable, in_axes=(None, 0, 0)))
    return jnp.any(there & each(road, view.along, view.across), axis=0)


def _blocked(
    road: Lanes,
    drivers: Drivers,
    vehicles: Vehicles,
    view: View,
    before: Int[Array, " vehicle"],
    after: Int[Array, " vehicle"],
) -> Bool[Array, " vehicle"]:
    """Whether somebody near ahead changes onto the same lane.

    Drivers decide one after the other: of those with lower numbers one sees what they
    have just decided, of the others what they wanted before.
    """
    me, n = view.traits, before.shape[0]
    own = picked(vehicles.lane, road.n_slots)
    same_road = _lane_of(road.road, own) == _lane_of(
        road.road, picked(before, road.n_slots)
    )

    lane_cos = chosen(jnp.cos(road.heading), own)
    lane_sin = chosen(jnp.sin(road.heading), own)

    def see(other, blocked):
        aim = jnp.where(other < me.index, after[other], before[other])
        joins = (aim == before) & (vehicles.lane[other] != before)
        if road.arcs:
            gap = chosen(view.along[:, other], own) - me.along
        else:
            # The same along a base line that is straight, for less.
            gap = (vehicles.x[other] - vehicles.x) * lane_cos
            gap += (vehicles.y[other] - vehicles.y) * lane_sin
        near = (gap > 0.0) & (gap < desired_gap(drivers, me, me.one(other)))
        counts = me.drives[other] & vehicles.present[other] & (me.index != other)
        return blocked | (near & joins & counts)

    return same_road & jax.lax.fori_loop(0, n, see, jnp.zeros(n, dtype=bool))


def act(
    road: Lanes, drivers: Drivers, vehicles: Vehicles, view: View
) -> tuple[Vehicles, Control]:
    """What everybody decides in a sub-step; the first follows its target speed.

    Source: highway-env 1.12, vehicle/behavior.py. Differs: of drivers who change onto
    the same lane in the same sub-step and give up, those with higher numbers do not see
    yet that those with lower ones did.
    """
    is_first = jnp.arange(vehicles.x.shape[0], dtype=jnp.int32) == 0
    decides = is_first | ~(vehicles.crashed | vehicles.obstacle)
    before = jnp.where(decides, follow_road(road, vehicles, view), vehicles.target_lane)
    after, timer = lane_choice(road, drivers, vehicles, view, before)
    target = picked(after, road.n_slots)
    own = picked(vehicles.lane, road.n_slots)

    def follow(lane: Bool[Array, "lane vehicle"]) -> Array:
        found = view.find(view.ahead, lane)
        ahead = (view.traits_of(found), found.exists)
        return acceleration(drivers, vehicles.exponent, view.traits, view, ahead)

    # Who changes lane minds both.
    idm = jnp.minimum(follow(own), follow(target))
    idm = jnp.clip(idm, -drivers.max_acceleration, drivers.max_acceleration)
    cruise = (vehicles.target_speed - vehicles.speed) / SPEED_TIME
    control = Control(
        acceleration=jnp.where(is_first, cruise, idm),
        slip=steering(road, vehicles, view, target),
    )
    vehicles = eqx.tree_at(
        lambda all: (all.target_lane, all.timer), vehicles, (after, timer)
    )
    return vehicles, control
