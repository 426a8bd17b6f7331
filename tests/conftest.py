"""Settings of every test. The package is not imported here: its hook comes first."""

import os
from pathlib import Path

# Most of the time of these tests is compilation: a quarter of it is saved so. Must
# stand before JAX is imported.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session")
def volition_data() -> Path:
    """The folder of recorded human data that some tests are checked against."""
    folder = os.environ.get("VOLITION_DATA")
    if not folder:
        pytest.skip("VOLITION_DATA is not set: name the folder of recorded answers.")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"VOLITION_DATA names {folder}, which is not a folder.")
    return path
