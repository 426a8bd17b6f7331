"""Rewards: what one transition is worth."""

from volition.reward.contract import (
    AbstractReward as AbstractReward,
    check_features as check_features,
    check_world as check_world,
    not_finite as not_finite,
)
from volition.reward.convolutional import (
    ConvolutionalNetwork as ConvolutionalNetwork,
)
from volition.reward.driving import (
    ExitReward as ExitReward,
    HighwayReward as HighwayReward,
    MergeReward as MergeReward,
    TwoWayReward as TwoWayReward,
)
from volition.reward.ensemble import Ensemble as Ensemble
from volition.reward.expected import expect_reward as expect_reward
from volition.reward.finite import check_weights as check_weights
from volition.reward.function import Function as Function
from volition.reward.inputs import (
    AbstractTransitionInputs as AbstractTransitionInputs,
    FeatureInputs as FeatureInputs,
    SeenInputs as SeenInputs,
    StepInputs as StepInputs,
)
from volition.reward.linear import Linear as Linear
from volition.reward.network import Network as Network
from volition.reward.safety import (
    SafetyWorld as SafetyWorld,
    safety_world as safety_world,
    safety_worlds as safety_worlds,
)
from volition.reward.scaled import Scaled as Scaled
from volition.reward.selected import Selected as Selected, reading as reading
from volition.reward.shaped import Shaped as Shaped
from volition.reward.stated import (
    acrobot as acrobot,
    blackjack as blackjack,
    cartpole as cartpole,
    cliff_walking as cliff_walking,
    delivery_true as delivery_true,
    dyna_maze as dyna_maze,
    intended as intended,
    maximization_bias as maximization_bias,
    mountain_car as mountain_car,
    pendulum as pendulum,
    random_walk as random_walk,
    windy_gridworld as windy_gridworld,
)
from volition.reward.tabular import Tabular as Tabular
