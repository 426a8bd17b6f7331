"""The examples run and say what they promise."""

import importlib.util
from pathlib import Path

import jax
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def usual_promotion():
    """As a user has it: examples are written for JAX's own rules."""
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "answers_to_verdict",
        "chapter",
    }


@pytest.mark.usefixtures("usual_promotion")
def test_the_chapters_table_equals_ours(capsys):
    assert load("chapter").main() < 1e-12
    assert "ends in a crash" in capsys.readouterr().out


@pytest.mark.usefixtures("usual_promotion")
def test_answers_lead_to_a_verdict(capsys):
    assert load("answers_to_verdict").main().scaled_return > 0.9
    assert "verdict: nothing found in" in capsys.readouterr().out
