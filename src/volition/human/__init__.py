"""Human models: how a person turns a reward into answers."""

from volition.human.acting import (
    AbstractActing as AbstractActing,
    Actor as Actor,
    SoftOptimal as SoftOptimal,
)
from volition.human.boltzmann import (
    AbstractHuman as AbstractHuman,
    Boltzmann as Boltzmann,
    Judge as Judge,
)
from volition.human.choice import (
    AbstractChoice as AbstractChoice,
    BradleyTerry as BradleyTerry,
    Davidson as Davidson,
    Graded as Graded,
    Lapse as Lapse,
    Mistake as Mistake,
    RaoKupper as RaoKupper,
    Rational as Rational,
    SideBias as SideBias,
    Unsure as Unsure,
)
from volition.human.designer import bag as bag, optimal_bags as optimal_bags
from volition.human.parameter import (
    AbstractParameter as AbstractParameter,
    AbstractScale as AbstractScale,
    Fraction as Fraction,
    PerPerson as PerPerson,
    Positive as Positive,
    Real as Real,
)
from volition.human.valuation import (
    AbstractValuation as AbstractValuation,
    Foresight as Foresight,
    PartialReturn as PartialReturn,
    Regret as Regret,
    partial_return as partial_return,
    value_change as value_change,
)
