"""The report of a study: a page that stands alone, and as JSON and Markdown."""

import itertools
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from tests.reference.studies import (
    a_delivery_study,
    a_drivers_study,
    a_highway_study,
    a_reward,
    evaluated,
)
from volition.report.html import to_html
from volition.report.markdown import to_markdown
from volition.report.scorecard import AXES, MET, MISSED, Found, scorecard
from volition.report.study import report_files, to_json
from volition.store import InputError

STUDIES = {
    "highway": a_highway_study,
    "delivery": a_delivery_study,
    "drivers": a_drivers_study,
}
NOT_CLOSED = {"meta", "img", "link", "br"}


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in NOT_CLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes what is not open"

    def handle_data(self, data):
        self.text.append(data)

    def all(self, *names):
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture(scope="module", params=STUDIES)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / request.param
    STUDIES[request.param](folder)
    document, contents = report_files(folder)
    return document, contents, to_html(document)


def test_a_page_needs_nothing_but_itself(made):
    page = Page(made[2])
    assert not page.open
    assert not page.all("script", "link", "iframe", "object", "embed", "base", "form")
    assert all(each["src"].startswith("data:image/png") for each in page.all("img"))
    targets = {each["id"] for _, each in page.tags if "id" in each}
    for _, each in page.tags:
        assert not any(name.startswith("on") for name in each)
        for name in ("href", "xlink:href"):
            assert name not in each or each[name][1:] in targets
            assert name not in each or each[name][0] == "#"
    assert "://" not in re.sub(r"data:image/png;base64,[^\"]+", "", made[2])
    assert "@import" not in made[2]


def test_a_page_can_be_read_by_everybody(made):
    page = Page(made[2])
    assert page.all("html") == [{"lang": "en"}]
    names = [each["id"] for _, each in page.tags if "id" in each]
    assert len(names) == len(set(names))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table")) > 2
    assert all(each["scope"] in ("col", "row") for each in page.all("th"))
    assert all(each["alt"] for each in page.all("img"))
    drawings = page.all("svg")
    assert drawings
    for each in drawings:
        assert each["role"] == "img"
        assert set(each["aria-labelledby"].split()) <= set(names)
    regions = [each for _, each in page.tags if each.get("role") == "region"]
    labels = [each["aria-label"] for each in regions]
    assert len(set(labels)) == len(labels) == len(page.all("table"))


def test_the_three_say_the_same(made):
    document, contents, page = made
    read = json.loads(to_json(document, contents))
    text, plain = to_markdown(document), "".join(Page(page).text)
    assert read["title"] in plain
    assert text.startswith(f"# {document.title}\n")

    def tables(section):
        for block in section["blocks"]:
            blocks = block if isinstance(block, list) else [block]
            yield from (one for one in blocks if one["kind"] == "table")
        for part in section["parts"]:
            yield from tables(part)

    n_estimates = 0
    for section in read["sections"]:
        assert section["title"] in plain
        for table in tables(section):
            assert table["caption"] in plain
            assert f"**{table['caption']}**" in text.replace("\\", "")
            for row in table["rows"]:
                n_estimates += sum(isinstance(cell, dict) for cell in row)
                assert str(row[0]) in plain
    assert n_estimates > 1


def test_no_two_sections_have_one_title(made):
    """Who goes through a page by its landmarks could not tell them apart."""

    def titles(sections):
        for section in sections:
            yield section.title
            yield from titles(section.parts)

    found = list(titles(made[0].sections))
    assert len(set(found)) == len(found)


def test_the_same_folder_gives_the_same_page(made):
    document, _, page = made
    assert to_html(document) == page


def test_numbers_are_those_of_the_study(tmp_path):
    a_highway_study(tmp_path / "study")
    document, contents = report_files(tmp_path / "study")
    text = to_markdown(document)
    row = next(line for line in text.splitlines() if line.startswith("| speed - col"))
    assert "12.25 \\[11.00, 13.50\\]" in row
    assert "230.5 \\[174.9, 287.0\\]" in row
    read = json.loads(to_json(document, contents))
    assert read["study"]["seed"] == 3
    assert read["versions"] == {"volition": "0.1.0"}
    assert set(read["files"]) == {
        "audit.json",
        "evaluation.json",
        "results.json",
        "study.toml",
        "versions.json",
    }
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in read["files"].values())


def test_replays_are_drawn_and_where_they_are_not_told(tmp_path):
    a_highway_study(tmp_path / "study")
    page = Page(to_html(report_files(tmp_path / "study")[0]))
    says = [each["alt"] for each in page.all("img")]
    assert any("it breaks it." in each for each in says)
    assert not any("it keeps it." in each for each in says)
    assert "keeps it: it keeps it." in "".join(page.text)


def test_what_was_not_audited_is_said_so(tmp_path):
    a_highway_study(tmp_path / "study", audited=False)
    text = to_markdown(report_files(tmp_path / "study")[0])
    assert "The reward was not audited." in text
    assert "| U7 | " in text
    line = next(line for line in text.splitlines() if line.startswith("| U7 | "))
    assert line.endswith("| not measured |")


def test_what_users_wrote_stays_text(tmp_path):
    name = "<script>alert(1)<b> | *a* [x](y) `c` &amp;"
    a_delivery_study(tmp_path / "study", name.replace("/", ""))
    document, contents = report_files(tmp_path / "study")
    page = Page(to_html(document))
    assert not page.all("script", "b")
    assert name in "".join(page.text)
    text = to_markdown(document)
    assert "<script>" not in text.replace("\\<", "")
    assert " | *a*" not in text
    assert f'["{name}", "regret", 16' in to_json(document, contents)


def test_the_scorecard_grades_only_what_was_measured():
    accurate, comprehensive, _ = scorecard({"A2": Found(MISSED, "0.2")})
    assert accurate.note == "No grade: 1 of 7 marks measured in full, 0 met."
    statuses = [row[4] for row in accurate.rows]
    assert statuses == ["not measured", "missed", *["not measured"] * 5]
    assert comprehensive.note.startswith("No grade: 0 of 7")
    every = dict.fromkeys(AXES["Comprehensive"], Found(MET, "all"))
    graded = scorecard(every | {"C1": Found(MISSED, "9 of 10")})[1]
    assert graded.note == "86 of 100: 6 of 7 marks are met."
    with pytest.raises(ValueError, match="no mark 'A9'"):
        scorecard({"A9": Found(MET, "")})


def test_results_of_another_version_are_refused(tmp_path):
    a_highway_study(tmp_path / "study", audited=False)
    (tmp_path / "study" / "results.json").write_text('{"scores": {"a": {"train": 1}}}')
    with pytest.raises(InputError, match="not what this version writes"):
        report_files(tmp_path / "study")


def shades(text: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#\w{6});", text))


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_of_text_is_far_from_the_paper():
    """4.5 to 1 for text, 3 to 1 for dots and lines: WCAG 2.2, AA."""
    css = Path(str(files("volition.report").joinpath("page.css"))).read_text()
    light, dark = css.split("@media screen and (prefers-color-scheme: dark)")
    for part in (light, dark.split("* {")[0]):
        found = shades(part)
        paper = luminance(found["paper"])
        for name in ("ink", "quiet", "link", "first", "second", "third"):
            other = luminance(found[name])
            low, high = sorted((paper, other))
            least = 3.0 if name == "first" else 4.5
            assert (high + 0.05) / (low + 0.05) >= least, name


@pytest.mark.parametrize("converged", [True, False])
def test_what_did_not_converge_is_flagged_beside_its_numbers(tmp_path, converged):
    folder = tmp_path / "study"
    a_delivery_study(folder)
    results = json.loads((folder / "results.json").read_text())
    results["groups"]["one"]["converged"] = converged
    (folder / "results.json").write_text(json.dumps(results))
    evaluated(folder, {"rewards": {"one": a_reward()}})
    text = to_markdown(report_files(folder)[0])
    assert ("regret (NOT CONVERGED)" in text) != converged
    assert ("Inference did not converge for one: do not use" in text) != converged
