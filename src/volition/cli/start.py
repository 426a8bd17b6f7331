"""What every command does first."""

import os
from pathlib import Path

import jax

from volition.store import InputError as InputError


def start_jax() -> None:
    """64 bits, and compiled programs kept from one run to the next."""
    jax.config.update("jax_enable_x64", True)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    jax.config.update("jax_compilation_cache_dir", str(cache / "volition" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
