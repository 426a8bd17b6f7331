"""Driving among others, in the physics of highway-env."""

from volition.env.driving.candidates import (
    Paths as Paths,
    candidates as candidates,
    driven_path as driven_path,
)
from volition.env.driving.checks import checked as checked
from volition.env.driving.drivers import Drivers as Drivers
from volition.env.driving.exit import Exit as Exit
from volition.env.driving.highway import HELD_OUT as HELD_OUT, Highway as Highway
from volition.env.driving.identity import same_drivers as same_drivers
from volition.env.driving.lane_frame import (
    LaneFrame as LaneFrame,
    frame_of as frame_of,
    lane_frames as lane_frames,
)
from volition.env.driving.merge import Merge as Merge
from volition.env.driving.moments import (
    TIME_STEP as TIME_STEP,
    Found as Found,
    Moment as Moment,
    find_moments as find_moments,
    moments as moments,
)
from volition.env.driving.path_features import (
    NAMES as NAMES,
    PUBLISHED as PUBLISHED,
    UNITS as UNITS,
    path_features as path_features,
    published_features as published_features,
    surroundings as surroundings,
)
from volition.env.driving.predictions import (
    constant_velocity as constant_velocity,
    follow_leader as follow_leader,
)
from volition.env.driving.present import (
    PRESENT as PRESENT,
    present as present,
)
from volition.env.driving.recorded import (
    Lanelet as Lanelet,
    Recording as Recording,
    Skipped as Skipped,
    Track as Track,
    skipped_notes as skipped_notes,
)
from volition.env.driving.resample import resampled as resampled
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
