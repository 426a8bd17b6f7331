"""The page in a real browser: nothing sticks out, and axe-core finds no violation.

Needs Chromium, and axe-core's one file, which is not part of this project:

    $ npm pack axe-core && tar xf axe-core-*.tgz
    $ AXE_CORE=$PWD/package/axe.min.js pytest -m slow tests/report/test_in_browser.py

The page is shown in a frame of the width that is tested, as windows have a least width.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.reference.studies import a_delivery_study, a_drivers_study, a_highway_study
from volition.report.html import to_html
from volition.report.study import report_files

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=60000",
    "--window-size=1400,1000",
    "--dump-dom",
)
STUDIES = {
    "highway": a_highway_study,
    "delivery": a_delivery_study,
    "drivers": a_drivers_study,
}
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const said = found.violations.map(one => [one.id, one.help, one.nodes[0].html]);
  const wide = document.documentElement.scrollWidth;
  parent.document.getElementById("found").textContent = JSON.stringify(
    {violations: said, wide: wide, passes: found.passes.length});
});
"""


def looked_at(page: str, width: int, scheme: str, folder: Path) -> dict:
    """What axe-core finds, and how wide the page is."""
    axe = os.environ.get("AXE_CORE")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: install it to look at pages.")
    if not axe:
        pytest.skip("AXE_CORE is not set: name axe-core's axe.min.js.")
    scripts = f"<script>{Path(axe).read_text()}</script><script>{RUN}</script>"
    page = page.replace("</body>", scripts + "</body>")
    outer = folder / "outer.html"
    outer.write_text(
        '<!doctype html><meta charset="utf-8"><pre id="found"></pre>'
        f'<iframe width="{width}" height="900" style="border: 0; color-scheme: '
        f'{scheme}" srcdoc="{html.escape(page)}"></iframe>'
    )
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [*command, outer.as_uri()], capture_output=True, text=True, check=True
    )
    said = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, flags=re.S)
    assert said is not None, "the check did not come to its end"
    return json.loads(html.unescape(said[1]))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("study", STUDIES)
def test_it_fits_and_has_no_violation(study, width, scheme, tmp_path):
    STUDIES[study](tmp_path / "study")
    page = to_html(report_files(tmp_path / "study")[0])
    found = looked_at(page, width, scheme, tmp_path)
    assert found["passes"] > 10
    assert found["violations"] == []
    assert found["wide"] <= width


@pytest.mark.slow
def test_the_check_notices_what_cannot_be_read(tmp_path):
    """Pictures without words, and grey on grey in the dark alone."""
    a_highway_study(tmp_path / "study")
    page = to_html(report_files(tmp_path / "study")[0])
    assert "--ink: #e8eaec" in page
    worse = page.replace(' alt="', ' data-alt="').replace("#e8eaec", "#404040")
    found = looked_at(worse, 1280, "dark", tmp_path)
    assert {one[0] for one in found["violations"]} == {"image-alt", "color-contrast"}
    (tmp_path / "light").mkdir()
    found = looked_at(worse, 1280, "light", tmp_path / "light")
    assert {one[0] for one in found["violations"]} == {"image-alt"}
