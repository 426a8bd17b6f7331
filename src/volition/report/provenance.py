"""The part of every report that says how to make its numbers again."""

from volition.report.contents import Contents
from volition.report.document import Listing, Prose, Section, Table


def provenance(contents: Contents, how: tuple[str, ...]) -> Section:
    """Settings, seeds, versions, and the hash of each file that the report rests on.

    Args:
        contents: of the study's folder.
        how: what a reader should know of the way the numbers were made.
    """
    settings = Table(
        "Settings",
        ("setting", "value"),
        tuple((name, _value(value)) for name, value in contents.config.items()),
        note="As study.toml has them. Everything that is random comes from the seed.",
    )
    versions = Table(
        "Versions",
        ("package", "version"),
        tuple(contents.versions.items()),
        note="With which the study was run.",
    )
    files = Table(
        "Files",
        ("file", "SHA-256"),
        tuple(contents.hashes.items()),
        note="Of the data, the settings and what came out, in the study's folder.",
    )
    unknown = Prose("With which versions the study was run was not kept.")
    return Section(
        "made",
        "How this was made",
        (
            Listing(how),
            settings,
            versions if contents.versions else unknown,
            files,
        ),
    )


def _value(value) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
