"""Evaluation: predictions of answers, and policies under a known reward."""

from volition.evaluation.agreement import (
    agreement as agreement,
    comparison_agreement as comparison_agreement,
)
from volition.evaluation.answers import (
    AnswerScore as AnswerScore,
    Reliability as Reliability,
    brier_score as brier_score,
    calibration_error as calibration_error,
    cross_validate as cross_validate,
    folds as folds,
    noise_ceiling as noise_ceiling,
    reliability as reliability,
    score_answers as score_answers,
    skill as skill,
)
from volition.evaluation.bootstrap import bootstrap as bootstrap
from volition.evaluation.canonical import (
    dard_canonical as dard_canonical,
    epic_canonical as epic_canonical,
    full_reward as full_reward,
    possible_reward as possible_reward,
    starc_canonical as starc_canonical,
)
from volition.evaluation.correlated_proxy import (
    ProxyBound as ProxyBound,
    gain_bound as gain_bound,
    proxy_bound as proxy_bound,
)
from volition.evaluation.counterfactual import (
    Edit as Edit,
    counterfactual as counterfactual,
)
from volition.evaluation.coverage import (
    dynamics as dynamics,
    dynamics_coverage as dynamics_coverage,
    mixed_coverage as mixed_coverage,
    uniform_coverage as uniform_coverage,
    visit_coverage as visit_coverage,
)
from volition.evaluation.episodes import Episodes as Episodes, play as play
from volition.evaluation.estimate import (
    Estimate as Estimate,
    clustered_mean as clustered_mean,
    exactly as exactly,
    mean_over as mean_over,
    rate_of_none as rate_of_none,
    ratio_over as ratio_over,
    sample_interval as sample_interval,
    share_of as share_of,
    share_of_none as share_of_none,
)
from volition.evaluation.evaluate import Evaluation as Evaluation, evaluate as evaluate
from volition.evaluation.exchange import (
    ExchangeRates as ExchangeRates,
    exchange_rates as exchange_rates,
    rates_of_draws as rates_of_draws,
)
from volition.evaluation.generalisation import (
    TaskScores as TaskScores,
    cross_validate_tasks as cross_validate_tasks,
    generalisation_gap as generalisation_gap,
)
from volition.evaluation.hackability import (
    Hackability as Hackability,
    hackability as hackability,
)
from volition.evaluation.influence import (
    Influence as Influence,
    influence as influence,
    influence_by_draws as influence_by_draws,
)
from volition.evaluation.jumps import (
    Jumps as Jumps,
    jump_coverage as jump_coverage,
    jump_features as jump_features,
    jump_reward as jump_reward,
)
from volition.evaluation.off_policy import Logged as Logged, logged as logged
from volition.evaluation.over_optimisation import (
    FittedCurve as FittedCurve,
    OverOptimisation as OverOptimisation,
    best_of_n as best_of_n,
    best_of_n_kl as best_of_n_kl,
    count_of_kl as count_of_kl,
    fit_best_of_n as fit_best_of_n,
    fit_reinforcement as fit_reinforcement,
    over_optimisation as over_optimisation,
)
from volition.evaluation.policies import (
    Outcomes as Outcomes,
    PolicyScore as PolicyScore,
    can_reach as can_reach,
    mean_return as mean_return,
    outcomes as outcomes,
    policy_chain as policy_chain,
    possible_steps as possible_steps,
    scaled_return as scaled_return,
    score_reward as score_reward,
    share_of_starts as share_of_starts,
    worst_tie_break as worst_tie_break,
)
from volition.evaluation.rank_correlation import (
    RankCorrelation as RankCorrelation,
    deterministic_policies as deterministic_policies,
    policy_returns as policy_returns,
    policy_set as policy_set,
    rank_correlation as rank_correlation,
)
from volition.evaluation.records_value import (
    Fitted as Fitted,
    Weighted as Weighted,
    fitted_q_evaluation as fitted_q_evaluation,
    importance_sampling as importance_sampling,
)
from volition.evaluation.regret import (
    Regret as Regret,
    range_regret as range_regret,
    scaled_regret as scaled_regret,
)
from volition.evaluation.reward_distance import (
    RewardDistances as RewardDistances,
    dard_distance as dard_distance,
    epic_distance as epic_distance,
    norm_distance as norm_distance,
    pearson_distance as pearson_distance,
    reward_distances as reward_distances,
    starc_distance as starc_distance,
)
from volition.evaluation.runs import (
    Profile as Profile,
    interquartile_mean as interquartile_mean,
    iqm as iqm,
    optimality_gap as optimality_gap,
    over_runs as over_runs,
    paired_difference as paired_difference,
    performance_profile as performance_profile,
    probability_of_improvement as probability_of_improvement,
)
from volition.evaluation.sampled_distance import (
    episode_return_distance as episode_return_distance,
    recorded_steps as recorded_steps,
    sampled_epic as sampled_epic,
)
from volition.evaluation.short_form import (
    ShortForm as ShortForm,
    pair_agreement as pair_agreement,
    short_form as short_form,
)
from volition.evaluation.stability import Stability as Stability, stability as stability
