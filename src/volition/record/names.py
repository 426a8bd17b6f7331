"""Names in records: Volition's own classes, and what its owner trusts. Nothing else."""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterable
from typing import Any

import equinox as eqx

# The packages whose classes may be in a record, and how one is named.
PACKAGES = (
    "env",
    "policy",
    "reward",
    "value",
    "feedback",
    "human",
    "inference",
    "query",
    "evaluation",
    "probes",
    "testing",
    "store",
    "study",
)
OWN = re.compile(
    rf"(volition\.(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z]\w*)*):([A-Za-z_]\w*)", re.ASCII
)


def import_path(thing: Any) -> str:
    """`module:name` of a class or function, if it can be imported again.

    Example:
        >>> import_path(import_path)
        'volition.record.names:import_path'
    """
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None)
    if module is None or name is None or "<" in name or module == "__main__":
        raise ValueError(
            f"{thing!r} cannot be saved: define it by name in a module that can be "
            "imported, not as a lambda or inside a function or script."
        )
    return f"{module}:{name}"


def trusted_names(trust: Iterable[Any]) -> dict[str, Any]:
    """Classes and functions by the names that records have for them.

    Raises:
        TypeError: where one is neither, such as the name of one.
    """
    if isinstance(trust, str | bytes) or not isinstance(trust, Iterable):
        raise TypeError(
            f"trust = {trust!r} is a tuple of classes and functions, such as "
            "trust=(MyReward, my_function)."
        )
    found = {}
    for thing in trust:
        if not callable(thing):
            raise TypeError(
                f"trust has {thing!r}: give the class or function itself, such as "
                "trust=(MyReward, my_function)."
            )
        found[import_path(thing)] = thing
    return found


def find_class(path: Any, trusted: dict[str, Any]) -> type[eqx.Module]:
    """The class of a name in a record: one of Volition's own, or a trusted one.

    No module is imported but Volition's own, so that a name runs no code.

    Raises:
        ValueError: for any other.
    """
    cls = trusted.get(path) if isinstance(path, str) else None
    if cls is None:
        cls = _own(path)
    if not (isinstance(cls, type) and issubclass(cls, eqx.Module)):
        raise ValueError(f"the record names {path}, which is not a module's class.")
    if inspect.isabstract(cls):
        raise ValueError(f"the record names {path}, of which there are only kinds.")
    return cls


def find_function(path: Any, trusted: dict[str, Any]) -> Any:
    """The function of a name in a record, if it is trusted.

    Volition's own classes need none, so that none is trusted unasked.

    Raises:
        ValueError: where it is not.
    """
    if isinstance(path, str) and path in trusted:
        return trusted[path]
    raise ValueError(_foreign(path, "function"))


def foreign_parts(value: Any) -> tuple[Any, ...]:
    """The classes and functions in a value that are not Volition's own.

    With these as `trust` a record of the value can be read again.

    Args:
        value: what `to_json` takes.

    Example:
        >>> from volition.reward import Linear
        >>> foreign_parts(Linear(("speed",)))
        ()
    """
    found: dict[int, Any] = {}

    def look(part: Any) -> None:
        if isinstance(part, tuple | list):
            for item in part:
                look(item)
        elif isinstance(part, dict):
            look(tuple(part.values()))
        elif isinstance(part, eqx.Module):
            if not OWN.fullmatch(f"{type(part).__module__}:{type(part).__qualname__}"):
                found[id(type(part))] = type(part)
            look(tuple(getattr(part, each.name) for each in dataclasses.fields(part)))
        elif callable(part):
            found[id(part)] = part

    look(value)
    return tuple(found.values())


def _own(path: Any) -> Any:
    named = OWN.fullmatch(path) if isinstance(path, str) else None
    if named is None:
        raise ValueError(_foreign(path, "class"))
    try:
        thing = getattr(importlib.import_module(named[1]), named[2])
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the record names {path}, which this version of Volition does not have: "
            "save it again with this version."
        ) from error
    # What one of our modules imports from elsewhere is not ours.
    if not str(getattr(thing, "__module__", "")).startswith("volition."):
        raise ValueError(_foreign(path, "class"))
    return thing


def _foreign(path: Any, kind: str) -> str:
    said = repr(path)[:200]
    return (
        f"the record names the {kind} {said}, which is not one of Volition's own "
        "classes, and a file runs no code: if you know where it is from, import it and "
        f"read the record in Python with `trust=` that {kind}."
    )
