"""Is what a field of a module holds of the kind that its annotation names?"""

import collections.abc
import dataclasses
import functools
import types
import typing
from typing import Any

import equinox as eqx
import jax
import numpy as np

NUMBERS = (bool, int, float, complex)
MAX_INTEGER = 2**63  # in size, of a number that becomes an array


def check_fields(module: eqx.Module) -> None:
    """Raise where a field holds another kind of thing than its annotation names.

    Shapes are left out, as a batch of modules is a module. A number may stand for an
    array, and the other way round.

    Raises:
        ValueError: naming the first such field.

    Example:
        >>> from volition.reward import Linear
        >>> check_fields(Linear(("speed",), [1.0]))
    """
    for name, hint in _hints(type(module)).items():
        value = getattr(module, name)
        if not _fits(value, hint):
            kind = f"{value.dtype} array" if _is_array(value) else type(value).__name__
            raise ValueError(
                f"the field {name} of {type(module).__name__} holds a {kind}, which "
                "cannot be what it is for: make it anew."
            )


@functools.cache
def _hints(cls: type[eqx.Module]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, TypeError, AttributeError):  # names that only checkers see
        return {}
    names = [field.name for field in dataclasses.fields(cls)]
    return {name: hints[name] for name in names if name in hints}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a kind; what cannot be told is."""
    if hint is None or hint is type(None):
        return value is None
    if hasattr(hint, "dtypes") and hasattr(hint, "array_type"):  # jaxtyping's
        return _fits_array(value, hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin is collections.abc.Callable or hint is collections.abc.Callable:
        return callable(value)
    if origin is not None:
        return _fits_items(value, origin, typing.get_args(hint))
    return _fits_class(value, hint) if isinstance(hint, type) else True


def _fits_class(value: Any, hint: type) -> bool:
    if hint in NUMBERS:
        whole = hint in (bool, int)  # a float may be written as an integer
        return _is_array(value) or isinstance(value, hint if whole else NUMBERS)
    if hint in (jax.Array, np.ndarray) or issubclass(hint, np.generic):
        return _is_array(value) or (isinstance(value, NUMBERS) and _is_small(value))
    if issubclass(hint, tuple):  # a record keeps no names of a named tuple
        return isinstance(value, tuple)
    if hint in (str, dict) or issubclass(hint, eqx.Module):
        return isinstance(value, hint)
    return True


def _fits_array(value: Any, hint: Any) -> bool:
    if isinstance(value, NUMBERS):
        return _is_small(value)
    known = isinstance(hint.dtypes, tuple | list)
    return _is_array(value) and (not known or str(value.dtype) in hint.dtypes)


def _fits_items(value: Any, origin: Any, kinds: tuple[Any, ...]) -> bool:
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            return all(_fits(item, kinds[0]) for item in value)
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if origin in (dict, collections.abc.Mapping):
        return isinstance(value, dict) and all(
            _fits(item, kinds[1]) for item in value.values()
        )
    if isinstance(origin, type) and issubclass(origin, eqx.Module):
        return isinstance(value, origin)
    return True


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray | np.generic)


def _is_small(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) <= MAX_INTEGER
