"""Environments of the peers: made on request, each by itself, under a cache folder."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import say


def folder() -> Path:
    """Where they lie: `VOLITION_CACHE`, or else under the user's cache."""
    chosen = os.environ.get("VOLITION_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "volition"


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The Python of an environment that holds these packages."""
    place = folder() / "peers" / name
    python, complete = place / "bin" / "python", place / "complete.json"
    wanted = sorted(requirements)
    if complete.is_file() and json.loads(complete.read_text()) == wanted:
        return python
    say(f"{name}: installing {', '.join(wanted)} under {place}")
    venv.create(place, clear=True, with_pip=True)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *wanted],
        check=True,
        stdout=sys.stderr,
    )
    complete.write_text(json.dumps(wanted))
    return python


def ask(python: str | Path, script: Path, *arguments: object) -> Any:
    """Run a script that prints one line of JSON last, on the core we are pinned to."""
    done = subprocess.run(
        [python, script, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
