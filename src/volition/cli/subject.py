"""What a command is said to be about: a saved reward, or a study that has results."""

from pathlib import Path
from typing import Any

from volition import record
from volition.cli.start import InputError
from volition.report.contents import read_json
from volition.reward import AbstractReward


def saved_reward(path: Path) -> AbstractReward:
    """The reward in a file.

    Raises:
        InputError: where it is missing, damaged, or no reward.
    """
    try:
        reward = record.load(path)
    except ValueError as error:
        raise InputError(str(error)) from error
    if not isinstance(reward, AbstractReward):
        raise InputError(
            f"{path} holds a {type(reward).__name__}: give the file of a reward."
        )
    return reward


def study_results(folder: Path) -> dict[str, Any]:
    """What the `results.json` of a study says.

    Raises:
        InputError: where the study has not been run, or the file is damaged.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise InputError(f"{folder} has no results yet: run the study first.")
    return read_json(path)
