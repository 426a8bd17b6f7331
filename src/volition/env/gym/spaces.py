"""Spaces, ours as Gymnasium's and back."""

import gymnasium
import numpy as np

from volition.env.spaces import Box, Discrete, Space


def their_space(space: Space) -> gymnasium.Space:
    """One of our spaces as Gymnasium's; real numbers become single precision.

    Example:
        >>> their_space(Box(-1.0, 1.0, (2,)))
        Box(-1.0, 1.0, (2,), float32)
    """
    if isinstance(space, Discrete):
        return gymnasium.spaces.Discrete(space.n)
    low, high = (
        np.broadcast_to(
            np.reshape(bound, space.shape if np.ndim(bound) else ()), space.shape
        ).astype(np.float32)
        for bound in (space.low, space.high)
    )
    return gymnasium.spaces.Box(low, high, space.shape, np.float32)


def our_space(space: gymnasium.Space) -> Space:
    """One of Gymnasium's spaces as ours.

    Raises:
        ValueError: for any that is neither `Discrete` from 0 on nor a `Box` of real
            numbers.

    Example:
        >>> our_space(gymnasium.spaces.Discrete(3))
        Discrete(n=3)
    """
    if isinstance(space, gymnasium.spaces.Discrete) and space.start == 0:
        return Discrete(int(space.n))
    if isinstance(space, gymnasium.spaces.Box) and space.dtype.kind == "f":
        return Box(_bounds(space.low), _bounds(space.high), space.shape)
    raise ValueError(
        f"the space {space} is neither Discrete from 0 on nor a Box of real numbers: "
        f"{_remedy(space)}."
    )


def _remedy(space: gymnasium.Space) -> str:
    """What makes a space one that is taken, as observation and as action."""
    action = (
        "an action space becomes numbered with gymnasium.wrappers.TransformAction(env, "
        "func, gymnasium.spaces.Discrete(n))"
    )
    dtype = "gymnasium.wrappers.DtypeObservation(env, numpy.float32)"
    if isinstance(space, gymnasium.spaces.Box):
        return f"convert observations with {dtype}; {action}"
    if not space.is_np_flattenable:
        return (
            "map observations to a Box with gymnasium.wrappers.TransformObservation(env"
            f", func, gymnasium.spaces.Box(...)); {action}"
        )
    both = dtype.replace("env", "gymnasium.wrappers.FlattenObservation(env)")
    return f"convert observations with {both}; {action}"


def _bounds(bounds: np.ndarray) -> float | np.ndarray:
    """One number where all are the same."""
    first = bounds.ravel()[0]
    return float(first) if (bounds == first).all() else bounds
