"""Angles."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def wrap(angle: Float[Array, ""]) -> Float[Array, ""]:
    """The same angle in `[-pi, pi)`, radians; one that lies there keeps its bits.

    Example:
        >>> round(float(wrap(jnp.asarray(4.0))), 4)
        -2.2832
    """
    turn = 2.0 * np.pi
    return angle - turn * jnp.floor((angle + np.pi) / turn)
