"""What a verb was given, against what it takes: one sentence where they differ."""

import inspect
from typing import Any

import jax


def expect(value: Any, kind: type | tuple[type, ...], what: str, remedy: str) -> None:
    """Raise where a value is not of the kind that is wanted.

    Args:
        value: what was given.
        kind: the class, or classes, of which it must be.
        what: what it was given as, such as "the reward".
        remedy: what to give instead, to end the sentence.

    Raises:
        TypeError: naming what was given, and the remedy.

    Example:
        >>> try:
        ...     expect(3, str, "the name", "give a word")
        ... except TypeError as error:
        ...     print(error)
        the name is the int 3: give a word.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{what} is {described(value)}: {remedy}.")


def expect_key(key: Any, what: str = "the key", *, several: bool = False) -> None:
    """Raise where a value is no key of JAX's.

    Args:
        key: what was given.
        what: what it was given as.
        several: whether an array of keys will do as well.

    Raises:
        TypeError: for a number, an old key of two numbers, several keys where one is
            wanted, or anything else.

    Example:
        >>> expect_key(jax.random.key(0))
    """
    dtype = getattr(key, "dtype", None)
    if dtype is None or not jax.numpy.issubdtype(dtype, jax.dtypes.prng_key):
        number = key if isinstance(key, int) and not isinstance(key, bool) else 0
        raise TypeError(
            f"{what} is {described(key)}: give a key, such as jax.random.key({number})."
        )
    if key.ndim > several:
        most = "one key or a list of them" if several else "one, such as keys[0]"
        raise TypeError(f"{what} is an array of keys, {key.shape}: give {most}.")


def described(value: Any) -> str:
    """A value in words, to stand after "is".

    Example:
        >>> described(None), described(len), described(int), described([1.0])
        ('None', 'a plain function', 'the class int itself', 'a list')
    """
    if value is None:
        return "None"
    if inspect.isclass(value):
        return f"the class {value.__name__} itself"
    if inspect.isroutine(value):
        return "a plain function"
    kind = type(value).__name__
    if isinstance(value, bool | int | float | str):
        return (
            f"the {kind} {str(value)[:40]!r}"
            if kind == "str"
            else f"the {kind} {value}"
        )
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"an array of {value.dtype}, {tuple(value.shape)}"
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return f"{article} {kind}"
