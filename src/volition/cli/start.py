"""What every command does first."""

import os
from pathlib import Path

import jax

from volition.store import InputError as InputError

# A loop that touches more than a kilobyte in a step leaves XLA's one-kernel loop for
# CPUs, and takes ten times as long: tabular learners do.
ONE_KERNEL = (
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=100000000"
)


def start_jax() -> None:
    """64 bits, loops as one kernel, compiled programs kept from one run to the next."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {ONE_KERNEL}".strip()
    jax.config.update("jax_enable_x64", True)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    jax.config.update("jax_compilation_cache_dir", str(cache / "volition" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
