"""What every command does first."""

import os
from pathlib import Path

import jax

from volition.store import InputError as InputError


def start_jax() -> None:
    """64 bits, and compiled programs kept from one run to the next."""
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
