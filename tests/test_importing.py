"""What importing the package does to a user's program: nothing."""

import importlib
import json
import os
import subprocess
import sys

import pytest

import volition
from volition.configure import OPTION

CORE = (
    "env",
    "policy",
    "reward",
    "value",
    "feedback",
    "human",
    "inference",
    "inference.irl",
    "inference.imitation",
    "query",
    "evaluation",
    "probes",
    "testing",
)
NOT_IN_CORE = (
    "blackjax",
    "click",
    "gymnasium",
    "jinja2",
    "krippendorff",
    "matplotlib",
    "minari",
    "optax",
    "rich",
    "scipy.optimize",
    "scipy.stats",
    "sqlite3",
    "starlette",
)
NESTED = (
    "env.gym",
    "inference.imitation",
    "inference.irl",
    "record",
    "report",
    "store",
    "study",
    "testing",
)
# Everything a program might notice, before and after.
STATE = """
import json, logging, os, random, signal, sys, threading, warnings
import numpy as np
import jax, equinox

def state():
    options = {
        name: str(getattr(jax.config, name, None))
        for name in dir(jax.config)
        if name.startswith("jax_")
    }
    return {
        "environment": dict(os.environ),
        "jax": options,
        "warnings": [str(each) for each in warnings.filters],
        "logging": [logging.root.level, str(logging.root.handlers)],
        "random": hash(random.getstate()),
        "numpy": [hash(np.random.get_state()[1].tobytes()), str(np.geterr())],
        "finders": [str(each) for each in sys.meta_path],
        "hooks": [str(sys.path_hooks), str(sys.excepthook), str(sys.displayhook)],
        "path": list(sys.path),
        "signals": str([signal.getsignal(each) for each in (2, 15)]),
        "threads": threading.active_count(),
        "arrays": len(jax.live_arrays()),
        "backends": list(jax._src.xla_bridge._backends),
    }
"""


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# What scipy.special's extension modules add, whoever imports it.
@pytest.mark.parametrize("names", [(), CORE], ids=["alone", "all"])
def test_importing_changes_nothing(names):
    then = "\n".join(f"import volition.{name}" for name in names)
    program = f"""{STATE}
import scipy.special, scipy.sparse
before = state()
import volition
{then}
after = state()
changed = [name for name in before if before[name] != after[name]]
print(json.dumps({{name: [before[name], after[name]] for name in changed}}))
"""
    changed = json.loads(run(program))
    assert not changed, changed


def test_the_core_is_light_to_import():
    imports = "; ".join(f"import volition.{name}" for name in CORE)
    program = (
        f"import sys; {imports}\n"
        f"loaded = set(sys.modules) & set({NOT_IN_CORE!r})\n"
        "assert not loaded, loaded\n"
    )
    run(program)


def test_importing_alone_loads_not_even_jax():
    run("import sys, volition; assert not {'jax', 'numpy'} & set(sys.modules)")


def test_a_file_of_flags_is_left_alone(tmp_path):
    (tmp_path / "flags").write_text("--xla_backend_optimization_level=0")
    program = "import volition as vl, jax; print(jax.numpy.ones(3).sum())"
    assert run(program, XLA_FLAGS=str(tmp_path / "flags")) == "3.0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes by fork")
def test_a_process_can_still_be_forked():
    program = """
import multiprocessing, volition as vl, volition.inference, volition.probes

def work(queue):
    queue.put(float(vl.env.delivery().discount))

context = multiprocessing.get_context("fork")
queue = context.Queue()
process = context.Process(target=work, args=(queue,))
process.start()
print(queue.get(timeout=60))
process.join(60)
"""
    assert float(run(program)) > 0


@pytest.mark.parametrize("names", [NESTED, NESTED[::-1]], ids=["one", "other"])
def test_packages_are_found_without_imports_of_their_own(names):
    program = "import volition as vl\n" + "\n".join(
        f"print(vl.{name}.__name__)" for name in names
    )
    assert run(program).split() == [f"volition.{name}" for name in names]


@pytest.mark.parametrize("package", ["volition", "volition.env", "volition.inference"])
def test_names_that_load_later_are_listed_and_found(package):
    module = importlib.import_module(package)
    for name in dir(module):
        assert name.startswith("__") or getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"'{package}' has no attribute 'nonsen"):
        _ = module.nonsense


def test_what_checkers_see_is_what_there_is():
    for name in ("fit", "plan", "learn", "rollout", "ask", "audit", "evaluate"):
        assert name in dir(volition)
        assert getattr(volition, name).__name__ == name
        assert importlib.import_module("volition").__dict__[name]


def test_configure_appends_its_option_once():
    program = """
import os, volition as vl
vl.configure()
vl.configure()
print(os.environ["XLA_FLAGS"])
"""
    assert run(program, XLA_FLAGS="") == f"--xla_backend_extra_options={OPTION}\n"
    flags = run(program, XLA_FLAGS="--xla_backend_optimization_level=0")
    assert flags.split() == [
        "--xla_backend_optimization_level=0",
        f"--xla_backend_extra_options={OPTION}",
    ]


@pytest.mark.parametrize(
    ("before", "flags", "words"),
    [
        ("import jax; jax.numpy.ones(3)", "", "computed something"),
        ("", "here/flags", "the file here/flags"),
        ("", "--xla_backend_extra_options=one=1", "already: add"),
    ],
)
def test_configure_says_where_it_cannot(before, flags, words):
    program = f"""
import volition as vl
{before}
try:
    vl.configure()
except ValueError as error:
    print(error)
"""
    assert words in run(program, XLA_FLAGS=flags)
