"""Worlds: environments without a reward."""

from volition.env.delivery import delivery as delivery
from volition.env.environment import (
    AbstractEnvironment as AbstractEnvironment,
    Feature as Feature,
    Transition as Transition,
)
from volition.env.gridworld import Cell as Cell, Tile as Tile, gridworld as gridworld
from volition.env.mdp import (
    FiniteMDP as FiniteMDP,
    Index as Index,
    MDPState as MDPState,
)
from volition.env.spaces import Box as Box, Discrete as Discrete, Space as Space
