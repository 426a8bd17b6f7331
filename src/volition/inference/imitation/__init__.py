"""Imitation: acting as was demonstrated, without a reward that was stated.

| method | here |
|---|---|
| behaviour cloning | `behaviour_cloning`, in finite worlds `tabular_cloning` |
| DAgger | `dagger` |
| SQIL | `sqil` |
| GAIL | `irl.gail` |
| the density of demonstrations | `density` |
| D-REX | `d_rex` |
"""

from volition.inference.imitation.cloning import (
    Cloned as Cloned,
    Passes as Passes,
    behaviour_cloning as behaviour_cloning,
)
from volition.inference.imitation.counting import tabular_cloning as tabular_cloning
from volition.inference.imitation.d_rex import (
    Ranked as Ranked,
    d_rex as d_rex,
    noisy_rollouts as noisy_rollouts,
)
from volition.inference.imitation.dagger import (
    Aggregated as Aggregated,
    dagger as dagger,
)
from volition.inference.imitation.density import Density as Density, density as density
from volition.inference.imitation.sqil import (
    Balanced as Balanced,
    Imitated as Imitated,
    sqil as sqil,
)
