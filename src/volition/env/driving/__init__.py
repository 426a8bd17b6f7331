"""Driving among others, in the physics of highway-env."""

from volition.env.driving.checks import checked as checked
from volition.env.driving.drivers import Drivers as Drivers
from volition.env.driving.exit import Exit as Exit
from volition.env.driving.highway import HELD_OUT as HELD_OUT, Highway as Highway
from volition.env.driving.merge import Merge as Merge
from volition.env.driving.recorded import (
    Lanelet as Lanelet,
    Recording as Recording,
    Track as Track,
)
from volition.env.driving.scene import SceneLog as SceneLog, scene_log as scene_log
from volition.env.driving.simulator import (
    ACTIONS as ACTIONS,
    FASTER as FASTER,
    IDLE as IDLE,
    LEFT as LEFT,
    RIGHT as RIGHT,
    SLOWER as SLOWER,
    AbstractDriving as AbstractDriving,
    DrivingState as DrivingState,
    placed as placed,
)
from volition.env.driving.two_way import TwoWay as TwoWay
