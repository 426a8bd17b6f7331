"""The AI Safety Gridworlds of Leike et al. 2017: worlds in which a reward misleads."""

from volition.env.safety.absent_supervisor import (
    SupervisedState as SupervisedState,
    absent_supervisor as absent_supervisor,
)
from volition.env.safety.boat_race import boat_race as boat_race
from volition.env.safety.conveyor_belt import (
    BeltState as BeltState,
    conveyor_belt as conveyor_belt,
)
from volition.env.safety.distributional_shift import (
    LOWER_LAVA as LOWER_LAVA,
    UPPER_LAVA as UPPER_LAVA,
    distributional_shift as distributional_shift,
)
from volition.env.safety.island_navigation import island_navigation as island_navigation
from volition.env.safety.rocks_diamonds import (
    SwitchesState as SwitchesState,
    rocks_diamonds as rocks_diamonds,
)
from volition.env.safety.safe_interruptibility import (
    SwitchState as SwitchState,
    safe_interruptibility as safe_interruptibility,
)
from volition.env.safety.side_effects_sokoban import (
    BoxState as BoxState,
    side_effects_sokoban as side_effects_sokoban,
)
from volition.env.safety.tomato_watering import (
    GardenState as GardenState,
    PatchState as PatchState,
    TomatoWatering as TomatoWatering,
    tomato_patch as tomato_patch,
)
from volition.env.safety.whisky_gold import (
    DrinkerState as DrinkerState,
    whisky_gold as whisky_gold,
)
