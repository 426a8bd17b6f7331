"""Classic control: small continuous worlds, step by step as in Gymnasium."""

from volition.env.classic.mountain_car import (
    CarState as CarState,
    MountainCar as MountainCar,
)
