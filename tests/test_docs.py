"""What the documentation names is there, and each way to be fooled can be seen."""

import ast
import re
from pathlib import Path

import click
import pytest

from volition.cli.usage import run

ROOT = Path(__file__).parent.parent
FOOLED = (ROOT / "docs" / "ways-to-be-fooled.md").read_text()
ENTRIES = {
    part.split("\n", 1)[0]: part
    for part in re.split(r"^### ", FOOLED, flags=re.MULTILINE)[1:]
}
COMMANDS = sorted(set(re.findall(r"^    \$ (.+)$", FOOLED, re.MULTILINE)))


@pytest.mark.parametrize("title", ENTRIES)
def test_each_way_to_be_fooled_has_a_command(title):
    assert re.search(r"^    \$ (pytest|python|volition) ", ENTRIES[title], re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_to_be_run_is_there(command):
    program, what, *rest = command.split()
    if program == "pytest":
        for each in (what, *rest):
            path, _, name = each.partition("::")
            tree = ast.parse((ROOT / path).read_text())
            nodes = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
            assert not name or name in {one.name for one in nodes}
    elif program == "python":
        assert what == "-m"
        assert (ROOT / (rest[0].replace(".", "/") + ".py")).exists()
    else:
        assert (program, what) == ("volition", "run")
        kinds = [one.type for one in run.params]
        named = [kind.choices for kind in kinds if isinstance(kind, click.Choice)]
        assert rest[0] in named[0]
        options = {name for one in run.params for name in one.opts}
        assert {word for word in rest if word.startswith("--")} <= options
