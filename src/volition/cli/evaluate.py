"""`volition evaluate`: how good is what a study left, with intervals?"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import jax
from rich.console import Console

from volition import files, record
from volition.cli.progress import progress_bar
from volition.cli.start import InputError
from volition.cli.subject import saved_reward
from volition.evaluation import Estimate
from volition.report.contents import file_hash, read_results, study_config
from volition.report.estimates import estimate
from volition.study.evaluation import (
    OF_A_GROUP,
    OF_A_REWARD,
    evaluate_group,
    evaluate_highway,
    evaluate_reward,
    highway_evaluation_steps,
    read_highway,
    read_posteriors,
)
from volition.study.run import number_of, to_text

AGAIN = "is not what this version writes: run the study again"


def evaluate(subject: str, seed: int, as_json: bool) -> None:
    """Score rewards, policies, and how well a reward explains itself."""
    path = files.named(subject)
    found = _file(path, seed) if path.is_file() else _study(path, seed)
    _show(Console(stderr=as_json), found)
    if as_json:
        click.echo(json.dumps(found, allow_nan=False))
    elif path.is_dir():
        click.echo(f"The evaluation is {path / 'evaluation.json'}.")


def _file(path: Path, seed: int) -> dict[str, Any]:
    reward = saved_reward(path)
    with progress_bar(OF_A_REWARD) as progress:
        try:
            one = evaluate_reward(jax.random.key(seed), reward, progress)
        except (ValueError, RuntimeError) as error:
            raise InputError(
                "the reward cannot be evaluated in the delivery world: "
                f"{str(error).rstrip('.')}."
            ) from error
    return _plain({"seed": seed, "rewards": {path.name: one}})


def _study(folder: Path, seed: int) -> dict[str, Any]:
    """The evaluation of a study, into its folder."""
    config = study_config(folder)
    if config["study"] == "drivers":
        raise InputError(
            f"{folder} holds what drivers wanted, whose scores its run has already: "
            "there is nothing more to evaluate."
        )
    path = folder / "results.json"
    results = read_results(folder)
    made = _highway if config["study"] == "highway" else _groups
    found = made(folder, config, results, seed)
    found = _plain({"of": file_hash(path), "seed": seed} | found)
    record.write_text(folder / "evaluation.json", to_text(found, indent=1) + "\n")
    return found


def _groups(
    folder: Path, config: dict[str, Any], results: dict[str, Any], seed: int
) -> dict[str, Any]:
    names = results.get("groups")
    if not isinstance(names, dict) or list(names) != config.get("groups"):
        raise InputError(f"{folder / 'results.json'} {AGAIN}.")
    posteriors = read_posteriors(folder, list(names))
    rewards = {}
    with progress_bar(OF_A_GROUP * len(posteriors)) as progress:
        for name, posterior in posteriors.items():
            progress.where = name
            # As in the study, a group's key depends on its name alone.
            key = jax.random.fold_in(jax.random.key(seed), number_of(name))
            rewards[name] = evaluate_group(key, posterior, progress)
    return {"rewards": rewards}


def _highway(
    folder: Path, config: dict[str, Any], results: dict[str, Any], seed: int
) -> dict[str, Any]:
    study = read_highway(folder, config, results)
    with progress_bar(highway_evaluation_steps(study)) as progress:
        return evaluate_highway(jax.random.key(seed), study, progress)


def _plain(value: Any) -> Any:
    """JSON values in which a number that is not there is null."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    known = not isinstance(value, float) or abs(value) < float("inf")
    return value if known else None


def _show(console: Console, found: dict[str, Any]) -> None:
    say = lambda text: console.print(
        text, soft_wrap=True, highlight=False, markup=False
    )
    if "driving" in found:
        for line in _driving_lines(found["driving"]):
            say(line)
    for name, one in _rewards(found):
        say(f"{name}:")
        for line in _reward_lines(one):
            say(f"  {line}")


def _rewards(found: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    if "rewards" in found:
        return found["rewards"].items()
    return ((f"the reward of {found['subject']}", found["reward"]),)


def _driving_lines(driving: dict[str, Any]) -> Iterable[str]:
    yield f"Scaled returns, where {driving['scale']}:"
    for who, places in driving["drivers"].items():
        parts = [f"{where} {_told(places[where]['iqm'])}" for where in driving["roads"]]
        yield f"  {who}: interquartile mean {'; '.join(parts)}"
        if "gap" in places:
            held_out = places["held out"]
            yield (
                f"    held out: optimality gap {_told(held_out['optimality_gap'])}; "
                f"better than always braking {_told(held_out['improvement'])}"
            )


def _reward_lines(one: dict[str, Any]) -> Iterable[str]:
    for name, distance in one["distances"].items():
        yield f"distance, {name}: {_told(distance)}"
    yield f"order of policies, Kendall's tau: {_told(one['order']['kendall'])}"
    if "optimised" in one:
        worst = one["optimised"]
        yield (
            f"scaled return, worst of {len(worst['by'])} ways to optimise it "
            f"({worst['worst_optimiser']}): {_told(worst['worst'])}"
        )
        yield (
            f"scaled return on other boards: "
            f"{_told(one['other_boards']['scaled_return'])}"
        )
    short = one["short_form"]
    yield f"in short: {short['reward']}"
    yield f"  {short['message']} Order kept: {_told(short['agreement'])}"
    for name, rate in one.get("rates", {}).get("rates", {}).items():
        unit = one["rates"]["unit_feature"]
        yield f"one {name} is worth {_told(rate)} {unit}"
    if "stability" in one:
        steady = one["stability"]
        yield (
            f"order of terms, Kendall's tau: {_told(steady['kendall'])}; signs that "
            f"change: {', '.join(steady['turned']) or 'none'}"
        )
    flipped = one["counterfactuals"]["flipped"]
    if flipped is not None:
        yield f"smallest edits that turn a decision: {_told(flipped)}"


def _told(value: dict[str, Any]) -> str:
    found: Estimate = estimate(value)
    if found.interval.startswith("exact"):
        return f"{found.value:.3f} (exact)"
    return str(found)
