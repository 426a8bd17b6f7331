"""Volition: what people want, as a reward; agents that pursue it; evidence for both."""

from volition import one_kernel as one_kernel  # before the others compute anything

# isort: split
from volition import (
    env as env,
    evaluation as evaluation,
    feedback as feedback,
    human as human,
    inference as inference,
    policy as policy,
    probes as probes,
    query as query,
    reward as reward,
    value as value,
)
from volition.evaluation import cross_validate as cross_validate
from volition.inference import fit as fit
from volition.policy import episodes as episodes, rollout as rollout
from volition.probes import audit as audit
from volition.query import ask as ask
from volition.reward import gymnasium_ids
from volition.value import learn as learn, plan as plan

gymnasium_ids.watch()
