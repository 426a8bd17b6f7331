"""A study's folder from a stranger: read within it, or refused in one sentence."""

import json
import os
from pathlib import Path

import pytest

from tests.reference.studies import a_delivery_study
from volition.report.contents import PNG, read_contents, read_results
from volition.report.html import to_html
from volition.report.study import report_files
from volition.store import InputError


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "study"
    a_delivery_study(folder)
    return folder


def renamed(folder: Path, old: str, new: str) -> None:
    """Give a group another name wherever it stands."""
    results = folder / "results.json"
    found = json.loads(results.read_text())
    groups = {new if k == old else k: v for k, v in found["groups"].items()}
    results.write_text(json.dumps(found | {"groups": groups}))
    (folder / "evaluation.json").unlink(missing_ok=True)


OUTSIDE = [
    "../../outside",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a" * 5000,
    "ü" * 150,
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_group_whose_files_would_lie_elsewhere_is_refused(name, folder):
    (folder.parent / "outside.json").write_text('{"secret": 1}')
    group = next(iter(json.loads((folder / "results.json").read_text())["groups"]))
    renamed(folder, group, name)
    for read in (read_results, read_contents):
        with pytest.raises(InputError, match="cannot be part of the name") as refused:
            read(folder)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 400 + len(str(folder))


STRANGE = ["cost_$5_vs_$10", "a$b", "$x_{1}$", "nice | name", "\u202eback", "^_$$%&#"]


@pytest.mark.parametrize("name", STRANGE)
def test_a_name_is_no_formula(name, folder):
    group = next(iter(json.loads((folder / "results.json").read_text())["groups"]))
    renamed(folder, group, name)
    document, _ = report_files(folder)
    page = to_html(document)
    assert name.replace("&", "&amp;") in page


@pytest.mark.parametrize("groups", [None, [1], "x", 3, {"a": None}, {"a": [1]}])
def test_groups_that_are_none_are_refused(groups, folder):
    results = folder / "results.json"
    results.write_text(json.dumps(json.loads(results.read_text()) | {"groups": groups}))
    (folder / "evaluation.json").unlink(missing_ok=True)
    with pytest.raises(InputError) as refused:
        report_files(folder)
    assert "\n" not in str(refused.value)


PICTURES = {
    "is a device": lambda path: path.symlink_to("/dev/zero"),
    "is a pipe": os.mkfifo,
    "is a link to nothing": lambda path: path.symlink_to("/nowhere"),
    "is a folder": lambda path: path.mkdir(),
    "is no PNG picture": lambda path: path.write_text("hello"),
}


@pytest.mark.parametrize("said", PICTURES)
@pytest.mark.parametrize("place", ["x.png", "audit/x.png"])
def test_a_picture_that_is_none_is_refused_at_once(said, place, folder):
    (folder / "audit").mkdir(exist_ok=True)
    PICTURES[said](folder / place)
    with pytest.raises(InputError, match=said):
        read_contents(folder)


def test_pictures_are_read_up_to_a_bound_together(folder, monkeypatch):
    before = read_contents(folder).pictures
    size = sum(map(len, before.values()))
    for name in "ab":
        (folder / f"{name}.png").write_bytes(PNG + bytes(100))
    monkeypatch.setattr("volition.report.contents.MAX_PICTURES", size + 250)
    assert {"a.png", "b.png"} <= read_contents(folder).pictures.keys()
    monkeypatch.setattr("volition.report.contents.MAX_PICTURES", size + 150)
    with pytest.raises(InputError, match=r"b\.png has 108 bytes, more than the"):
        read_contents(folder)


DEEP = '{"groups":' * 50_000 + "1" + "}" * 50_000


@pytest.mark.parametrize("content", ["", "[1]", "{", DEEP, '{"groups": {"a": NaN}}'])
@pytest.mark.parametrize("name", ["results.json", "versions.json", "audit.json"])
def test_damaged_json_is_refused(name, content, folder):
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name} (is damaged|holds no JSON object)"):
        read_contents(folder)
