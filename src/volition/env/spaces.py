"""Spaces: what an action or an observation can be."""

import equinox as eqx
import numpy as np


class Discrete(eqx.Module):
    """The integers `0 .. n - 1`.

    Args:
        n: how many values there are, at least 1.

    Example:
        >>> Discrete(4).n
        4
    """

    n: int = eqx.field(static=True)

    def __check_init__(self):
        if self.n < 1:
            raise ValueError(f"a discrete space needs n >= 1 values, not n = {self.n}.")


class Box(eqx.Module):
    """Real arrays between two bounds.

    Args:
        low: lowest value of every entry, in the unit of the quantity.
        high: highest value of every entry.
        shape: shape of the array; `()` is a scalar.

    Example:
        >>> Box(low=-1.0, high=1.0, shape=(2,)).shape
        (2,)
    """

    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True, default=())

    def __check_init__(self):
        if not self.low <= self.high or np.isnan(self.low) or np.isnan(self.high):
            raise ValueError(f"a box needs low <= high, not {self.low} and {self.high}.")


Space = Discrete | Box
