"""Classic control: small continuous worlds, step by step as in Gymnasium."""

from volition.env.classic.acrobot import (
    Acrobot as Acrobot,
    AcrobotState as AcrobotState,
)
from volition.env.classic.cart_pole import (
    CartPole as CartPole,
    CartPoleState as CartPoleState,
)
from volition.env.classic.mountain_car import (
    CarState as CarState,
    MountainCar as MountainCar,
)
from volition.env.classic.pendulum import (
    Pendulum as Pendulum,
    PendulumState as PendulumState,
)
