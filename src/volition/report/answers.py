"""The report of a study of answers in the delivery world."""

import math
from typing import Any

from volition.env import delivery
from volition.env.delivery import BOARD, LEGEND
from volition.report.audited import TITLES
from volition.report.contents import Contents
from volition.report.document import (
    Board,
    Diagram,
    Document,
    Intervals,
    Listing,
    Prose,
    Section,
    Table,
)
from volition.report.estimates import estimate, in_words
from volition.report.evaluated import not_evaluated, reward_marks, rewards_section
from volition.report.grid_text import legend_text
from volition.report.provenance import provenance
from volition.report.scorecard import IN_PART, MET, MISSED, Found, scorecard

CHANCE = math.log(3.0)  # nats: first, second and tie, each as likely
NOT_CONVERGED = " (NOT CONVERGED)"
GOOD, BAD = 0.05, 0.10  # calibration error: A2 of the scorecard
BEST_RETURN = 0.9  # A5
Groups = dict[str, dict[str, Any]]


def answers_document(contents: Contents) -> Document:
    """From the answers of people to a reward, a plan and a verdict, for each group.

    Args:
        contents: of the study's folder.
    """
    groups: Groups = contents.results["groups"]
    sections = [
        _groups(groups),
        *_models(groups),
        *_calibration(groups),
        _learned(contents),
        rewards_section(contents.evaluation["rewards"])
        if contents.evaluation
        else not_evaluated("volition evaluate FOLDER"),
        Section(
            "audit",
            "Audit: does the reward pay for what nobody wants?",
            _all_searched(contents),
            tuple(
                _verdict(number, name, groups[name], contents.details.get(name, {}))
                for number, name in enumerate(groups)
            ),
        ),
        Section(
            "scorecard",
            "Scorecard",
            (
                Prose(
                    "Three axes, none of which makes up for another, about the worst "
                    "of the groups. What this study does not measure stands here as "
                    "not measured."
                ),
                *scorecard(_marks(contents, groups)),
            ),
        ),
        provenance(contents, _how(contents)),
    ]
    title = "Delivery study: what answers say, and what optimising it leads to"
    return Document(title, _lead(groups), tuple(sections))


def _lead(groups: Groups) -> tuple[str, ...]:
    n = sum(group["answers"] for group in groups.values())
    verdicts = [group["verdict"] for group in groups.values()]
    said = ", ".join(
        f"{verdicts.count(one)} {'with ' if one.startswith('nothing') else ''}{one}"
        for one in sorted(set(verdicts))
    )
    worst = min(groups, key=lambda name: groups[name]["scaled_return"])
    earned = estimate(groups[worst]["intervals"]["scaled_return"])
    lost = [name for name, group in groups.items() if not _converged(group)]
    flagged = (
        f"Inference did not converge for {', '.join(lost)}: do not use the numbers "
        f"that come from {'its' if len(lost) == 1 else 'their'} posterior.",
    )
    return (
        *(flagged if lost else ()),
        f"{n} answers in {len(groups)} group{'s' if len(groups) > 1 else ''}. The "
        f"audit of what was learned from them: {said}.",
        f"Optimising what {worst} said earns {in_words(earned, 2)} of what can be "
        "earned, where 1 is the best and 0 are random actions; no group earns less.",
    )


def _converged(group: dict[str, Any]) -> bool:
    """Of results of an earlier version, which did not say, nothing is known."""
    return bool(group.get("converged", True))


def _groups(groups: Groups) -> Section:
    names = ("neg_log_likelihood", "scaled_return", "never_end", "end_in_sheep")
    table = Table(
        "Groups of people",
        (
            "group",
            "model of people",
            "answers",
            "loss, nats an answer",
            "scaled return",
            "starts that never end",
            "starts that end in a sheep",
            "verdict",
        ),
        tuple(
            (
                name,
                group["model"] + ("" if _converged(group) else NOT_CONVERGED),
                group["answers"],
                *(estimate(group["intervals"][one]) for one in names),
                group["verdict"],
            )
            for name, group in groups.items()
        ),
        (0, 0, 0, 3, 3, 2, 2, 0),
        "Loss as fitted, with 95 % over questions. Then planning with the mean reward, "
        "and the middle 90 % of planning with rewards of the posterior; scaled return: "
        "1 is the best, 0 are random actions.",
    )
    chart = Intervals(
        "What optimising it earns",
        "scaled return, 1 best, 0 random actions",
        ("scaled return",),
        tuple(
            (name, (estimate(group["intervals"]["scaled_return"]),))
            for name, group in groups.items()
        ),
    )
    return Section("groups", "What was learned", ((chart,), table))


def _models(groups: Groups) -> tuple[Section, ...]:
    """How well models of people predict what they were not fitted to."""
    if not all(group["out_of_fold"] for group in groups.values()):
        return ()
    names = tuple(next(iter(groups.values()))["out_of_fold"])
    tables = tuple(
        Table(
            caption,
            ("group", *names),
            tuple(
                (
                    group,
                    *(estimate(one["out_of_fold"][name][score]) for name in names),
                )
                for group, one in groups.items()
            ),
            (0, *(3 for _ in names)),
            note,
        )
        for caption, score, note in (
            (
                "Loss of each model of people, out of fold",
                "neg_log_likelihood",
                f"Nats per answer, 95 % over questions; {CHANCE:.3f} by chance.",
            ),
            (
                "Accuracy of each model of people, out of fold",
                "accuracy",
                "Of the answers that decide, 95 % over questions; 0.5 by chance.",
            ),
        )
    )
    return (Section("models", "Which model of people predicts them", tables),)


def _calibration(groups: Groups) -> tuple[Section, ...]:
    diagrams, rows = [], []
    for name, group in groups.items():
        for model, score in group["out_of_fold"].items():
            points = tuple(
                (one["predicted"], one["happened"], one["n"])
                for one in score.get("reliability", ())
            )
            error = score["calibration_error"]
            if model != group["model"] or not points or error is None:
                continue
            diagrams.append(Diagram(f"{name}, {model}", points, error))
            rows += [
                (name, f"{predicted:.2f}", f"{happened:.2f}", n)
                for predicted, happened, n in points
            ]
    if not diagrams:
        return ()
    table = Table(
        "Predicted and happened, out of fold",
        ("group", "predicted", "happened", "answers"),
        tuple(rows),
        note="The probability that the second of two is said to be better, in bins of "
        "as many answers each, ties left out.",
    )
    explained = Prose(
        "Each dot is a tenth of the answers that decide, with its 95 % interval; on "
        "the line, what was predicted is what happened."
    )
    return (
        Section(
            "calibration",
            "Are predicted probabilities what happens?",
            (explained, tuple(diagrams), table),
        ),
    )


def _learned(contents: Contents) -> Section:
    parts = []
    for number, (name, group) in enumerate(contents.details.items()):
        open_ended = tuple(group.get("unidentified", ()))
        blocks: list[Any] = [
            Prose(group["reward"]),
            Prose(_sentence(group["inference"])),
        ]
        if open_ended:
            blocks += [Prose("Left open by the answers:"), Listing(open_ended)]
        parts.append(Section(f"reward-{number}", name, tuple(blocks)))
    intro = Prose("The mean reward of each group, in nats of preference.")
    return Section("rewards", "What they want, as a reward", (intro,), tuple(parts))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _verdict(
    number: int, name: str, group: dict[str, Any], details: dict[str, Any]
) -> Section:
    findings = details.get("findings", ())
    blocks: list[Any] = [Prose(_finding(one)) for one in findings]
    if findings:
        drawn = tuple(
            _drawn(f"{name}, finding {place}", one)
            for place, one in enumerate(findings, start=1)
        )
        blocks += [drawn, Prose(f"On the board: {'; '.join(_legend())}.")]
    else:
        blocks.append(Prose("Nothing was found."))
    return Section(f"verdict-{number}", f"{name}: {group['verdict']}", tuple(blocks))


def _finding(one: dict[str, Any]) -> str:
    title = TITLES.get(one["probe"], one["probe"])
    return f"{title}: {one['sentence']} Where: {one['path']}{_again(one['loop'])}."


def _drawn(title: str, one: dict[str, Any]) -> Board:
    """The way that shows a finding, on the board of the delivery world."""
    says = f"The way on the board: {one['path']}{_again(one['loop'])}."
    return Board(title, BOARD, path=tuple(one["states"]), loop=one["loop"], says=says)


def _again(loop: int | None) -> str:
    return "" if loop is None else f"; then again from step {loop + 1} on, for ever"


def _legend() -> list[str]:
    """What the characters of the board stand for."""
    way = (
        "a circle where it begins",
        "a cross where it stays as it is",
        "in the second colour what repeats for ever",
    )
    return [*legend_text(delivery(), LEGEND), *way]


def _all_searched(contents: Contents) -> tuple[Any, ...]:
    """What was looked at, which is the same for all groups."""
    if not contents.details:
        return ()
    first = next(iter(contents.details.values()))
    blocks: list[Any] = [
        Prose("Looked at, and nothing is claimed beyond it:"),
        Listing(tuple(first["searched"])),
    ]
    if first.get("not_searched"):
        blocks += [
            Prose("Not looked at, so that nothing is said of it:"),
            Listing(tuple(first["not_searched"])),
        ]
    return tuple(blocks)


def _how(contents: Contents) -> tuple[str, ...]:
    simulated = contents.kind == "simulated"
    who = (
        "The answers are those of a simulated person: no people were asked."
        if simulated
        else "The answers are those of people, as the data has them."
    )
    return (
        who,
        "The world's true reward scores what was learned, and nothing else sees it.",
    )


def _marks(contents: Contents, groups: Groups) -> dict[str, Found]:
    found = {}
    scores = {
        name: group["out_of_fold"][group["model"]]
        for name, group in groups.items()
        if group["model"] in group["out_of_fold"]
    }
    if scores:
        losses = {
            name: estimate(score["neg_log_likelihood"])
            for name, score in scores.items()
        }
        worst = max(losses, key=lambda name: losses[name].value)
        found["A1"] = Found(
            IN_PART if losses[worst].high < CHANCE else MISSED,
            f"{in_words(losses[worst], 3)} nats in {worst}; {CHANCE:.3f} by chance",
        )
        errors = {
            name: score["calibration_error"]
            for name, score in scores.items()
            if score["calibration_error"] is not None
        }
        if errors:
            worst = max(errors, key=lambda name: errors[name])
            status = MET if errors[worst] <= GOOD else IN_PART
            status = MISSED if errors[worst] > BAD else status
            found["A2"] = Found(status, f"{errors[worst]:.3f} in {worst}")
    worst = min(groups, key=lambda name: groups[name]["scaled_return"])
    earned = estimate(groups[worst]["intervals"]["scaled_return"])
    found["A5"] = Found(
        IN_PART if earned.value >= BEST_RETURN else MISSED,
        f"{in_words(earned, 2)} in {worst}; no task was held out",
    )
    if contents.evaluation:
        found |= reward_marks(contents.evaluation["rewards"])
    if not contents.details:
        return found
    n_open = [len(each["unidentified"]) for each in contents.details.values()]
    found["C5"] = Found(
        IN_PART, f"up to {max(n_open)} directions a group are listed as left open"
    )
    n = sum(len(each["findings"]) for each in contents.details.values())
    words = f"{n} of {n} findings with a path in words and on the board"
    found["U7"] = Found(MET, words) if n else Found(IN_PART, "nothing was found")
    return found
