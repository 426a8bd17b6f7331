"""What a study is to do: `study.toml`."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from volition import files
from volition.store import InputError
from volition.study.versions import write_versions

MODELS = ("default", "plain")


@dataclasses.dataclass(frozen=True)
class Config:
    """What a study is to do.

    Args:
        study: "delivery" (answers of real people) or "simulated" (a simulated person).
        model: "default", or "plain" for Bradley-Terry on partial returns, ties as half.
        seed: of everything that is random.
        groups: the groups of people, by name.
    """

    study: str
    model: str
    seed: int
    groups: tuple[str, ...]

    def __post_init__(self):
        if self.model not in MODELS:
            raise InputError(f"the model is one of {MODELS}, not {self.model!r}.")

    def to_toml(self) -> str:
        """The text of `study.toml`."""
        fields = dataclasses.asdict(self) | {"groups": list(self.groups)}
        return files.signed_toml(tomli_w.dumps(fields))


def read_config(path: Path) -> Config:
    """Read a `study.toml`.

    Raises:
        InputError: where it is missing or says something else.
    """
    try:
        fields = files.read_toml(path)
        if not isinstance(fields["groups"], list):
            raise TypeError("its groups are no list")
        return Config(
            study=fields["study"],
            model=fields["model"],
            seed=fields["seed"],
            groups=tuple(fields["groups"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        why = f"{type(error).__name__}: {files.reason(error)}"
        raise InputError(
            f"{path} is not a study's configuration ({why}): give another folder."
        ) from error


def begin_study(name: str, config: Any, folder: Path) -> None:
    """Make a study's folder, or go on in its own, before anything is computed.

    Args:
        name: of the study.
        config: what it is to do, a dataclass; written to `study.toml`. With which
            versions it is done is written to `versions.json`.
        folder: made where it is missing.

    Raises:
        InputError: where the folder is another study's or cannot be made.
    """
    text = tomli_w.dumps({"study": name} | dataclasses.asdict(config))
    written = folder / "study.toml"
    if written.exists() and files.read_toml(written) != tomllib.loads(text):
        raise InputError(f"{written} is another study's: give --out another folder.")
    try:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}): give --out another folder."
        ) from error
    files.write_text(written, files.signed_toml(text))
    write_versions(folder)
