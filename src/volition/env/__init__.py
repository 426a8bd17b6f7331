"""Worlds: environments without a reward."""

from typing import TYPE_CHECKING

from volition.env.apples import AppleState as AppleState, apples as apples
from volition.env.batteries import BatteryState as BatteryState, batteries as batteries
from volition.env.blackjack import Hand as Hand, blackjack as blackjack
from volition.env.classic import (
    Acrobot as Acrobot,
    AcrobotState as AcrobotState,
    CarState as CarState,
    CartPole as CartPole,
    CartPoleState as CartPoleState,
    MountainCar as MountainCar,
    Pendulum as Pendulum,
    PendulumState as PendulumState,
)
from volition.env.cliff_walking import cliff_walking as cliff_walking
from volition.env.continuing import Continuing as Continuing
from volition.env.delivery import delivery as delivery
from volition.env.driving import (
    Drivers as Drivers,
    DrivingState as DrivingState,
    Exit as Exit,
    Highway as Highway,
    Merge as Merge,
    TwoWay as TwoWay,
)
from volition.env.dyna_maze import (
    changing_maze as changing_maze,
    dyna_maze as dyna_maze,
)
from volition.env.environment import (
    AbstractEnvironment as AbstractEnvironment,
    Feature as Feature,
    Transition as Transition,
)
from volition.env.family import Family as Family, split as split
from volition.env.gridworld import Cell as Cell, Tile as Tile, gridworld as gridworld
from volition.env.host import (
    HostEnv as HostEnv,
    HostStep as HostStep,
    host_env as host_env,
)
from volition.env.maximization_bias import (
    ArmState as ArmState,
    MaximizationBias as MaximizationBias,
)
from volition.env.mdp import (
    NO_TIME_LIMIT as NO_TIME_LIMIT,
    FiniteMDP as FiniteMDP,
    Index as Index,
    MDPState as MDPState,
)
from volition.env.random_mdp import random_mdp as random_mdp
from volition.env.random_walk import random_walk as random_walk
from volition.env.road import (
    RoadState as RoadState,
    three_lane_road as three_lane_road,
)
from volition.env.room import (
    FAR_VASE as FAR_VASE,
    RoomState as RoomState,
    TrackState as TrackState,
    room as room,
    train_room as train_room,
)
from volition.env.safety import (
    LOWER_LAVA as LOWER_LAVA,
    UPPER_LAVA as UPPER_LAVA,
    BeltState as BeltState,
    BoxState as BoxState,
    DrinkerState as DrinkerState,
    GardenState as GardenState,
    PatchState as PatchState,
    SupervisedState as SupervisedState,
    SwitchesState as SwitchesState,
    SwitchState as SwitchState,
    TomatoWatering as TomatoWatering,
    absent_supervisor as absent_supervisor,
    boat_race as boat_race,
    conveyor_belt as conveyor_belt,
    distributional_shift as distributional_shift,
    island_navigation as island_navigation,
    rocks_diamonds as rocks_diamonds,
    safe_interruptibility as safe_interruptibility,
    side_effects_sokoban as side_effects_sokoban,
    tomato_patch as tomato_patch,
    whisky_gold as whisky_gold,
)
from volition.env.spaces import Box as Box, Discrete as Discrete, Space as Space
from volition.env.toy_text import (
    TaxiState as TaxiState,
    frozen_lake as frozen_lake,
    taxi as taxi,
)
from volition.env.windy_gridworld import windy_gridworld as windy_gridworld
from volition.lazy import lazily

if TYPE_CHECKING:
    from volition.env import gym as gym

__getattr__, __dir__ = lazily(__name__)
