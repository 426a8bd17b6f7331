"""Parse XML from strangers: without entities, and not more than fits into memory."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from volition.store.errors import InputError

MAX_PARTS = 1_000_000  # elements and attributes; each takes some 100 bytes in memory
MAX_DEPTH = 64  # of elements in elements; CommonRoad's have 8


def xml_events(text: bytes, name: str) -> Iterator[tuple[str, ET.Element]]:
    """The starts and ends of the elements of a text, as `ElementTree.iterparse`.

    Args:
        text: XML in UTF-8 or another encoding that writes tags in ASCII.
        name: of it, for messages.

    Raises:
        InputError: where it is no XML, declares a document type, by which a short text
            can stand for a long one or for another file, or has too many or too deep
            elements.
    """
    if b"<!DOCTYPE" in text:
        raise InputError(
            f"{name} declares a document type (<!DOCTYPE>), which recordings do not "
            "need: remove it."
        )
    if b"\0" in text:
        raise InputError(f"{name} is not in UTF-8: save it again in that encoding.")
    if text.count(b"<") + text.count(b"=") > MAX_PARTS:
        raise InputError(
            f"{name} has more than {MAX_PARTS} elements and attributes: give less at a "
            "time."
        )
    depth = 0
    try:
        for event, element in ET.iterparse(io.BytesIO(text), events=("start", "end")):
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                raise InputError(
                    f"{name} has elements in elements, more than {MAX_DEPTH} deep, "
                    "which no recording has: copy it again."
                )
            yield event, element
    except InputError:
        raise
    except (ET.ParseError, LookupError, ValueError) as error:  # or an unknown encoding
        why = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name} is not XML that can be read ({why}): copy it again."
        ) from error
