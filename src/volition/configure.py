"""Settings of the process, made by who asks for them: importing makes none.

A loop that touches more than a kilobyte in a step leaves the one-kernel loop of XLA's
CPU backend, and takes ten times as long: tabular learners do. `jax.jit` cannot pass the
option on, so that it is set for the process.
"""

import os
import sys

OPTION = "xla_cpu_small_while_loop_byte_threshold=100000000"


def configure() -> None:
    """Let XLA compile small loops as one kernel: tabular learners gain tenfold.

    Call it once, before anything is computed. It appends an option to the environment
    variable `XLA_FLAGS` of this process and changes nothing else; results are the same
    with it and without. The command `volition` does so itself.

    Raises:
        ValueError: where JAX has computed something already, or `XLA_FLAGS` names a
            file of options or has backend options of its own, to which this one must
            be added by hand.

    Example:
        At the top of a program that learns tables::

            import volition as vl

            vl.configure()
    """
    flags = os.environ.get("XLA_FLAGS", "").strip()
    if OPTION in flags:
        return
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is not None and bridge.backends_are_initialized():
        raise ValueError(
            "JAX has computed something already, after which XLA reads no options: "
            "call volition.configure() before anything else is computed."
        )
    # XLA reads what does not begin with a dash as the name of a file.
    if flags and not flags.startswith("-"):
        raise ValueError(
            f"XLA_FLAGS names the file {flags}: add --xla_backend_extra_options="
            f"{OPTION} to that file."
        )
    if "xla_backend_extra_options" in flags:
        raise ValueError(
            "XLA_FLAGS has an --xla_backend_extra_options already: add "
            f",{OPTION} to it."
        )
    os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={OPTION}".strip()
