"""Feedback: segments, questions and answers, in memory."""

from volition.feedback.answer import (
    NOBODY as NOBODY,
    UNANSWERED as UNANSWERED,
    UNNUMBERED as UNNUMBERED,
    AbstractAnswer as AbstractAnswer,
    AbstractJudge as AbstractJudge,
)
from volition.feedback.comparison import (
    CANNOT_TELL as CANNOT_TELL,
    FIRST as FIRST,
    SECOND as SECOND,
    TIE as TIE,
    Comparison as Comparison,
    comparison as comparison,
)
from volition.feedback.dataset import (
    Answers as Answers,
    Batch as Batch,
    Dataset as Dataset,
)
from volition.feedback.demonstration import (
    Demonstration as Demonstration,
    WorldState as WorldState,
    demonstration as demonstration,
    world_state as world_state,
)
from volition.feedback.one_of import (
    OneOf as OneOf,
    approval as approval,
    best_of as best_of,
    correction as correction,
    proxy_reward as proxy_reward,
)
from volition.feedback.path import follow as follow
from volition.feedback.ranking import Ranking as Ranking, ranking as ranking
from volition.feedback.rating import (
    Rating as Rating,
    Strength as Strength,
    rating as rating,
    strength as strength,
)
from volition.feedback.stop import Stop as Stop, stop as stop, stopped as stopped
from volition.policy.segment import Segment as Segment
