"""Studies: the whole loop, from answers to a verdict."""

from volition.study.config import (
    MODELS as MODELS,
    Config as Config,
    read_config as read_config,
)
from volition.study.driver_groups import DriverGroup as DriverGroup
from volition.study.driver_people import PeopleResult as PeopleResult
from volition.study.drivers import (
    DriversConfig as DriversConfig,
    DriversResult as DriversResult,
    drivers_steps as drivers_steps,
    run_drivers as run_drivers,
)
from volition.study.findings import Findings as Findings, Forks as Forks, forks as forks
from volition.study.highway import (
    N_REAL as N_REAL,
    HighwayConfig as HighwayConfig,
    HighwayResult as HighwayResult,
    an_episode as an_episode,
    by_answers as by_answers,
    highway_steps as highway_steps,
    real_is_there as real_is_there,
    run_highway as run_highway,
)
from volition.study.planned import learn_by_planning as learn_by_planning
from volition.study.preferences import (
    Finder as Finder,
    LearnedFromAnswers as LearnedFromAnswers,
    Rounds as Rounds,
    answered_by as answered_by,
    learn_from_answers as learn_from_answers,
    range_prior as range_prior,
)
from volition.study.progress import Progress as Progress
from volition.study.run import (
    STEPS as STEPS,
    GroupResult as GroupResult,
    results_text as results_text,
    run_study as run_study,
)
from volition.study.simulated import simulate as simulate
