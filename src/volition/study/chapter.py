"""The audit of the textbook's reward for a car, by play: `speed - collision`."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from jaxtyping import PRNGKeyArray

from volition.env import Continuing, driving
from volition.policy import AbstractPolicy
from volition.probes import PlayedAudit, Rule, Shown, audit_by_play
from volition.reward import HighwayReward
from volition.study.highway import ENDING, PEOPLE, PRICES, label, price_of
from volition.study.saved_policy import read_policy

NO_COLLISION = Rule("no collision", "collision", most=0.0)
CHECKED = (
    Rule("half a second ahead", "headway", least=0.5),
    Rule("within 30 m/s", "speed", most=30.5),  # by half a metre, as it is regulated
    # Ours: .45 g, which wears on those who ride along.
    Rule("no harsh braking", "acceleration", least=-4.4),
)
CHAPTER = label(PRICES[0])
N_EPISODES = 50
ELSEWHERE = ("denser",)  # of the roads held out
AGAINST = (label(PRICES[-1]), PEOPLE, ENDING)  # whose policies it is compared with


def audit_chapter(
    key: PRNGKeyArray,
    policies: Mapping[str, AbstractPolicy],
    n_episodes: int | None = None,
) -> PlayedAudit:
    """Does `speed - collision` pay for collisions, and who keeps out of them?

    The next drive goes on where one ends, so that a collision costs what the formula
    says and nothing else, as in the study. What is wanted is taken to be the reward of
    highway-env.

    Args:
        key: consumed.
        policies: by name; the first is what optimising the reward led to.
        n_episodes: of each policy; `N_EPISODES` if left out.
    """
    here = road()
    return audit_by_play(
        key,
        Continuing(here),
        price_of(PRICES[0]),
        policies,
        (NO_COLLISION,),
        n_steps=int(here.course.time_limit),
        checked=CHECKED,
        truth=HighwayReward(),
        elsewhere={name: Continuing(driving.HELD_OUT[name]()) for name in ELSEWHERE},
        n_episodes=n_episodes or N_EPISODES,
    )


def road() -> driving.AbstractDriving:
    """On which is audited: the first that is learned on."""
    return cast("driving.AbstractDriving", driving.Highway.family().train[0])


def saved_policies(folder: Path, names: list[str]) -> dict[str, AbstractPolicy]:
    """Policies of a highway study, those of its first seed, the textbook's first.

    Args:
        folder: of the study.
        names: of all whose policies it has, in the order of their files.

    Raises:
        InputError: where one is missing or no policy.
    """
    found = {}
    for who in (CHAPTER, *AGAINST):
        if who not in names:
            continue
        path = folder / "runs" / f"policy-{names.index(who)}-0.json"
        found[who] = read_policy(path, road())
    return found


def scene_of(shown: Shown) -> driving.SceneLog:
    """The episode of a finding, to be drawn."""
    world = Continuing(road()) if shown.env is None else shown.env
    env = cast("driving.AbstractDriving", cast("Continuing", world).env)
    return driving.scene_log(env, shown.seen.transition)
