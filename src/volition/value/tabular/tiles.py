"""Tile coding: several shifted grids over observations, for values linear in tiles."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env import Box
from volition.policy import AbstractPolicy
from volition.value.tabular.table import Table, row


def _bounds(values) -> tuple[float, ...]:
    return tuple(float(value) for value in np.ravel(np.asarray(values)))


class TileCoding(eqx.Module):
    """Grids over a box, each shifted by a share of a tile: one tile of each is active.

    An observation outside of the box counts as at its edge.

    Args:
        low: lower corner of the box, in the units of the observation.
        high: upper corner.
        n_tiles: tiles along each side, one number or one for each.
        n_tilings: how many grids. The i-th is shifted by `i / n_tilings` of a tile
            times 1, 3, 5, ... along the first, second, third, ... side.

    Raises:
        ValueError: where a side has no length, or there are no tiles.

    Example:
        >>> coding = TileCoding((-1.2, -0.07), (0.6, 0.07), n_tiles=8, n_tilings=8)
        >>> coding.n_features, coding(jnp.array([-0.5, 0.0])).shape
        (648, (8,))

    Source: R. S. Sutton, A. G. Barto, 2nd ed., section 9.5.4. Differs: tiles have
    numbers of their own, without hashing; so the grids have one more tile on each side.
    """

    low: tuple[float, ...] = eqx.field(static=True, converter=_bounds)
    high: tuple[float, ...] = eqx.field(static=True, converter=_bounds)
    n_tiles: int | tuple[int, ...] = eqx.field(static=True, default=8)
    n_tilings: int = eqx.field(static=True, default=8)

    def __check_init__(self):
        if len(self.low) != len(self.high) or not all(
            low < high for low, high in zip(self.low, self.high, strict=False)
        ):
            raise ValueError(
                f"a box needs low < high on every side, not {self.low} and {self.high}."
            )
        if min(self._sides) < 2 or self.n_tilings < 1:
            raise ValueError(
                f"n_tiles = {self.n_tiles} and n_tilings = {self.n_tilings} must be at "
                "least 1, and as many as the sides."
            )

    @property
    def _sides(self) -> tuple[int, ...]:
        """Tiles of one grid along each side: one more for the shift."""
        each = self.n_tiles
        each = (each,) * len(self.low) if isinstance(each, int) else each
        return tuple(n + 1 for n in each) if len(each) == len(self.low) else (0,)

    @property
    def n_features(self) -> int:
        """How many tiles there are in all."""
        return self.n_tilings * math.prod(self._sides)

    def check(self, space: object) -> None:
        """That the observations of a space can be coded.

        Raises:
            ValueError: where they are no vectors of as many numbers.
        """
        if not isinstance(space, Box) or space.shape != (len(self.low),):
            raise ValueError(
                f"tiles over {len(self.low)} numbers cannot code {space}: give low and "
                "high one entry for each number of an observation."
            )

    def __call__(self, observation: Float[Array, " side"]) -> Int[Array, " tiling"]:
        """The number of the active tile of each grid."""
        sides, tiling = np.array(self._sides), np.arange(self.n_tilings)
        low, high = np.array(self.low), np.array(self.high)
        place = jnp.clip((observation - low) / (high - low), 0.0, 1.0) * (sides - 1.0)
        odd = 2 * np.arange(len(sides)) + 1
        shift = tiling[:, None] * odd[None, :] % self.n_tilings / self.n_tilings
        tile = jnp.floor(place[None, :] + shift).astype(jnp.int32)
        # A number for each tile of a grid, the last side counting fastest.
        stride = np.cumprod(np.append(sides[1:], 1)[::-1])[::-1].astype(np.int32)
        within = jnp.sum(tile * stride[None, :], axis=-1, dtype=jnp.int32)
        return within + jnp.asarray(tiling * math.prod(self._sides), dtype=jnp.int32)


class GreedyInTiles(AbstractPolicy):
    """The best action by values that are linear in tiles, the first among equals.

    Args:
        coding: of observations.
        q: weights, reward units, `[tile, action]`.
    """

    coding: TileCoding
    q: Table

    def values(self, observation: Float[Array, " side"]) -> Float[Array, " action"]:
        """The value of each action, reward units."""
        return row(self.q, self.coding(observation))

    def __call__(
        self, key: PRNGKeyArray, observation: Float[Array, " side"]
    ) -> Int[Array, ""]:
        """The best action; the key is not used."""
        del key
        return jnp.argmax(self.values(observation)).astype(jnp.int32)
