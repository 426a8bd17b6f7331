"""The structure of the package: who may import whom, how long a file may be."""

import ast
from pathlib import Path

import pytest

import volition

SOURCE = Path(volition.__file__).parent
# The folder tree is the dependency order: each package imports only from those above.
ORDER = (
    "lazy",
    "errors",
    "files",
    "expect",
    "configure",
    "gymnasium_ids",
    "record",
    "env",
    "policy",
    "reward",
    "value",
    "feedback",
    "human",
    "inference",
    "query",
    "evaluation",
    "probes",
    "testing",
    "store",
    "study",
    "report",
    "web",
    "cli",
)
LAZILY = ast.dump(ast.parse("__getattr__, __dir__ = lazily(__name__)").body[0])
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "base"}
FILES = sorted(SOURCE.rglob("*.py"))
HARD_LIMIT = 500


def package_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "volition":
                names = [f"volition.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("volition.")}
    return found


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent != SOURCE], ids=str
)
def test_imports_only_from_packages_above(path):
    own = ORDER.index(package_of(path))
    below = {name for name in imported_packages(path) if ORDER.index(name) > own}
    assert not below, f"{path} imports from {below}, which are below it"


def test_every_package_has_its_place_in_the_order():
    assert {package_of(path) for path in FILES} - {"__init__"} <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_file_is_too_long_or_vaguely_named(path):
    assert len(path.read_text().splitlines()) <= HARD_LIMIT
    assert path.stem.strip("_") not in VAGUE or path.stem == "__init__"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name == "__init__.py"], ids=str
)
def test_init_files_hold_no_logic(path):
    imports = (ast.Import, ast.ImportFrom, ast.Expr)
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.If):  # names that are loaded when they are used
            assert ast.unparse(node.test) == "TYPE_CHECKING"
            assert all(isinstance(each, imports) for each in node.body)
        elif not isinstance(node, imports):
            assert ast.dump(node) == LAZILY


def test_no_pickle_in_the_sources():
    for path in FILES:
        text = path.read_text()
        assert "import pickle" not in text
        assert "allow_pickle=True" not in text
