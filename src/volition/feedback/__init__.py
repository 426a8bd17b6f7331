"""Feedback: segments, questions and answers, in memory."""

from volition.feedback.comparison import (
    CANNOT_TELL as CANNOT_TELL,
    FIRST as FIRST,
    NOBODY as NOBODY,
    SECOND as SECOND,
    TIE as TIE,
    Comparison as Comparison,
    comparison as comparison,
)
from volition.feedback.dataset import Dataset as Dataset
from volition.feedback.path import follow as follow
from volition.policy.segment import Segment as Segment
