"""`volition audit`: does a reward pay for what nobody wants?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
from rich.console import Console

from volition import files, record
from volition.cli.progress import progress_bar
from volition.cli.start import InputError
from volition.cli.subject import saved_reward
from volition.env import delivery, driving
from volition.evaluation import Estimate
from volition.policy import AbstractPolicy
from volition.probes import Known, PlayedAudit, audit as audit_table
from volition.report.contents import read_results, study_config
from volition.report.driving_text import episode_in_words
from volition.reward import AbstractReward, delivery_true
from volition.study.chapter import CHAPTER, audit_chapter, saved_policies, scene_of
from volition.study.highway import Blind
from volition.study.run import to_text

N_MOMENTS = 6  # of a replay


def audit(subject: str, seed: int, out: Path | None, as_json: bool) -> None:
    """Look for what a reward pays for and nobody wants."""
    path = files.named(subject)
    if subject == "chapter":
        # As arrays, so that the second one compiles nothing.
        one = jnp.eye(len(driving.ACTIONS), dtype=jnp.float32)
        policies = {
            "always faster": Blind(one[driving.FASTER]),
            "always slower": Blind(one[driving.SLOWER]),
        }
        found = _chapter(policies, out or Path("audits") / "chapter", seed)
    elif path.is_file():
        found = {"rewards": {path.name: _finite(saved_reward(path))}}
    else:
        found = _study(path, seed)
    _show(Console(stderr=as_json), found)
    if as_json:
        click.echo(to_text(found))


def _study(folder: Path, seed: int) -> dict[str, Any]:
    """What the audit of a study finds; into its folder for the highway."""
    config = study_config(folder)
    if config["study"] == "drivers":
        raise InputError(
            f"{folder} holds what drivers wanted, which nobody optimised: there is no "
            "audit of it."
        )
    path = folder / "results.json"
    results = read_results(folder)
    highway = config["study"] == "highway"
    names = results.get("scores" if highway else "groups")
    if not isinstance(names, dict) or (highway and CHAPTER not in names):
        raise InputError(
            f"{path} is not what this version writes: run the study again."
        )
    if highway:
        return _chapter(saved_policies(folder, list(names)), folder, seed)
    rewards = {
        name: _finite(saved_reward(folder / "runs" / f"{name}.reward.json"))
        for name in names
    }
    return {"rewards": rewards}


def _finite(reward: AbstractReward) -> dict[str, Any]:
    """The audit of a reward of the delivery world, whose truth is known."""
    world = delivery()
    try:
        found = audit_table(reward, world, known=Known(truth=delivery_true()))
    except ValueError as error:
        raise InputError(
            f"the reward is none of the delivery world: {str(error).rstrip('.')}."
        ) from error
    return {
        "verdict": found.verdict,
        "findings": [one.record(world) for one in found.findings],
        "searched": list(found.searched),
        "not_searched": list(found.not_searched),
        "checks": [one.record() for one in found.checks],
    }


def _chapter(
    policies: Mapping[str, AbstractPolicy], folder: Path, seed: int
) -> dict[str, Any]:
    """The audit of `speed - collision`, with logs and pictures of its replays."""
    with progress_bar(2) as progress:
        progress.step(f"playing {len(policies)} policies and searching")
        made = audit_chapter(jax.random.key(seed), policies)
        progress.step("drawing replays")
        found = _kept(made, folder)
    record.write_text(folder / "audit.json", to_text(found, indent=1) + "\n")
    return found


def _kept(made: PlayedAudit, folder: Path) -> dict[str, Any]:
    """An audit as JSON values, its replays beside it."""
    try:
        (folder / "audit").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made a folder: {error.strerror}."
        ) from error
    findings = []
    for number, finding in enumerate(made.findings, start=1):
        episodes = []
        for place, shown in enumerate(finding.episodes):
            log = scene_of(shown)
            name = f"audit/{number}-{'ab'[place]}"
            text = json.dumps(record.to_json(log))
            record.write_text(folder / f"{name}.json", text + "\n")
            _draw(log, folder / f"{name}.png")
            episodes.append(
                {
                    "name": shown.name,
                    "words": episode_in_words(log),
                    "log": f"{name}.json",
                    "picture": f"{name}.png",
                }
            )
        findings.append(
            {
                "probe": finding.probe,
                "check": finding.name,
                "sentence": finding.sentence,
                "episodes": episodes,
            }
        )
    return {
        "subject": CHAPTER,
        "verdict": made.verdict,
        "findings": findings,
        "searched": list(made.searched),
        "not_searched": list(made.not_searched),
        "checks": [one.record() for one in made.checks],
        "broken": _by_rule(made.broken),
        "robust": _by_rule(made.robust),
    }


def _by_rule(found: dict[str, dict[str, Estimate]]) -> dict[str, Any]:
    return {
        rule: {who: one.record() for who, one in each.items()}
        for rule, each in found.items()
    }


def _draw(log: Any, path: Path) -> None:
    try:
        from volition.report.driving import strip
    except ImportError:
        click.echo(
            "Pictures need matplotlib: pip install 'volition[report]'.", err=True
        )
        return
    strip(log, path, N_MOMENTS, wide=5.5)


def _show(console: Console, found: dict[str, Any]) -> None:
    """Verdicts, findings, and what was searched, which is the claim's limit."""
    subjects = found.get("rewards") or {found["subject"]: found}
    say = lambda text: console.print(
        text, soft_wrap=True, highlight=False, markup=False
    )
    for name, one in subjects.items():
        say(f"{name}: {one['verdict']}")
        for finding in one["findings"]:
            say(f"  {finding['check']}: {finding['sentence']}")
            if "path" in finding:
                say(f"    {finding['path']}")
            for episode in finding.get("episodes", ()):
                say(f"    {episode['name']}: {episode['words']}")
                say(f"      {episode['picture']}")
    last = list(subjects.values())[-1]
    for heading, which in (
        ("Checked:", "searched"),
        ("Not checked:", "not_searched"),
    ):
        say(heading)
        for one in last[which]:
            say(f"  {one}")
