"""The report of a study: what its folder holds, as a document."""

import json
from collections.abc import Callable
from pathlib import Path

from volition import files
from volition.report.answers import answers_document
from volition.report.contents import Contents, read_contents
from volition.report.document import Document
from volition.report.drivers import drivers_document
from volition.report.highway import highway_document
from volition.store import InputError

DOCUMENTS: dict[str, Callable[[Contents], Document]] = {
    "highway": highway_document,
    "delivery": answers_document,
    "simulated": answers_document,
    "drivers": drivers_document,
}


def study_document(contents: Contents) -> Document:
    """What a study's report says.

    Args:
        contents: of its folder.

    Raises:
        InputError: where its files are not what this version writes.
    """
    try:
        return DOCUMENTS[contents.kind](contents)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"the results of this {contents.kind} study are not what this version "
            f"writes ({type(error).__name__}: {files.reason(error)}): run it again."
        ) from error


def to_json(document: Document, contents: Contents) -> str:
    """The report as one line of JSON.

    Args:
        document: what it says.
        contents: what it rests on.
    """
    made = {
        "study": contents.config,
        "versions": contents.versions,
        "files": contents.hashes,
    }
    return json.dumps(document.record() | made, allow_nan=False)


def report_files(folder: Path) -> tuple[Document, Contents]:
    """The report of a study's folder, and what it rests on.

    Raises:
        InputError: where the folder holds no study with results.
    """
    contents = read_contents(folder)
    return study_document(contents), contents
