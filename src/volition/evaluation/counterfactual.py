"""Counterfactual segments: what would have had to be otherwise to be preferred."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from volition.human.valuation import partial_return
from volition.policy import Segment
from volition.reward import AbstractReward, not_finite

N_STEPS = 30  # of the search; a linear reward needs one
FARTHEST = 100.0  # usual spreads, beyond which no edit is looked for
# Of the edit, by which it goes past the point where both are equal: so little that it
# does not show, more where the reward or the features are of low precision.
BEYOND = (1e-6, 1e-4, 1e-2)

Look = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Edit(eqx.Module):
    """The smallest change of a segment after which it is preferred.

    Args:
        edited: 0 or 1, which of the two segments was changed: the one worth less.
        change: what is added to each feature at every step, in its unit; NaN where no
            change was found.
        size: how large that is, in usual spreads of the features.
        flips: whether the changed segment is worth more than the other one.
        segment: the changed one.
        sentence: the same in words.
    """

    edited: int = eqx.field(static=True)
    change: Float[np.ndarray, " feature"]
    size: float
    flips: bool = eqx.field(static=True)
    segment: Segment
    sentence: str = eqx.field(static=True)


def counterfactual(
    reward: AbstractReward,
    options: Segment,
    feature_names: Sequence[str],
    spread: Float[ArrayLike, " feature"],
    *,
    only: Sequence[str] | None = None,
) -> Edit:
    """The smallest change in named features that turns a preference around.

    The segment that is worth less is changed by the same amounts `e` at every step that
    it made. For a linear reward the smallest `|e / spread|` by which it catches up with
    the other is `e = spread^2 w D / (n |spread w|^2)`, `D` being how far it is behind
    and `n` its steps. For other rewards that step is taken again from where it led, and
    the way there from no change at all is halved to the point where both are equal,
    which is a smallest change nearby; straight lines along the features may find a
    nearer one, and of all changes another may be smaller still. What is found is
    checked by the reward on the changed segment. A feature that is a count, such as a
    collision, changes by fractions, too.

    Args:
        reward: whose preference it is, by the sum over steps.
        options: two segments, leaves `[option, time]`.
        feature_names: of the features of each step.
        spread: how much each usually varies, in its unit, at least 0; what never varies
            stays as it is.
        only: the features that may change; all if left out.

    Raises:
        ValueError: where both are worth the same, one is not worth a finite number, or
            there are not two, or a name or a spread is wrong.

    Source: for a linear reward the projection on a plane; for others R. Rackwitz and
    B. Fiessler, "Structural reliability under combined random load sequences", 1978.
    """
    names = tuple(feature_names)
    width = _width(names, spread, only)
    if np.shape(options.weight)[:1] != (2,) or np.ndim(options.weight) != 2:
        raise ValueError(
            "a preference is between two segments, [option, time], not an array of "
            f"shape {np.shape(options.weight)}."
        )
    worth = np.asarray(_worths(reward, options))
    if not np.isfinite(worth).all():
        wrong = int(np.argmin(np.isfinite(worth)))
        raise ValueError(
            f"segment {wrong} is worth {worth[wrong]} to the reward"
            f"{not_finite(reward)}: make it finite."
        )
    if worth[0] == worth[1]:
        raise ValueError(
            f"both segments are worth {worth[0]:.4g}: there is no preference to turn "
            "around; take others."
        )
    edited = int(np.argmin(worth))
    segment = jax.tree.map(lambda leaf: leaf[edited], options)
    goal = jnp.asarray(worth[1 - edited])
    found = _search(reward, segment, jnp.asarray(width), goal)
    if found is None:
        silent = np.full(len(names), np.nan)
        said = "no change of these features makes the other one preferred."
        return Edit(edited, silent, float("nan"), False, segment, said)
    change, moved, flips = _across(reward, segment, found * width, goal)
    size = float(np.linalg.norm(found))
    said = _sentence(edited, names, change, width)
    return Edit(edited, change, size, flips, moved, said)


def _across(
    reward: AbstractReward,
    segment: Segment,
    change: Float[np.ndarray, " feature"],
    goal: Float[Array, ""],
) -> tuple[Float[np.ndarray, " feature"], Segment, bool]:
    """A little farther, so that it is ahead and not equal; whether that it is."""
    for beyond in BEYOND:
        farther = change * (1.0 + beyond)
        moved = _moved(segment, jnp.asarray(farther))
        if bool(_worth(reward, moved) > goal):
            return farther, moved, True
    return change, _moved(segment, jnp.asarray(change)), False


def _width(
    names: tuple[str, ...], spread: ArrayLike, only: Sequence[str] | None
) -> Float[np.ndarray, " feature"]:
    width = np.asarray(spread, dtype=np.float64)
    finite = np.isfinite(width).all()
    if width.shape != (len(names),) or not finite or not (width >= 0.0).all():
        raise ValueError(
            f"{len(names)} features need as many spreads, finite and none below 0, not "
            f"{width}."
        )
    if only is None:
        return width
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of the features {names}.")
    return np.where([name in only for name in names], width, 0.0)


@eqx.filter_jit
def _worths(reward: AbstractReward, options: Segment) -> Float[Array, "option=2"]:
    return jax.vmap(partial_return, (None, 0))(reward, options)


@eqx.filter_jit
def _worth(reward: AbstractReward, segment: Segment) -> Float[Array, ""]:
    return partial_return(reward, segment)


def _moved(segment: Segment, change: Float[Array, " feature"]) -> Segment:
    """The same, with something added to the features of each step that was made."""
    features = jnp.asarray(segment.transition.features)
    made = (segment.weight > 0)[:, None]
    added = jnp.where(made, change.astype(features.dtype)[None], 0.0)
    return eqx.tree_at(lambda s: s.transition.features, segment, features + added)


@eqx.filter_jit
def _behind(
    reward: AbstractReward,
    segment: Segment,
    width: Float[Array, " feature"],
    goal: Float[Array, ""],
    z: Float[Array, " feature"],
) -> tuple[Float[Array, ""], Float[Array, " feature"]]:
    """How far it is ahead after a change in usual spreads, and the slope of that."""

    def ahead(z):
        return partial_return(reward, _moved(segment, width * z)) - goal

    return jax.value_and_grad(ahead)(z)


def _search(
    reward: AbstractReward,
    segment: Segment,
    width: Float[Array, " feature"],
    goal: Float[Array, ""],
) -> Float[np.ndarray, " feature"] | None:
    """The smallest change that was found, in usual spreads; None for none."""

    def look(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _behind(reward, segment, width, goal, jnp.asarray(z))
        return float(value), np.asarray(slope, dtype=np.float64)

    z, best = np.zeros(width.shape[0]), None
    value, slope = look(z)
    slack, begin, bent = 1e-6 * abs(value), slope, False
    for step in range(N_STEPS):
        if value >= -slack:
            z = z if value <= slack else _halved(look, z)
            if best is not None and np.linalg.norm(z) >= 0.999 * np.linalg.norm(best):
                break
            best = z
            value, slope = look(z)
        steep = float(slope @ slope)
        if steep == 0.0:
            break
        z = slope * (float(slope @ z) - value) / steep
        if not np.linalg.norm(z) <= FARTHEST:
            break
        value, slope = look(z)
        bent |= step == 0 and abs(value) > slack
    if best is not None and not bent:
        return best
    # Where the reward bends, steps may go around for ever, or end at a place that is
    # the nearest of its surroundings only; straight lines may find a nearer one.
    axes = np.diag((np.asarray(width) > 0.0).astype(float))
    straight = _nearest_on_lines(look, [begin, *axes, *-axes])
    found = [one for one in (best, straight) if one is not None]
    return min(found, key=lambda one: float(np.linalg.norm(one)), default=None)


def _nearest_on_lines(look: Look, directions: list[np.ndarray]) -> np.ndarray | None:
    """The smallest change straight ahead in one of several directions."""
    best = None
    for direction in directions:
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            continue
        far = 1.0
        while far <= FARTHEST and look(far * direction / length)[0] < 0.0:
            far *= 2.0
        if far <= FARTHEST:
            z = _halved(look, far * direction / length)
            if best is None or np.linalg.norm(z) < np.linalg.norm(best):
                best = z
    return best


def _halved(look: Look, z: np.ndarray) -> np.ndarray:
    """The first point found between no change and one that is ahead, by halving."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if look(middle * z)[0] >= 0.0:
            high = middle
        else:
            low = middle
    return high * z


def _sentence(
    edited: int, names: tuple[str, ...], change: np.ndarray, width: np.ndarray
) -> str:
    share = np.abs(change / np.where(width > 0, width, 1.0))
    # Parts below a tenth of the largest change nothing that a reader could use.
    order = [i for i in np.argsort(-share) if share[i] >= 0.1 * share.max()]
    parts = [
        f"{abs(change[i]):.3g} {'more' if change[i] > 0 else 'less'} {names[i]}"
        for i in order
    ]
    which = ("first", "second")[edited]
    return f"the {which} would be preferred with {', '.join(parts)} at each step."
