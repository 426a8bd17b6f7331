"""Queries: what to ask next, from candidates by a rule."""

from volition.query.ask import (
    ask as ask,
    ask_several as ask_several,
    scores as scores,
)
from volition.query.candidates import (
    AbstractCandidates as AbstractCandidates,
    BestOf as BestOf,
    Pairs as Pairs,
    Ratings as Ratings,
    Strengths as Strengths,
    choices as choices,
    pairs as pairs,
    ratings as ratings,
    strengths as strengths,
)
from volition.query.generate import (
    Perturbed as Perturbed,
    optimised as optimised,
    perturbed as perturbed,
    replayed as replayed,
)
from volition.query.imagine import imagined as imagined
from volition.query.regret import (
    ExpectedRegret as ExpectedRegret,
    expected_regret as expected_regret,
)
from volition.query.rule import (
    AbstractRule as AbstractRule,
    Disagreement as Disagreement,
    ExpectedValueOfInformation as ExpectedValueOfInformation,
    InformationGain as InformationGain,
    MaximumRegret as MaximumRegret,
    PerSecond as PerSecond,
    Random as Random,
    Seen as Seen,
    Thompson as Thompson,
    VolumeRemoval as VolumeRemoval,
)
