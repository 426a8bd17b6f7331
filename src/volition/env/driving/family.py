"""Roads to learn on, and roads that are kept for the end."""

from volition.env.driving.drivers import Drivers
from volition.env.driving.highway import Highway
from volition.env.driving.merge import Merge
from volition.env.family import Family

# Around highway-env's own: density 1, headway 1.5 s.
TRAIN_DENSITIES = (0.8, 1.0, 1.2)
TRAIN_HEADWAYS = (1.2, 1.8)  # s

HELD_OUT = {
    "denser": lambda: Highway(density=1.5),
    "pushier drivers": lambda: Highway(
        drivers=Drivers(headway=0.8, distance=8.0, gain=0.0, imposed=4.0)
    ),
    "slower traffic": lambda: Highway(speed_limit=25.0),
    "four lanes": lambda: Highway(4),
    "merge": Merge,
}


def highway_family() -> Family:
    """Motorways of several densities and kinds of drivers, and five others held out.

    Held out are traffic half as dense again, drivers who keep shorter gaps and cut in,
    a lower speed limit, a fourth lane, and a slip road. The tasks to train on have one
    shape, so that they are learned on side by side.

    Returns:
        The family; the held-out tasks are in the order of `HELD_OUT`.

    Example:
        >>> family = highway_family()
        >>> len(family.train), len(family.held_out)
        (6, 5)
    """
    train = tuple(
        Highway(density=density, drivers=Drivers(headway=headway))
        for density in TRAIN_DENSITIES
        for headway in TRAIN_HEADWAYS
    )
    return Family(train, tuple(make() for make in HELD_OUT.values()))
