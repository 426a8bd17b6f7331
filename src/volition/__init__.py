"""Volition: what people want, as a reward; agents that pursue it; evidence for both.

Importing it changes nothing and loads nothing: each name below is loaded when it is
first used.
"""

from typing import TYPE_CHECKING

from volition import gymnasium_ids as gymnasium_ids
from volition.configure import configure as configure
from volition.lazy import lazily

if TYPE_CHECKING:
    from volition import (
        env as env,
        evaluation as evaluation,
        feedback as feedback,
        human as human,
        inference as inference,
        policy as policy,
        probes as probes,
        query as query,
        record as record,
        report as report,
        reward as reward,
        store as store,
        study as study,
        testing as testing,
        value as value,
    )
    from volition.evaluation import (
        cross_validate as cross_validate,
        evaluate as evaluate,
    )
    from volition.inference import fit as fit
    from volition.policy import episodes as episodes, rollout as rollout
    from volition.probes import audit as audit
    from volition.query import ask as ask
    from volition.value import learn as learn, plan as plan

__getattr__, __dir__ = lazily(__name__)
