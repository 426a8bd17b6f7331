"""What every command does first."""

import difflib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from volition.configure import configure
from volition.errors import InputError as InputError


def start_jax() -> None:
    """64 bits, loops as one kernel, and compiled programs kept from run to run."""
    # Where the user has set XLA's options otherwise, tables are learned more slowly.
    with suppress(ValueError):
        configure()
    import jax

    jax.config.update("jax_enable_x64", True)
    cache = _cache_folder()
    if cache is not None:
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _cache_folder() -> Path | None:
    """Where compiled programs are kept; None where there is no place to write."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        folder = cache / "volition" / "xla"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        # No home, or one that is not this user's.
        return None
    return folder if os.access(folder, os.W_OK) else None


def one_of(name: str, names: Iterable[str], fault: str) -> str:
    """The name, if it is one of those."""
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        raise InputError(f"{fault} {name!r}: did you mean {near[0]!r}?")
    raise InputError(f"{fault} {name!r}: say one of {', '.join(names)}.")
