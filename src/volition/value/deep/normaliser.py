"""By what was seen so far, observations and rewards become numbers of size one."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from volition.env.inputs import AbstractInputs, Scaled, inputs
from volition.env.spaces import Space
from volition.value.deep.world import Step

# Between these shares of its scale nothing is gained by a better one, and a scale that
# changes is felt: with running means and deviations CartPole takes twice the steps.
LEAST, MOST = 1.0 / 32.0, 8.0
LOOK = 1000  # observations before a range is called narrow


class Normaliser(eqx.Module):
    """What a learner knows of the size of observations and rewards.

    Entries of observations are scaled by what the space claims, where it claims bounds;
    one that turns out to keep to less than 1/32 of that, or to go 8 times as far, by
    the middle and half of the range in which it was seen.

    Multiplying all rewards (and a temperature, which is in reward units) by a power of
    two changes no action that is taken, to the bit; any other factor changes rounding
    alone.

    Args:
        inputs: how networks take an observation.
        low: least that was seen of each entry, `[input]`; of numbered observations,
            nothing.
        high: greatest.
        count: observations so far.
        unit: the greatest absolute reward so far, reward units; 0 before there is one.
            Networks put out values divided by it.
    """

    inputs: AbstractInputs
    low: Float[Array, "*seed input"]
    high: Float[Array, "*seed input"]
    count: Float[Array, "*seed"]
    unit: Float[Array, "*seed"]

    def add(self, seen: Step) -> "Normaliser":
        """With a rollout, `[time, env]`."""
        unit = jnp.maximum(self.unit, jnp.max(jnp.abs(seen.reward)))
        scaled = self.inputs
        if not isinstance(scaled, Scaled):
            return Normaliser(scaled, self.low, self.high, self.count, unit)
        rows = jnp.asarray(seen.observation).astype(jnp.float32)
        rows = rows.reshape(-1, scaled.size)
        low = jnp.minimum(self.low, jnp.min(rows, axis=0))
        high = jnp.maximum(self.high, jnp.max(rows, axis=0))
        count = self.count + rows.shape[0]
        middle, wide = low / 2 + high / 2, high / 2 - low / 2
        # A range that rounding explains is none.
        wide = jnp.where(wide > np.finfo(np.float32).eps * jnp.abs(middle), wide, 0.0)
        narrow = (count >= LOOK) & (wide > 0) & (wide < LEAST * scaled.half)
        most = jnp.maximum(scaled.centre - low, high - scaled.centre)
        change = narrow | (most > MOST * scaled.half)
        centre = jnp.where(change, middle, scaled.centre)
        half = jnp.where(change & (wide > 0), wide, scaled.half)
        return Normaliser(Scaled(centre, half), low, high, count, unit)

    @property
    def scale(self) -> Float[Array, "*seed"]:
        """Reward units of what networks put out as 1."""
        return jnp.where(self.unit > 0, self.unit, 1.0)

    def change(self, before: "Normaliser") -> Float[Array, "*seed"]:
        """By what values are multiplied that are as large as before, in reward units.

        Nothing is known of their size before the first reward: then they stay.
        """
        return jnp.where(before.unit > 0, before.scale / self.scale, 1.0)


def normaliser(space: Space) -> Normaliser:
    """Before anything was seen, of a space of observations.

    Example:
        >>> from volition.env import Box
        >>> normaliser(Box(-1e6, 1e6, (2,))).inputs(jnp.array([3.0, 0.0])).tolist()
        [2.9999999242136255e-06, 0.0]
    """
    scaled = inputs(space)
    n = scaled.size if isinstance(scaled, Scaled) else 0
    nothing = jnp.full(n, np.finfo(np.float32).max, dtype=jnp.float32)
    zero = jnp.zeros((), dtype=jnp.float32)
    return Normaliser(scaled, nothing, -nothing, zero, zero)
