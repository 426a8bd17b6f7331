"""Loops as one kernel: an option of XLA's that must be set before anything is computed.

A loop that touches more than a kilobyte in a step leaves the one-kernel loop of XLA's
CPU backend, and takes ten times as long: tabular learners do. `jax.jit` cannot pass the
option on, so that it is set for the process, unless `XLA_FLAGS` already sets options of
this kind; where JAX has computed something before, it does nothing.
"""

import os

OPTION = "xla_cpu_small_while_loop_byte_threshold=100000000"

flags = os.environ.get("XLA_FLAGS", "")
if "xla_backend_extra_options" not in flags:
    flags = f"{flags} --xla_backend_extra_options={OPTION}"
    os.environ["XLA_FLAGS"] = flags.strip()
