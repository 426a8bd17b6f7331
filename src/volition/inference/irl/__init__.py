"""Inverse reinforcement learning: rewards from what was done.

| method | here |
|---|---|
| maximum (causal) entropy | `max_entropy`, `max_causal_entropy` |
| maximum likelihood IRL | `fit`, `human.BoltzmannOptimal`, `inference.MAP` |
| Bayesian IRL | the same with `inference.NUTS`; on a grid, `policy_walk` |
| several intentions | `inference.find_groups`, with people who demonstrate |
| apprenticeship, linear programmes | `apprenticeship`, `explaining_reward` |
| adversarial (AIRL, GAIL) | `airl`, `gail` |
| state marginals (f-IRL) | `f_irl` |
| ranked demonstrations (T-REX) | `t_rex`; ranked by noise, `imitation.d_rex` |
| what demonstrations cannot tell | `common_reward`, `rewards_alike` |
"""

from volition.inference.irl.adversarial import (
    Adversarial as Adversarial,
    airl as airl,
    gail as gail,
    soft_learner as soft_learner,
)
from volition.inference.irl.adversary import Contest as Contest
from volition.inference.irl.alternatives import (
    Alternatives as Alternatives,
    LearnedFromDemonstrations as LearnedFromDemonstrations,
    learn_from_demonstrations as learn_from_demonstrations,
)
from volition.inference.irl.ambiguity import (
    Ambiguity as Ambiguity,
    common_reward as common_reward,
    left_open as left_open,
    rewards_alike as rewards_alike,
)
from volition.inference.irl.apprenticeship import (
    Apprentice as Apprentice,
    apprenticeship as apprenticeship,
    explaining_reward as explaining_reward,
)
from volition.inference.irl.demonstrations import (
    check_demonstrations as check_demonstrations,
    state_visits as state_visits,
)
from volition.inference.irl.discriminator import Recovered as Recovered
from volition.inference.irl.f_irl import StatesMatched as StatesMatched, f_irl as f_irl
from volition.inference.irl.max_causal_entropy import (
    Matched as Matched,
    max_causal_entropy as max_causal_entropy,
)
from volition.inference.irl.max_entropy import max_entropy as max_entropy
from volition.inference.irl.policy_walk import (
    Walked as Walked,
    policy_walk as policy_walk,
)
from volition.inference.irl.steps import (
    Demonstrated as Demonstrated,
    demonstrated as demonstrated,
)
from volition.inference.irl.t_rex import (
    ranked_comparisons as ranked_comparisons,
    t_rex as t_rex,
)
