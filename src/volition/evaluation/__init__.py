"""Evaluation: predictions of answers, and policies under a known reward."""

from volition.evaluation.agreement import (
    agreement as agreement,
    comparison_agreement as comparison_agreement,
)
from volition.evaluation.answers import (
    AnswerScore as AnswerScore,
    brier_score as brier_score,
    calibration_error as calibration_error,
    cross_validate as cross_validate,
    folds as folds,
    noise_ceiling as noise_ceiling,
    score_answers as score_answers,
    skill as skill,
)
from volition.evaluation.episodes import Episodes as Episodes, play as play
from volition.evaluation.estimate import (
    Estimate as Estimate,
    clustered_mean as clustered_mean,
    mean_over as mean_over,
    rate_of_none as rate_of_none,
    ratio_over as ratio_over,
    sample_interval as sample_interval,
    share_of_none as share_of_none,
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
