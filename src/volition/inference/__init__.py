"""Inference: from answers to a posterior over rewards and people."""

from typing import TYPE_CHECKING

from volition.inference.contrastive import (
    Contrastive as Contrastive,
    LogitNetwork as LogitNetwork,
)
from volition.inference.ensemble import Ensemble as Ensemble
from volition.inference.fit import by_evidence as by_evidence, fit as fit
from volition.inference.groups import (
    Groups as Groups,
    find_groups as find_groups,
    fit_groups as fit_groups,
)
from volition.inference.identify import (
    Direction as Direction,
    fisher_information as fisher_information,
    unidentified as unidentified,
)
from volition.inference.last_layer import LastLayer as LastLayer
from volition.inference.map import (
    MAP as MAP,
    AbstractMethod as AbstractMethod,
    Laplace as Laplace,
)
from volition.inference.nuts import NUTS as NUTS
from volition.inference.people import People as People, fit_people as fit_people
from volition.inference.posterior import (
    AbstractBelief as AbstractBelief,
    Draws as Draws,
    Gaussian as Gaussian,
    Marginal as Marginal,
    Members as Members,
    Partly as Partly,
    Posterior as Posterior,
    Result as Result,
)
from volition.inference.prior import (
    AbstractPrior as AbstractPrior,
    Normal as Normal,
    Signed as Signed,
)
from volition.inference.problem import Problem as Problem
from volition.inference.robust import over_clusters as over_clusters
from volition.inference.sequential import Sequential as Sequential
from volition.inference.size import (
    asked_about as asked_about,
    of_size_one as of_size_one,
)
from volition.inference.solve import solve as solve
from volition.inference.units import default_prior as default_prior, units as units
from volition.lazy import lazily

if TYPE_CHECKING:
    from volition.inference import imitation as imitation, irl as irl

__getattr__, __dir__ = lazily(__name__)
