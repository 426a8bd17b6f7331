"""Driving among others."""

from volition.env.driving.drivers import Drivers as Drivers
from volition.env.driving.highway import Highway as Highway
