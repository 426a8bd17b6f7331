"""The folder of a study that people answer: what is asked, and how it begins."""

import dataclasses
import os
import reprlib
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from volition import record
from volition.store import Evidence, InputError, read_small_text
from volition.study.clips import CLIPS

KIND = "label"  # what `study.toml` says
MOST_QUESTIONS = 10_000  # more than there are pairs of clips; ours
LARGEST_SEED = 2**31 - 1
LONGEST_TOML = 2**16  # bytes; ours


@dataclasses.dataclass(frozen=True)
class LabelConfig:
    """What people are asked.

    Args:
        env: "delivery" or "highway".
        n_questions: that each person is asked.
        seed: of everything that is random.

    Raises:
        InputError: for another world, or no question.
    """

    env: str = "delivery"
    n_questions: int = 20
    seed: int = 0

    def __post_init__(self):
        if not isinstance(self.env, str) or self.env not in CLIPS:
            raise InputError(
                f"the world is one of {tuple(CLIPS)}, not {reprlib.repr(self.env)}."
            )
        for name, low, high in (
            ("n_questions", 1, MOST_QUESTIONS),
            ("seed", 0, LARGEST_SEED),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise InputError(
                    f"{name} = {reprlib.repr(value)} must be a whole number from {low} "
                    f"to {high}."
                )


def begin_label(folder: Path, config: LabelConfig) -> None:
    """Make a study's folder, its `study.toml` and `study.db`: whole, or not at all.

    Raises:
        InputError: where the folder is there, or cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            settings = dataclasses.asdict(config)
            text = tomli_w.dumps({"study": KIND} | settings)
            record.write_text(part / "study.toml", text)
            # Here, and nowhere else: a file that is missing later is missed.
            with Evidence(part / "study.db", make=True) as evidence:
                evidence.begin(settings)
            _settle(part)
            part.chmod(0o755)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _settle(folder.parent)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made a study's folder ({error.strerror}): name "
            "another."
        ) from error


def _settle(folder: Path) -> None:
    """Have the names in a folder written to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_label(folder: Path) -> LabelConfig:
    """What people are asked in a study.

    Raises:
        InputError: where the folder is not one of a study that people answer.
    """
    path = folder / "study.toml"
    try:
        fields = tomllib.loads(read_small_text(path, LONGEST_TOML))
    except FileNotFoundError as error:
        what = "is an empty folder" if _is_empty(folder) else "is not a study's folder"
        raise InputError(
            f"{folder} {what}: name one that is not there yet, and it is made."
        ) from error
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not a study's configuration ({error}): name another folder."
        ) from error
    kind = fields.pop("study", None)
    if kind != KIND:
        raise InputError(
            f"{folder} holds a study of another kind, {reprlib.repr(kind)}, in which "
            "nobody is asked: name another folder."
        )
    try:
        return LabelConfig(**fields)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except TypeError as error:
        raise InputError(
            f"{path} is not the configuration of a study that people answer "
            f"({error}): name another folder."
        ) from error


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def check_settings(
    folder: Path, config: LabelConfig, settings: dict[str, Any] | None
) -> None:
    """That `study.toml` is as it was when the study began.

    Args:
        folder: the study's.
        config: what `study.toml` says.
        settings: what it said, by the study's evidence; None: not known.

    Raises:
        InputError: where it says something else.
    """
    for name, value in dataclasses.asdict(config).items():
        # Studies that were begun by an older version do not know.
        began = (settings or {}).get(name, value)
        if began != value:
            raise InputError(
                f"{folder / 'study.toml'} says {name} = {value!r}, and the study began "
                f"with {began!r}: write that, or name another folder."
            )
