"""What an evaluation says, in the report: its numbers, and the marks it earns."""

import json
from pathlib import Path

import pytest

from tests.reference.studies import (
    a_delivery_study,
    a_drive,
    a_highway_study,
    a_reward,
    evaluated,
    one,
)
from volition.report.board import board_svg
from volition.report.charts import bands_svg
from volition.report.document import Bands, Board
from volition.report.evaluated import reward_marks
from volition.report.evaluated_driving import driving_marks
from volition.report.html import to_html
from volition.report.markdown import to_markdown
from volition.report.scorecard import IN_PART, MET, MISSED
from volition.report.study import report_files
from volition.store import InputError

LOW, HIGH = one(0.5, 0.4, 0.6), one(0.25, 0.2, 0.3)


def changed(path: str, value) -> dict:
    """A reward's evaluation with one number changed."""
    made = json.loads(json.dumps(a_reward()))
    *above, last = path.split("/")
    place = made
    for name in above:
        place = place[name]
    place[last] = value
    return made


def test_a_reward_that_does_well_earns_its_marks():
    found = reward_marks({"one": a_reward()})
    statuses = {mark: each.status for mark, each in found.items()}
    # No person was left out, which C6 asks for, too.
    assert statuses.pop("C6") == IN_PART
    assert statuses == dict.fromkeys(("A4", "A5", "U1", "U2", "U3", "U4", "U6"), MET)
    assert "STARC 0.06 [0.03, 0.09]" in found["A4"].words


# Each: what is worse, and the mark that is missed for it and no other.
WORSE = {
    "far from the truth": ("distances/STARC", HIGH, "A4"),
    "far in one coverage": ("distances/EPIC, spread", HIGH, "A4"),
    "a measure that is broken": ("known/equivalent", 0.001, "A4"),
    "the opposite near": ("known/opposite", 0.5, "A4"),
    "one optimiser loses": ("optimised/worst", LOW, "A5"),
    "other boards lose": ("other_boards/scaled_return", LOW, "A5"),
    "lower elsewhere": ("other_boards/gap", HIGH, "C6"),
    "many terms, none shorter": (
        "short_form",
        a_reward()["short_form"]
        | {"weights": dict.fromkeys("abcdefghi", 1.0), "faithful": False},
        "U1",
    ),
    "no faithful short form": ("short_form/faithful", False, "U2"),
    "terms change their order": ("stability/kendall", LOW, "U4"),
    "a term changes its sign": ("stability/turned", ["gas"], "U4"),
    "edits do not turn": ("counterfactuals/flipped", LOW, "U6"),
}


@pytest.mark.parametrize("what", WORSE)
def test_what_is_worse_is_missed_and_the_worst_group_counts(what):
    path, value, mark = WORSE[what]
    found = reward_marks({"good": a_reward(), "bad": changed(path, value)})
    assert found[mark].status == MISSED
    assert "of 2 groups, bad: " in found[mark].words
    assert ("met in 1; " in found[mark].words) == (mark != "C6")
    others = {"U2"} if mark == "U1" else set()
    assert {name for name in found if found[name].status == MISSED} == {mark} | others


def test_where_no_rate_is_told_it_is_said_so():
    found = reward_marks({"one": changed("rates/rates", {})})
    assert found["U3"] == (IN_PART, "no rate is identified, and each says why")


def test_a_road_has_no_table_and_nobody_optimised_the_short_form():
    found = driving_marks(a_drive())
    for mark in ("A4", "A5", "C6", "U2"):
        assert found[mark].status == IN_PART
    for mark in ("U1", "U3", "U4", "U6"):
        assert found[mark].status == MET
    worse = a_drive(reward=a_drive()["reward"] | {"distances": {"EPIC, spread": HIGH}})
    worse["reward"]["distances"]["EPIC, own"] = LOW
    assert driving_marks(worse)["A4"].status == MISSED


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("delivery") / "study"
    a_delivery_study(folder)
    return to_html(report_files(folder)[0])


def test_the_numbers_are_on_the_page(page, tmp_path):
    assert "Value of each tile, one" in page
    assert "1.5→" in page
    assert "answer 7 to question 3: -0.125" in page
    assert "no rate: the weight of goal may be 0." in page
    # A finding is drawn: two steps on the board, then again from the first on.
    assert "The way on the board: (0, 0), right to (0, 1)" in page
    a_highway_study(tmp_path / "study")
    text = to_markdown(report_files(tmp_path / "study")[0])
    assert "| answers of people | 0.938 \\[0.875, 1.000\\]" in text
    assert "0.75 \\[0.50, 1.00\\]" in text


def test_a_path_and_a_profile_are_drawn_with_words():
    way = Board("a way", ("ab", "cd"), path=(0, 1, 1, 3), loop=1, says="around & about")
    drawing = str(board_svg(way, "w"))
    assert "around &amp; about" in drawing
    assert drawing.count("var(--second)") > drawing.count("var(--first)") > 0
    ends = str(board_svg(Board("a way", ("ab", "cd"), path=(0, 1, 3)), "w"))
    assert "var(--second)" not in ends
    line = ("one", (1.0, 0.5), (0.9, 0.4), (1.0, 0.6))
    both = Bands("profile", "score", "share", (0.0, 1.0), (line, line))
    drawing = str(bands_svg(both, "p"))
    assert "var(--first)" in drawing
    assert "var(--second)" in drawing
    with pytest.raises(ValueError, match="at most 3 series"):
        bands_svg(Bands("", "", "", (0.0, 1.0), (line,) * 4), "p")


def test_an_evaluation_of_other_results_is_refused(tmp_path: Path):
    folder = tmp_path / "study"
    a_delivery_study(folder)
    results = folder / "results.json"
    results.write_text(results.read_text().replace("0.75", "0.76"))
    with pytest.raises(InputError, match="of other results than"):
        report_files(folder)
    evaluated(folder, {"rewards": {"one": {}}})
    with pytest.raises(InputError, match="not what this version writes"):
        report_files(folder)


def test_what_was_not_evaluated_is_said_so(tmp_path):
    a_delivery_study(tmp_path / "study")
    (tmp_path / "study" / "evaluation.json").unlink()
    text = to_markdown(report_files(tmp_path / "study")[0])
    assert "Nothing was evaluated. To do it: volition evaluate FOLDER" in text
    line = next(line for line in text.splitlines() if line.startswith("| A4 | "))
    assert line.endswith("| not measured |")
