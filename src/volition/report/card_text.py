"""Reward cards as text."""

from volition.env import Feature
from volition.evaluation import Estimate, Influence, ShortForm
from volition.probes import Audit
from volition.report.card import N_MOVERS, Card


def card_markdown(card: Card) -> str:
    """A card as text: Markdown, about a page."""
    parts = [
        [f"# {card.title}"],
        _weights_text(card),
        _open_text(card.open),
        _evidence_text(card),
        _short_text(card.short),
        _movers_text(card.movers),
        _audit_text(card.audit, card.findings),
        ["## Again", f"    {card.reproduce}"],
    ]
    return "\n\n".join("\n\n".join(part) for part in parts if part) + "\n"


def in_words(feature: Feature, unit: Feature, rate: Estimate, pays: bool) -> str:
    """An exchange rate in words.

    Args:
        feature: whose one unit is told.
        unit: the feature it is told in.
        rate: how many units of that are worth as much.
        pays: whether more of the unit feature is wanted.

    Example:
        >>> crash, time = (
        ...     Feature("collision", "1", "a crash"),
        ...     Feature("time", "s", "on the way"),
        ... )
        >>> in_words(crash, time, Estimate(34.0, 28.0, 41.0, 90, "95 %"), False)
        'one collision is as bad as 34 [28, 41] s of time'
    """
    size = sorted((abs(rate.low), abs(rate.high)))
    amount = f"{abs(rate.value):.3g} [{size[0]:.3g}, {size[1]:.3g}] {_of(unit)}"
    verb = {
        (True, True): "is as good as",
        (True, False): "costs",
        (False, True): "is as bad as",
        (False, False): "makes up for",
    }[pays, rate.value > 0.0]
    one = f"one {feature.name}" if feature.unit == "1" else f"1 {_of(feature)}"
    return f"{one} {verb} {amount}"


def _of(feature: Feature) -> str:
    return feature.name if feature.unit == "1" else f"{feature.unit} of {feature.name}"


def _interval(found: Estimate) -> str:
    return f"{found.value:.4g} [{found.low:.4g}, {found.high:.4g}]"


def _weights_text(card: Card) -> list[str]:
    by_name = {one.name: one for one in card.features}
    unit = by_name[card.rates.unit_feature]
    pays = card.rates.weights[unit.name].value > 0.0
    rows = [
        "| feature | unit | weight, reward units per unit | worth |",
        "|---|---|---|---|",
    ]
    for name, weight in card.rates.weights.items():
        feature = by_name[name]
        if name in card.rates.rates:
            worth = in_words(feature, unit, card.rates.rates[name], pays)
        else:
            worth = card.rates.notes.get(name, "what the others are paid with")
        rows.append(f"| {name} | {feature.unit} | {_interval(weight)} | {worth} |")
    first = next(iter(card.rates.weights.values()))
    meanings = [f"- {one.name}: {one.meaning}" for one in card.features]
    return [
        "A path is worth the sum over its steps of weight times feature; of two paths "
        "the one that is worth more is preferred.",
        "\n".join(rows),
        f"Brackets: {first.interval}, {first.n} answers.",
        "\n".join(meanings),
    ]


def _open_text(sentences: tuple[str, ...]) -> list[str]:
    if not sentences:
        return [
            "## Not identified",
            "No direction: the answers say more than the prior about every one.",
        ]
    return ["## Not identified", "\n".join(f"- {one}" for one in sentences)]


def _evidence_text(card: Card) -> list[str]:
    kinds = ", ".join(f"{n} of the kind {name}" for name, n in card.evidence.items())
    people = (
        "people not known" if card.n_people is None else f"by {card.n_people} people"
    )
    told = [f"Answers: {kinds or 'none'}; {people}. Inference: {card.went}"]
    score = card.score
    if score is None:
        told.append("How well it predicts answers that it has not seen is not known.")
    else:
        told.append(
            "Answers that the fit had not seen: loss "
            f"{_interval(score.neg_log_likelihood)} nats each; first or second "
            f"foretold in {_interval(score.accuracy)} of those that chose; "
            f"probabilities are off by {score.calibration_error:.3f} on average "
            "(expected calibration error)."
        )
    return ["## Evidence", *told]


def _short_text(short: ShortForm | None) -> list[str]:
    if short is None:
        return []
    told = [f"`{short.reward}` ({short.message})", f"Order kept: {short.agreement}."]
    if short.optimised_agreement is not None:
        told.append(f"Order kept where it is optimised: {short.optimised_agreement}.")
    if short.scaled_return is not None:
        told.append(f"Scaled return of optimising it: {short.scaled_return:.3f}.")
    return ["## In short", *told]


def _movers_text(movers: Influence | None) -> list[str]:
    if movers is None:
        return []
    rows = []
    for name in movers.names:
        parts = [f"{piece} ({by:+.3g})" for piece, by in movers.most(name, N_MOVERS)]
        rows.append(f"- {name}: {', '.join(parts)}")
    head = "Moved most by these pieces of evidence, by number (and by how much):"
    return ["## What moved it", head, "\n".join(rows)]


def _audit_text(audit: Audit | None, findings: tuple[dict, ...]) -> list[str]:
    if audit is None:
        return ["## Audit", "Not audited."]
    told = [f"Verdict: **{audit.verdict}**."]
    if findings:
        told.append("\n".join(map(_finding, findings)))
    for heading, rows in (
        ("Checked", audit.searched),
        ("Not checked", audit.not_searched),
        ("Does not apply", audit.not_applicable),
    ):
        if rows:
            told.append("\n".join([f"{heading}:", "", *(f"- {one}" for one in rows)]))
    return ["## Audit", *told]


def _finding(one: dict) -> str:
    replay = f"states {one['states']}, actions {one['actions']}"
    return f"- {one['check']}: {one['sentence']} To be replayed: {replay}."
