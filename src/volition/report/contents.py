"""What is in a study's folder, read and checked, for its report."""

import dataclasses
import difflib
import hashlib
from pathlib import Path
from typing import Any

from volition import files
from volition.errors import InputError

MAX_HASHED = 2**40  # bytes of a file that is read piece by piece
MAX_PICTURES = 32 * 2**20  # bytes of all pictures together: a page holds them whole
MAX_NAME = 200  # bytes of a group's name, to which its files add a few
PNG = b"\x89PNG\r\n\x1a\n"  # how one begins
KINDS = ("highway", "delivery", "simulated", "drivers")


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a study has left.

    Args:
        config: what `study.toml` says.
        results: what `results.json` says.
        details: of each group, `runs/NAME.json`.
        audit: what `audit.json` says; None where nothing was audited apart.
        evaluation: what `evaluation.json` says; None where nothing was evaluated.
        pictures: PNG files by their names inside of the folder.
        hashes: SHA-256 of each file that the report rests on, by its name.
        versions: with which it was run; empty where that was not kept.
    """

    config: dict[str, Any]
    results: dict[str, Any]
    details: dict[str, dict[str, Any]]
    audit: dict[str, Any] | None
    evaluation: dict[str, Any] | None
    pictures: dict[str, bytes]
    hashes: dict[str, str]
    versions: dict[str, str]

    @property
    def kind(self) -> str:
        """Which study it is."""
        return self.config["study"]


def read_contents(folder: Path) -> Contents:
    """Read what a study has left in its folder.

    Args:
        folder: of the study.

    Raises:
        InputError: where it is no study's folder, nothing was run in it, or a file is
            damaged.
    """
    config = study_config(folder)
    results = folder / "results.json"
    names = {"study.toml", "results.json"}
    found = read_results(folder, f"say `volition run {config['study']} --out {folder}`")
    details = {}
    for name in found.get("groups", {}) if config["study"] != "drivers" else ():
        path = folder / "runs" / f"{name}.json"
        if path.is_file():
            details[name] = read_json(path)
            names.add(f"runs/{name}.json")
    apart = {}
    for name in ("audit.json", "evaluation.json", "versions.json"):
        if (folder / name).is_file():
            apart[name] = read_json(folder / name)
            names.add(name)
    if (folder / "study.db").is_file():
        names.add("study.db")
    evaluation = apart.get("evaluation.json")
    if evaluation is not None and evaluation.get("of") != file_hash(results):
        raise InputError(
            f"{folder / 'evaluation.json'} is of other results than results.json: say "
            f"`volition evaluate {folder}` again."
        )
    return Contents(
        config=config,
        results=found,
        details=details,
        audit=apart.get("audit.json"),
        evaluation=evaluation,
        pictures=_pictures(folder),
        hashes={name: file_hash(folder / name) for name in sorted(names)},
        versions=apart.get("versions.json", {}),
    )


def study_config(folder: Path) -> dict[str, Any]:
    """What the `study.toml` of a folder says.

    Raises:
        InputError: where the folder is none of a study that can be reported.
    """
    if not folder.is_dir():
        parent = folder.parent
        others = [path.name for path in parent.iterdir()] if parent.is_dir() else []
        near = difflib.get_close_matches(folder.name, others, n=1)
        if near:
            other = parent / near[0]
            raise InputError(f"there is no folder {folder}: did you mean {other}?")
        raise InputError(f"there is no folder {folder}: name the folder of a study.")
    written = folder / "study.toml"
    if not written.is_file():
        raise InputError(
            f"{folder} is no study's folder, it has no study.toml: say `volition run "
            f"STUDY --out {folder}` first, or name another."
        )
    config = files.read_toml(written)
    kind = config.get("study")
    if kind not in KINDS:
        raise InputError(
            f"{folder} is the folder of a study of kind {kind!r}, which has no report: "
            f"those of {', '.join(KINDS)} have one."
        )
    return config


def read_results(folder: Path, how: str = "run the study") -> dict[str, Any]:
    """What the `results.json` of a study says.

    Args:
        folder: of the study.
        how: to get it.

    Raises:
        InputError: where the study has not been run, or the file is damaged, or names
            a group whose files would lie elsewhere.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise InputError(f"{folder} has no results yet: {how} first.")
    found = read_json(path)
    groups = found.get("groups", {})
    if not isinstance(groups, dict):
        raise InputError(
            f"{path} is not what this version writes, as its groups are no table: run "
            "the study again."
        )
    for name in groups:
        # The name is a part of the names of files: it must not lead out of the folder.
        if (
            name in ("", ".", "..")
            or set(name) & set("/\\\0")
            or len(name.encode()) > MAX_NAME
        ):
            said = files.short(name)
            raise InputError(
                f"{path} names a group {said!r}, which cannot be part of the name of a "
                "file: run the study again."
            )
    return found


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        InputError: where it is too large or no JSON object.
    """
    found = files.read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object: run the study again.")
    return found


def _pictures(folder: Path) -> dict[str, bytes]:
    """The PNG files of a study by their names inside of its folder."""
    found, left = {}, MAX_PICTURES
    for path in sorted([*folder.glob("*.png"), *folder.glob("audit/*.png")]):
        content = files.read_bytes(path, left)
        if not content.startswith(PNG):
            raise InputError(f"{path} is no PNG picture: remove it, or draw it again.")
        left -= len(content)
        found[path.relative_to(folder).as_posix()] = content
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with files.open_regular(path, MAX_HASHED) as (stream, _):
        return hashlib.file_digest(stream, "sha256").hexdigest()
