"""Names of a package that are imported when they are first used (PEP 562)."""

import ast
import importlib
import sys
from collections.abc import Callable
from typing import Any


def lazily(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a package whose names load when used.

    The package's `__init__.py` imports its lazy names under `if TYPE_CHECKING:`, where
    type checkers and readers look for them. The same statements say here from where a
    name is imported when it is first used, so that nothing is listed twice.

    Args:
        package: the package's `__name__`.

    Returns:
        The two functions, to be bound to `__getattr__` and `__dir__`.

    Raises:
        AttributeError: by `__getattr__`, for a name that the package does not have.

    Example:
        >>> import volition
        >>> "fit" in dir(volition), callable(volition.fit)
        (True, True)
    """
    module = sys.modules[package]
    assert module.__spec__ is not None
    loader: Any = module.__spec__.loader
    homes = _homes(ast.parse(loader.get_source(package)))

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, original = homes[name]
        if home == package:  # a module of its own
            value = importlib.import_module(f"{home}.{original}")
        else:
            value = getattr(importlib.import_module(home), original)
        setattr(module, name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(module), *homes})

    return __getattr__, __dir__


def _homes(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Of each name under `if TYPE_CHECKING:`, its module and its name there."""
    return {
        alias.asname or alias.name: (statement.module or "", alias.name)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
