"""The part of a report that says what the audit found, with replays."""

from typing import Any

from volition.report.contents import Contents
from volition.report.document import Listing, Picture, Prose, Section, Table
from volition.report.estimates import estimate

TITLES = {
    "bargain": "Breaking a rule pays",
    "rules": "A rule is broken",
    "H1": "A loop pays",
    "H2": "Harm is the cheaper end",
    "H3": "More of the reward is less of what is wanted",
    "H4": "Too much of the reward is worse",
    "H5": "Beyond what the evidence guarantees",
    "H6": "Who optimises better does worse",
    "H7": "The best is where no evidence was",
    "H8": "The shaping leaks",
    "H9": "Sensors are fooled",
    "H10": "Side effects",
    "H11": "It does not hold elsewhere",
    "H12": "What should not matter does",
    "H13": "Oversight is taken away",
    "H14": "A few answers turn it around",
    "H15": "Unlike any trusted policy",
    "H16": "A group is harmed",
}


def audit_section(contents: Contents, command: str) -> Section:
    """What the audit by play found, drawn from the logs of the scenes.

    Args:
        contents: of the study's folder.
        command: that makes the audit, where it is missing.
    """
    found = contents.audit
    title = "Audit: does the reward pay for what nobody wants?"
    if found is None:
        missing = f"Nothing was audited. To do it: {command}"
        return Section("audit", title, (Prose(missing),))
    findings = found["findings"]
    n = len(findings)
    counted = f"{n} finding{'s' if n > 1 else ''}"
    verdict = f"{found['subject']}: {found['verdict']}."
    if n:
        verdict = f"{found['subject']}: {found['verdict']}, {counted}."
    parts = [
        Section(
            f"finding-{number}",
            f"{number}. {TITLES.get(one['probe'], one['probe'])}",
            (
                Prose(one["sentence"]),
                tuple(
                    replay
                    for episode in one["episodes"]
                    for replay in _replay(contents, episode)
                ),
            ),
        )
        for number, one in enumerate(findings, start=1)
    ]
    return Section(
        "audit", title, (Prose(verdict), *_rules(found)), (*parts, _searched(found))
    )


def _replay(contents: Contents, episode: dict[str, Any]) -> tuple[Picture | Prose, ...]:
    """The picture of an episode; in words alone where it was not drawn."""
    words = f"{episode['name']}: {episode['words']}"
    name = episode["picture"]
    if name not in contents.pictures:
        return (Prose(words),)
    says = f"Moments of a drive from above, the car in blue. {words}"
    return (Picture(name, contents.pictures[name], says, words),)


def _rules(found: dict[str, Any]) -> tuple[Table, ...]:
    """How often each rule is broken, and how far it is kept; who drives by rule."""
    captions = {
        "broken": "Share of the episodes in which a rule is broken",
        "robust": "How far a rule is kept at the worst step of an episode, in units of "
        "what it is about; below 0 it is broken",
    }
    note = "Means with 95 % intervals over episodes; the same starts for all."
    tables = []
    for name, caption in captions.items():
        rules = found.get(name)
        if rules:
            who = tuple(next(iter(rules.values())))
            rows = tuple(
                (rule, *(estimate(each[one]) for one in who))
                for rule, each in rules.items()
            )
            digits = (0, *(2 for _ in who))
            tables.append(Table(caption, ("rule", *who), rows, digits, note))
    return tuple(tables)


def _searched(found: dict[str, Any]) -> Section:
    blocks: list[Any] = [Listing(tuple(found["searched"]))]
    if found.get("not_searched"):
        blocks += [
            Prose("Not looked at, so that nothing is said of it:"),
            Listing(tuple(found["not_searched"])),
        ]
    return Section("searched", "What was searched", tuple(blocks))
