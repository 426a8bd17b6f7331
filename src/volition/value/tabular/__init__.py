"""Tabular value learning: one loop, and what each learner remembers."""

from volition.value.tabular.experience import (
    AbstractExperience as AbstractExperience,
    Seen as Seen,
    experience as experience,
)
from volition.value.tabular.learner import (
    AbstractLearner as AbstractLearner,
    Ahead as Ahead,
    Learned as Learned,
    Stand as Stand,
    begin as begin,
    draws as draws,
    first as first,
    run as run,
)
from volition.value.tabular.learning import learn as learn, sweep as sweep
from volition.value.tabular.model import (
    DynaQ as DynaQ,
    DynaQPlus as DynaQPlus,
    PrioritizedSweeping as PrioritizedSweeping,
)
from volition.value.tabular.n_step import (
    MonteCarlo as MonteCarlo,
    NStepSARSA as NStepSARSA,
    TreeBackup as TreeBackup,
)
from volition.value.tabular.one_step import (
    SARSA as SARSA,
    DoubleQLearning as DoubleQLearning,
    ExpectedSARSA as ExpectedSARSA,
    QLearning as QLearning,
    epsilon_greedy as epsilon_greedy,
)
from volition.value.tabular.tiles import (
    GreedyInTiles as GreedyInTiles,
    TileCoding as TileCoding,
)
from volition.value.tabular.traces import (
    PengQ as PengQ,
    SARSALambda as SARSALambda,
    WatkinsQ as WatkinsQ,
)
