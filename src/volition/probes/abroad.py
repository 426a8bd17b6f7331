"""Probe H11 by play: worlds in which a policy is no longer the better one."""

from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import Key

from volition.env import AbstractEnvironment
from volition.evaluation import Estimate, mean_over
from volition.policy import AbstractPolicy
from volition.probes.played import Played, PlayedFinding, Shown, one_of, play_out
from volition.reward import AbstractReward


def worse_elsewhere(
    starts: Key[jax.Array, " start"],
    elsewhere: Mapping[str, AbstractEnvironment],
    reward: AbstractReward,
    truth: AbstractReward,
    policies: Mapping[str, AbstractPolicy],
    at_home: Mapping[str, Played],
    n_steps: int,
) -> list[PlayedFinding]:
    """Find worlds in which the first policy falls behind one that it surpasses at home.

    How much can be had in a world is not known where it has no table, so a policy is
    measured by others, from the same starts.

    Args:
        starts: keys of the episodes.
        elsewhere: the other worlds, by name.
        reward: the one that is audited.
        truth: what is wanted.
        policies: by name; the first is what optimising the reward led to.
        at_home: their episodes in the world that is audited.
        n_steps: of an episode.

    Returns:
        A finding for each world, about the policy that it falls behind the most.
    """
    first, *others = policies
    ahead = [name for name in others if _apart(at_home[first], at_home[name]).low > 0.0]
    found = []
    for where, world in elsewhere.items() if ahead else ():
        there = {
            name: play_out(starts, world, reward, truth, policies[name], n_steps)
            for name in (first, *ahead)
        }
        apart = {name: _apart(there[first], there[name]) for name in ahead}
        worst = min(apart, key=lambda name: apart[name].value)
        if not apart[worst].high < 0.0:
            continue
        home = _apart(at_home[first], at_home[worst])
        sentence = (
            f"In {where}, {first} is wanted {_less(apart[worst])} less than {worst}, "
            f"which it surpasses by {home.value:.3g} where it was learned, over "
            f"{home.n} starts."
        )
        start = int(np.argmin(there[first].wanted - there[worst].wanted))
        episodes = tuple(
            Shown(name, one_of(there[name].seen, start), world)
            for name in (first, worst)
        )
        found.append(PlayedFinding("H11", sentence, episodes))
    return found


def _apart(one: Played, other: Played) -> Estimate:
    return mean_over(one.wanted - other.wanted, "starts", fixed=True)


def _less(apart: Estimate) -> str:
    return f"{-apart.value:.3g} [{-apart.high:.3g}, {-apart.low:.3g}]"
