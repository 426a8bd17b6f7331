"""Visits of a policy beside those demonstrated: what chance explains, in words."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from volition.env import FiniteMDP
from volition.inference.irl.demonstrations import state_visits
from volition.policy import Segment
from volition.value import occupancy

# Chance that a true reward is called wrong, over all states; chosen here.
RARE = 1e-3
# Demonstrations that came to a state, below which their spread is not relied on.
FEW = 20


class Demonstrated(eqx.Module):
    """Where demonstrations act, and how well they tell it.

    Args:
        visits: mean discounted time that they act in each state, steps, `[state]`.
        error: its standard error from demonstration to demonstration, steps; 0 of an
            expert whose visits are known, `[state]`.
        n_came: demonstrations that came to each state, `[state]`.
        n: how many there are; 0 where visits are known.
        observed: probability that the recording of a demonstration goes on for more
            than so many steps, where no outcome ends it before, `[step]`.
        after: the same for all later steps.
    """

    visits: Float[np.ndarray, " state"]
    error: Float[np.ndarray, " state"]
    n_came: Float[np.ndarray, " state"]
    n: int = eqx.field(static=True)
    observed: Float[np.ndarray, " step"]
    after: float = eqx.field(static=True)


def of_visits(visits: Float[np.ndarray, " state"]) -> Demonstrated:
    """Of an expert whose visits are known.

    Args:
        visits: steps, `[state]`.
    """
    none = np.zeros_like(visits)
    return Demonstrated(visits, none, none, 0, np.ones(0), 1.0)


def of_paths(env: FiniteMDP, demonstrations: Segment) -> Demonstrated:
    """Of demonstrations, some of which may have been cut off by a time limit.

    Where one was cut off nothing is known of what would have followed; it is no end.
    What is expected of a policy is compared as long as recordings go on, by the
    product-limit estimate of how long that is.

    Args:
        env: the world.
        demonstrations: checked, `[demonstration, time]`.

    Source: E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete
    observations", JASA 53 (1958), 457-481, of being cut off in place of ending.
    """
    each = state_visits(env, demonstrations)
    n = len(each)
    error = each.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(each.shape[1])
    length = (np.asarray(demonstrations.weight) > 0).sum(axis=1)
    ended = np.asarray(demonstrations.transition.terminated)[:, -1].astype(bool)
    steps = np.arange(1, length.max() + 1)
    cut = (~ended[:, None] & (length[:, None] == steps)).sum(axis=0)
    going_on = cut + (length[:, None] > steps).sum(axis=0)
    kept = np.cumprod(1.0 - cut / np.maximum(going_on, 1))
    return Demonstrated(
        each.mean(axis=0),
        error,
        (each > 0).sum(axis=0).astype(float),
        n,
        np.concatenate([np.ones(1), kept[:-1]]),
        float(kept[-1]),
    )


@eqx.filter_jit
def expected_visits(
    env: FiniteMDP,
    policy: Float[Array, "state action"],
    observed: Float[Array, " step"],
    after: Float[Array, ""],
) -> Float[Array, " state"]:
    """Discounted time that a policy acts in each state while it is observed, steps.

    Args:
        env: the world.
        policy: probabilities.
        observed: weight of each of the first steps.
        after: weight of all later ones; 0 where recordings have stopped by then.
    """

    def one(carry, weight):
        mass, factor, spent = carry
        acting = jnp.where(env.terminal, 0.0, mass)
        spent = spent + factor * weight * acting
        flow = acting[:, None, None] * policy[:, :, None] * env.probability
        led = jnp.where(env.terminal, mass, 0.0).at[env.successor].add(flow)
        return (led, factor * env.discount, spent), None

    begun = (env.initial, jnp.ones_like(env.discount), jnp.zeros_like(env.initial))
    (mass, factor, spent), _ = jax.lax.scan(one, begun, observed)

    def later(mass):
        world = eqx.tree_at(lambda one: one.initial, env, mass)
        return after * factor * jnp.sum(occupancy(world, policy), axis=1)

    # Without an end in sight, time that nobody watched may be infinite.
    return spent + jax.lax.cond(after > 0.0, later, jnp.zeros_like, mass)


def compared(
    visits: Float[np.ndarray, " state"], told: Demonstrated, tolerance: float
) -> tuple[float, bool, str]:
    """The largest difference in visits, whether chance explains it, and in words.

    Args:
        visits: of the policy, steps.
        told: what was demonstrated.
        tolerance: difference that is none to speak of, steps.
    """
    away = np.abs(visits - told.visits)
    if not np.isfinite(away).all():
        message = (
            "Acting by the reward that was found takes for ever, so that no visits can "
            "be compared: give the world a discount below 1, or a horizon."
        )
        return np.inf, False, message
    gap, furthest = float(away.max()), int(np.argmax(away))
    if not told.n:
        worst, allowed = furthest, tolerance
        how = (
            f"visits differ by at most {gap:.2g} steps (state {furthest}), where "
            f"{tolerance:.2g} are allowed"
        )
        right = gap <= tolerance
    else:
        # Where few came, as rare events have it; of what none came to, by the policy.
        rare = np.sqrt(np.maximum(visits, told.visits) / told.n)
        few = told.n_came < min(FEW, told.n)
        error = np.where(few, np.maximum(told.error, rare), told.error)
        limit = float(scipy.stats.norm.isf(0.5 * RARE / len(visits)))
        allowed = np.maximum(limit * error, tolerance)
        worst = int(np.argmax(away / allowed))
        right = bool((away <= allowed).all())
        chance = float(allowed[worst])
        how = (
            f"visits differ most in state {worst}, by {away[worst]:.2g} steps of "
            f"{told.visits[worst]:.3g}, and chance explains up to {chance:.2g}"
        )
    if right:
        what = f"{told.n} demonstration{'s' * (told.n > 1)}"
        as_far = f", as far as {what} can tell" if told.n else ""
        return gap, True, f"The reward acts as was demonstrated{as_far}: {how}."
    message = (
        f"No reward of this form acts as was demonstrated: {how}. In state {worst} "
        f"{told.visits[worst]:.3g} steps were demonstrated, {visits[worst]:.3g} are "
        "made: give a form that tells more states apart."
    )
    return gap, False, message


def check_ends(env: FiniteMDP) -> None:
    """Refuse to plan without end where nothing discounts and something never ends.

    Args:
        env: the finite world.

    Raises:
        ValueError: for a discount of 1 where a state can be come to from which no end
            is reached.
    """
    if float(env.discount) < 1.0:
        return
    terminal = np.asarray(env.terminal)
    possible = np.asarray(env.probability) > 0
    successor = np.asarray(env.successor)
    led = lambda marks: (marks[successor] & possible).any(axis=(1, 2))
    ends = terminal.copy()
    for _ in range(env.n_states):
        more = ends | led(ends)
        if (more == ends).all():
            break
        ends = more
    comes = np.asarray(env.initial) > 0
    for _ in range(env.n_states):
        acting = comes & ~terminal
        more = comes.copy()
        more[successor[acting][possible[acting]]] = True
        if (more == comes).all():
            break
        comes = more
    if (comes & ~ends).any():
        raise ValueError(
            "the world's discount is 1 and from state "
            f"{int(np.argmax(comes & ~ends))} nothing ends, so that no plan has a "
            "value: give a horizon, or the world a discount below 1."
        )
