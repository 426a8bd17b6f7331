"""`volition report`: what a study found, as a page."""

from pathlib import Path

import click

from volition import files, record
from volition.cli.start import InputError
from volition.report.document import Document
from volition.report.markdown import to_markdown
from volition.report.study import report_files, to_json


def report(folder: Path, out: Path | None, as_json: bool, markdown: bool) -> None:
    """Write the report of a study: report.html, report.json and report.md."""
    document, contents = report_files(files.named(str(folder)))
    made = to_json(document, contents) + "\n" if as_json else to_markdown(document)
    if as_json or markdown:
        if out is None:
            click.echo(made, nl=False)
            return
        _write(out, made)
    elif out is not None:
        _write(out, _page(document))
    else:
        page = _page(document)
        _write(folder / "report.md", made)
        _write(folder / "report.json", to_json(document, contents) + "\n")
        _write(out := folder / "report.html", page)
    click.echo(f"The report is {out}.")


def _page(document: Document) -> str:
    try:
        from volition.report.html import to_html
    except ImportError as error:
        raise InputError(
            "a page needs jinja2 and matplotlib: pip install 'volition[report]', or "
            "say --markdown or --json."
        ) from error
    return to_html(document)


def _write(path: Path, text: str) -> None:
    try:
        record.write_text(path, text)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}): give --out another."
        ) from error
