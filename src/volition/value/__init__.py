"""Value learning: Bellman operators, planning, tabular and deep learners."""

from volition.value import deep as deep, tabular as tabular
from volition.value.bellman import (
    backup as backup,
    branch_reward as branch_reward,
    checked_reward as checked_reward,
    double_value as double_value,
    expected_reward as expected_reward,
    expected_value as expected_value,
    lambda_returns as lambda_returns,
    munchausen_bonus as munchausen_bonus,
    n_step_return as n_step_return,
    quantile_huber as quantile_huber,
    soft_maximum as soft_maximum,
    soft_policy as soft_policy,
    target as target,
)
from volition.value.deep import (
    DQN as DQN,
    MLP as MLP,
    PQN as PQN,
    SAC as SAC,
    AbstractDeepLearner as AbstractDeepLearner,
    Adam as Adam,
    GreedyNetwork as GreedyNetwork,
    Hard as Hard,
    Mean as Mean,
    Munchausen as Munchausen,
    Passes as Passes,
    Quantile as Quantile,
    RAdam as RAdam,
    Replay as Replay,
    Rollout as Rollout,
    Soft as Soft,
    SquashedGaussian as SquashedGaussian,
    Trained as Trained,
    relabel as relabel,
)
from volition.value.evaluate import (
    evaluate_policy as evaluate_policy,
    from_start as from_start,
    occupancy as occupancy,
    state_distribution as state_distribution,
)
from volition.value.horizon import (
    HorizonPlan as HorizonPlan,
    backward_induction as backward_induction,
    induction as induction,
)
from volition.value.impact import (
    deviation as deviation,
    relative_reachability as relative_reachability,
)
from volition.value.learning import (
    AbstractLearned as AbstractLearned,
    AbstractMethod as AbstractMethod,
    Curve as Curve,
    Progress as Progress,
    learn as learn,
)
from volition.value.maximin import WorstCase as WorstCase, worst_case as worst_case
from volition.value.planning import (
    AbstractPlanner as AbstractPlanner,
    PolicyIteration as PolicyIteration,
    SoftValueIteration as SoftValueIteration,
    ValueIteration as ValueIteration,
    optimal_value as optimal_value,
    plan as plan,
)
from volition.value.precision import (
    in_double as in_double,
    in_precision as in_precision,
    unit_of as unit_of,
)
from volition.value.schedule import (
    AbstractSchedule as AbstractSchedule,
    ByVisit as ByVisit,
    Constant as Constant,
    Harmonic as Harmonic,
    Linear as Linear,
)
from volition.value.tabular import (
    SARSA as SARSA,
    AbstractLearner as AbstractLearner,
    DoubleQLearning as DoubleQLearning,
    DynaQ as DynaQ,
    DynaQPlus as DynaQPlus,
    ExpectedSARSA as ExpectedSARSA,
    Learned as Learned,
    MonteCarlo as MonteCarlo,
    NStepSARSA as NStepSARSA,
    PengQ as PengQ,
    PrioritizedSweeping as PrioritizedSweeping,
    QLearning as QLearning,
    SARSALambda as SARSALambda,
    TileCoding as TileCoding,
    TreeBackup as TreeBackup,
    WatkinsQ as WatkinsQ,
    sweep as sweep,
)
from volition.value.task import Plan as Plan
