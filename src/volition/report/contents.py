"""What is in a study's folder, read and checked, for its report."""

import dataclasses
import difflib
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from volition.input_error import InputError

LARGEST = 64 * 2**20  # bytes of a file that is read whole
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
    if not results.is_file():
        raise InputError(
            f"{folder} has no results yet: say `volition run {config['study']} --out "
            f"{folder}` first."
        )
    names = {"study.toml", "results.json"}
    found = read_json(results)
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
    pictures = sorted([*folder.glob("*.png"), *folder.glob("audit/*.png")])
    return Contents(
        config=config,
        results=found,
        details=details,
        audit=apart.get("audit.json"),
        evaluation=evaluation,
        pictures={
            path.relative_to(folder).as_posix(): _bytes(path) for path in pictures
        },
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
    try:
        config = tomllib.loads(_bytes(written).decode())
    except ValueError as error:
        raise InputError(
            f"{written} is damaged ({str(error).rstrip('.')}): run the study again."
        ) from error
    kind = config.get("study")
    if kind not in KINDS:
        raise InputError(
            f"{folder} is the folder of a study of kind {kind!r}, which has no report: "
            f"those of {', '.join(KINDS)} have one."
        )
    return config


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        InputError: where it is too large or no JSON object.
    """
    try:
        found = json.loads(_bytes(path))
    except ValueError as error:
        raise InputError(
            f"{path} is damaged ({str(error).rstrip('.')}): run the study again."
        ) from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object: run the study again.")
    return found


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path} is larger than {LARGEST} bytes: not a study's file.")
    return path.read_bytes()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(2**20):
            found.update(part)
    return found.hexdigest()
