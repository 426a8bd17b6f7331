"""Numbers of a usual size, so that no square of them is 0 or infinite."""

import numpy as np
from jaxtyping import Float


def size_of(numbers: Float[np.ndarray, "*shape"]) -> float:
    """The power of two at or below the largest size: dividing by it rounds nothing.

    Args:
        numbers: finite ones.

    Returns:
        The power; 1 where all numbers are 0.

    Example:
        >>> size_of(np.array([3.0, -5.0]))
        4.0
    """
    largest = float(np.max(np.abs(numbers), initial=0.0))
    return float(2.0 ** (np.frexp(largest)[1] - 1)) if largest > 0.0 else 1.0


def sized(numbers: np.ndarray) -> Float[np.ndarray, "*shape"]:
    """The same numbers over their size, in 64 bits.

    Example:
        >>> sized(np.array([3.0, -5.0])).tolist()
        [0.75, -1.25]
    """
    numbers = np.asarray(numbers, dtype=np.float64)
    return numbers / size_of(numbers)
