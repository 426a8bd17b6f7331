"""Volition: what people want, as a reward; agents that pursue it; evidence for both."""

from volition import (
    env as env,
    feedback as feedback,
    human as human,
    inference as inference,
    policy as policy,
    reward as reward,
    value as value,
)
from volition.inference import fit as fit
from volition.policy import rollout as rollout
from volition.value import learn as learn, plan as plan
