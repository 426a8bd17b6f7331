"""Human models: how a person turns a reward into answers."""

from volition.human.boltzmann import (
    AbstractHuman as AbstractHuman,
    Boltzmann as Boltzmann,
    Judge as Judge,
)
from volition.human.choice import (
    AbstractChoice as AbstractChoice,
    BradleyTerry as BradleyTerry,
    Davidson as Davidson,
    Lapse as Lapse,
    RaoKupper as RaoKupper,
)
from volition.human.parameter import (
    AbstractParameter as AbstractParameter,
    Fraction as Fraction,
    Positive as Positive,
)
from volition.human.valuation import (
    AbstractValuation as AbstractValuation,
    Foresight as Foresight,
    PartialReturn as PartialReturn,
    Regret as Regret,
    partial_return as partial_return,
    value_change as value_change,
)
