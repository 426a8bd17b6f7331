"""Reward cards: what a learned reward says, on what it rests, what was searched."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import PRNGKeyArray

from volition.env import Feature, FiniteMDP
from volition.evaluation import (
    AnswerScore,
    ExchangeRates,
    Influence,
    ShortForm,
    exchange_rates,
)
from volition.feedback import NOBODY, Dataset
from volition.inference import Posterior
from volition.probes import Audit

N_MOVERS = 3  # answers that are named for each weight


class Card(NamedTuple):
    """What is to be known of a learned reward, before it is used.

    Args:
        title: of the card.
        features: what it is made of, with units.
        rates: weights, and what each is worth in units of one of them.
        open: what the answers do not identify, in sentences.
        evidence: how many answers there are of each kind.
        n_people: who gave them; None where that is not known.
        went: how inference went, in a sentence.
        score: how well answers were predicted by fits that had not seen them.
        short: a shorter reward that says the same.
        movers: which answers moved which weight.
        audit: what was looked for and found.
        findings: those, with their paths in words and to be replayed.
        reproduce: the command that makes all of it again.
    """

    title: str
    features: tuple[Feature, ...]
    rates: ExchangeRates
    open: tuple[str, ...]
    evidence: dict[str, int]
    n_people: int | None
    went: str
    score: AnswerScore | None
    short: ShortForm | None
    movers: Influence | None
    audit: Audit | None
    findings: tuple[dict, ...]
    reproduce: str


def reward_card(
    posterior: Posterior,
    features: Sequence[Feature],
    unit_feature: str,
    key: PRNGKeyArray,
    *,
    title: str = "A reward from answers",
    score: AnswerScore | None = None,
    short: ShortForm | None = None,
    movers: Influence | None = None,
    audit: Audit | None = None,
    env: FiniteMDP | None = None,
    reproduce: str = "not said",
) -> Card:
    """Everything that is known of a learned reward, to be read on one page.

    What is left out is said to be missing; nothing is claimed instead of it.

    Args:
        posterior: over a linear reward.
        features: of the world, with units, such as `env.feature_info`.
        unit_feature: what the others are paid with: one whose weight is known well.
        key: of the draws for the intervals; consumed.
        title: of the card.
        score: predictions of answers that were not seen: `cross_validate`.
        short: `short_form` of the mean reward.
        movers: `influence` of the answers.
        audit: of the mean reward.
        env: the finite world that was audited, in whose words paths are told.
        reproduce: the command by which all of this is made again.

    Raises:
        ValueError: where the audit found something and no world is given, or the
            features are not those of the reward.
    """
    rates = exchange_rates(posterior, unit_feature, key)
    if tuple(one.name for one in features) != tuple(rates.weights):
        raise ValueError(
            f"the reward is over {tuple(rates.weights)}, not over the features "
            f"{tuple(one.name for one in features)}: give those of its world."
        )
    findings = () if audit is None else audit.findings
    if findings and env is None:
        raise ValueError("give the world that was audited, in which findings happen.")
    answers = posterior.problem.answers
    return Card(
        title,
        tuple(features),
        rates,
        tuple(one.sentence for one in posterior.unidentified()),
        _kinds(answers),
        _people(answers),
        _went(posterior),
        score,
        short,
        movers,
        audit,
        tuple(one.record(env) for one in findings if env is not None),
        reproduce,
    )


def _went(posterior: Posterior) -> str:
    result = posterior.result
    if result.converged:
        return result.message
    return f"NOT CONVERGED, so that no number here can be used: {result.message}"


def card_record(card: Card) -> dict:
    """A card as JSON values; findings have the paths that replay them."""
    return {
        "title": card.title,
        "features": [
            {"name": one.name, "unit": one.unit, "meaning": one.meaning}
            for one in card.features
        ],
        **card.rates.record(),
        "not_identified": list(card.open),
        "evidence": dict(card.evidence),
        "n_people": card.n_people,
        "inference": card.went,
        "predictions": _score_record(card.score),
        "short_form": None if card.short is None else card.short.record(),
        "moved": _movers_record(card.movers),
        "audit": _audit_record(card.audit, card.findings),
        "reproduce": card.reproduce,
    }


def _kinds(answers: Dataset) -> dict[str, int]:
    counted = Counter()
    for batch in answers.batches:
        counted[type(batch.answers).__name__] += int(np.sum(batch.present))
    return dict(counted)


def _people(answers: Dataset) -> int | None:
    people = np.asarray(answers.person)[np.asarray(answers.present)]
    return None if (people == NOBODY).any() else len(np.unique(people))


def _score_record(score: AnswerScore | None) -> dict | None:
    if score is None:
        return None
    return {
        "neg_log_likelihood": score.neg_log_likelihood.record(),
        "accuracy": score.accuracy.record(),
        "calibration_error": score.calibration_error,
    }


def _movers_record(movers: Influence | None) -> dict | None:
    if movers is None:
        return None
    return {
        name: [{"piece": piece, "by": by} for piece, by in movers.most(name, N_MOVERS)]
        for name in movers.names
    }


def _audit_record(audit: Audit | None, findings: tuple[dict, ...]) -> dict | None:
    if audit is None:
        return None
    return {
        "verdict": audit.verdict,
        "findings": list(findings),
        "searched": list(audit.searched),
        "not_searched": list(audit.not_searched),
        "checks": [one.record() for one in audit.checks],
    }
