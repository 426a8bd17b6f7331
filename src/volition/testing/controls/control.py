"""All controls, drawn anew with each seed."""

from collections.abc import Callable, Iterator

from volition.probes import PROBES
from volition.testing.controls.chosen import noises, references, shaped_alike
from volition.testing.controls.grids import (
    lava_moves,
    loops_and_harm,
    mirages,
    potentials,
    puddles,
)
from volition.testing.controls.made import Control
from volition.testing.controls.people import groups, lengths, off_switches, slips
from volition.testing.controls.pressure import merges, strangers, vases
from volition.testing.controls.safety import safety_grids

FAMILIES: tuple[Callable[[int], Iterator[Control]], ...] = (
    loops_and_harm,
    merges,
    mirages,
    potentials,
    vases,
    lava_moves,
    lengths,
    off_switches,
    slips,
    strangers,
    groups,
    puddles,
    shaped_alike,
    noises,
    references,
    safety_grids,
)


def controls(seed: int) -> Iterator[Control]:
    """Every control of every probe.

    Args:
        seed: of what is random in them: worlds, potentials, answers.
    """
    for family in FAMILIES:
        yield from family(seed)


def fires(control: Control) -> bool:
    """Whether the probe finds something in its control.

    Raises:
        ValueError: where the probe cannot look at it.
    """
    probe = PROBES[control.probe]
    lacks = probe.excluded(control.subject) or probe.lacks(control.subject)
    if lacks is not None:
        raise ValueError(f"{control.probe}, {control.name}: {lacks}.")
    return bool(probe.look(control.subject))
