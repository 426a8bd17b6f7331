"""With which versions a study was run."""

import importlib.metadata
import json
import platform
from pathlib import Path

from volition import record

PACKAGES = ("volition", "jax", "jaxlib", "equinox", "numpy", "scipy", "optax")


def versions() -> dict[str, str]:
    """Version of Python and of each package that numbers depend on, by name.

    Example:
        >>> sorted(versions())[:2]
        ['Python', 'equinox']
    """
    found = {"Python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in PACKAGES}


def write_versions(folder: Path) -> None:
    """Keep them in `versions.json`, beside what they made."""
    record.write_text(folder / "versions.json", json.dumps(versions(), indent=1) + "\n")
