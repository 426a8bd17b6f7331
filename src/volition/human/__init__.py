"""Human models: how a person turns a reward into answers."""

from volition.human.acting import (
    AbstractActing as AbstractActing,
    AbstractActor as AbstractActor,
    BoltzmannOptimal as BoltzmannOptimal,
    Endless as Endless,
    SoftHorizon as SoftHorizon,
    SoftOptimal as SoftOptimal,
    Within as Within,
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
    RaoKupper as RaoKupper,
)
from volition.human.designer import bag as bag, optimal_bags as optimal_bags
from volition.human.habit import (
    Equal as Equal,
    Graded as Graded,
    Lapse as Lapse,
    Mistake as Mistake,
    Rational as Rational,
    SideBias as SideBias,
    Skip as Skip,
    Unsure as Unsure,
)
from volition.human.pace import AbstractPace as AbstractPace, Diffusion as Diffusion
from volition.human.parameter import (
    AbstractParameter as AbstractParameter,
    AbstractScale as AbstractScale,
    Fraction as Fraction,
    Known as Known,
    PerPerson as PerPerson,
    Positive as Positive,
    Real as Real,
)
from volition.human.teachers import (
    equal as equal,
    mistaken as mistaken,
    myopic as myopic,
    oracle as oracle,
    realistic as realistic,
    skipping as skipping,
    stochastic as stochastic,
)
from volition.human.valuation import (
    AbstractValuation as AbstractValuation,
    Discounted as Discounted,
    Foresight as Foresight,
    Myopic as Myopic,
    PartialReturn as PartialReturn,
    Regret as Regret,
    partial_return as partial_return,
    value_change as value_change,
)
