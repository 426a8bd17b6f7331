"""`volition report` and `volition audit`, on folders as studies leave them."""

import json
from pathlib import Path

import jax.numpy as jnp
import pytest

from tests.reference.studies import a_delivery_study, a_highway_study
from volition import record
from volition.env import delivery
from volition.reward import Linear, delivery_true

REPORTS = {"report.html", "report.json", "report.md"}


def test_a_report_is_a_page_json_and_markdown_in_the_folder(volition):
    a_highway_study(Path("study"))
    before = {path.name for path in Path("study").iterdir()}
    code, out, err = volition("report", "study")
    assert (code, err) == (0, "")
    assert out == "The report is study/report.html.\n"
    assert {path.name for path in Path("study").iterdir()} - before == REPORTS
    page = Path("study/report.html").read_text()
    assert page.startswith("<!doctype html>")
    # Written again, it is the same.
    assert volition("report", "study").code == 0
    assert Path("study/report.html").read_text() == page
    read = json.loads(Path("study/report.json").read_text())
    assert read["study"]["study"] == "highway"


def test_one_of_them_alone(volition):
    a_delivery_study(Path("study"))
    code, out, _ = volition("report", "study", "--markdown")
    assert code == 0
    assert out.startswith("# Delivery study")
    code, out, _ = volition("report", "study", "--json")
    assert code == 0
    assert json.loads(out)["title"].startswith("Delivery study")
    assert out.count("\n") == 1
    found = volition("report", "study", "--markdown", "--out", "said.md")
    assert (found.code, found.out) == (0, "The report is said.md.\n")
    assert Path("said.md").read_text().startswith("# Delivery study")
    assert volition("report", "study", "--out", "page.html").code == 0
    assert Path("page.html").read_text().startswith("<!doctype html>")
    assert not REPORTS & {path.name for path in Path("study").iterdir()}


def test_a_report_into_a_folder_that_is_not_there(volition):
    a_delivery_study(Path("study"))
    code, _, err = volition("report", "study", "--out", "nowhere/page.html")
    assert code == 2
    assert "nowhere/page.html cannot be written" in err


@pytest.mark.slow
def test_the_audit_of_a_saved_reward(volition):
    """A coin that pays more than a step costs is a loop; who built it is not told."""
    world = delivery()
    names = list(world.feature_names)
    weights = jnp.asarray([0.0] * len(names)).at[names.index("coin")].set(5.0)
    record.save(Linear(world.feature_names, weights), "coin.json")
    code, out, err = volition("audit", "coin.json", "--json")
    assert code == 0, err
    found = json.loads(out)["rewards"]["coin.json"]
    assert found["verdict"] == "unsafe"
    assert "H1" in {one["probe"] for one in found["findings"]}
    assert "coin.json: unsafe" in err
    assert any(line.startswith("Hackability check:") for line in found["searched"])


@pytest.mark.parametrize("command", ["audit", "evaluate"])
def test_a_reward_of_another_world(volition, command):
    record.save(Linear(("noise",), jnp.asarray([1.0])), "noise.json")
    code, out, err = volition(command, "noise.json")
    assert (code, out) == (2, "")
    assert "of the delivery world" in err or "in the delivery world" in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_the_audit_of_the_truth_finds_nothing(volition):
    record.save(delivery_true(), "truth.json")
    found = volition("audit", "truth.json")
    assert found.code == 0
    assert found.out.startswith("truth.json: nothing found in 9 of 17 checks\n")


@pytest.mark.slow
def test_the_bargain_of_the_chapter_is_found_and_shown(volition, monkeypatch):
    monkeypatch.setattr("volition.study.chapter.N_EPISODES", 20)
    code, out, err = volition("audit", "chapter", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["verdict"] == "unsafe"
    bargain = next(one for one in found["findings"] if one["probe"] == "bargain")
    breaks, keeps = bargain["episodes"]
    assert "crashes at" in breaks["words"]
    assert "no crash" in keeps["words"]
    folder = Path("audits/chapter")
    assert json.loads((folder / "audit.json").read_text()) == found
    for each in (breaks, keeps):
        log = record.from_json(json.loads((folder / each["log"]).read_text()))
        assert log.crashed == ("crashes" in each["words"])
        assert (folder / each["picture"]).read_bytes().startswith(b"\x89PNG")
