"""Deep value learning: one loop, networks, targets, replay, and three learners."""

from volition.value.deep.dqn import DQN as DQN
from volition.value.deep.learner import (
    AbstractDeepLearner as AbstractDeepLearner,
    Trained as Trained,
)
from volition.value.deep.network import (
    MLP as MLP,
    Mean as Mean,
    Network as Network,
    Quantile as Quantile,
)
from volition.value.deep.optimiser import Adam as Adam, RAdam as RAdam
from volition.value.deep.policy import (
    GreedyNetwork as GreedyNetwork,
    SoftNetwork as SoftNetwork,
    SquashedGaussian as SquashedGaussian,
)
from volition.value.deep.pqn import PQN as PQN, Passes as Passes
from volition.value.deep.replay import Replay as Replay, relabel as relabel
from volition.value.deep.sac import SAC as SAC
from volition.value.deep.targets import (
    Hard as Hard,
    Munchausen as Munchausen,
    Soft as Soft,
)
from volition.value.deep.world import Rollout as Rollout
