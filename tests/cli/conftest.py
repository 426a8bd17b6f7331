"""The command in this process, with JAX's settings put back afterwards."""

import signal
import sys
from collections.abc import Callable
from typing import NamedTuple

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

SETTINGS = (
    "jax_enable_x64",
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
)


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def volition(monkeypatch, capfd, tmp_path) -> Callable[..., Outcome]:
    """Run `volition` with arguments, in a folder of its own and without data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VOLITION_DATA", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*arguments: str) -> Outcome:
        # Not above, which pytest reads before the hook that checks types is there.
        from volition.cli.main import main

        before = {name: getattr(jax.config, name) for name in SETTINGS}
        monkeypatch.setattr(sys, "argv", ["volition", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()
        assert isinstance(code, int)
        return Outcome(code, *capfd.readouterr())

    return run
