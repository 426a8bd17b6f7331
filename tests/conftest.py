"""Settings of every test. The package is not imported here: its hook comes first."""

import fnmatch
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


# Rows of suites that compile for long: the everyday run has a row of each kind beside
# them, and `pytest -m slow` runs these.
SLOW = (
    "test_kill.py::test_volition_label_loses_nothing*",
    "test_power_cut.py::test_the_name_of_the_log*",
    "test_proxy_reward.py::test_draws_of_it*",
    "test_preferences.py::test_further_rounds*",
    "test_preferences.py::test_a_network_and_replay*",
    "test_sequential.py::test_it_goes_on_from_draws*",
    "test_sequential.py::test_the_effective_draws*",
    "test_contrastive.py::*without_a_reward?2*",
    "test_answers.py::test_a_reward_is_understood*thumb*",
    "test_answers.py::test_a_reward_is_understood*best 2*",
    "test_answers.py::test_a_reward_is_understood*without tie*",
    "test_answers.py::test_a_reward_is_understood*approval*",
    "test_benchmarks.py::test_asking_well*",
    "test_bench.py::test_every_figure",
    "test_environments.py::*Exit*",
    "test_environments.py::*TwoWay*",
    "test_environments.py::*Highway by hand*",
    "test_rewards.py::*exit*",
    "test_rewards.py::*merge*",
    "test_rewards.py::*two*way*",
    "test_parity.py::test_other_roads*",
    "test_parity.py::test_episodes*-[1-9]*",
    "test_deep_learners.py::*SAC*",
    "test_examples.py::test_the_chapters_table_equals_ours",
    "test_replay.py::*SAC*",
    "test_scene.py::test_sub_steps*pedals*",
    "test_state_of_the_world.py::*apples*",
    "test_state_of_the_world.py::*batteries*",
    "test_state_of_the_world.py::*train: [!sd]*",
)


def pytest_collection_modifyitems(items):
    """Mark what `SLOW` names."""
    for item in items:
        if any(fnmatch.fnmatch(item.nodeid, f"*{pattern}*") for pattern in SLOW):
            item.add_marker(pytest.mark.slow)


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
