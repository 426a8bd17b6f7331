"""What a control is."""

from typing import NamedTuple

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.probes import Known, Subject
from volition.reward import AbstractReward
from volition.value import plan


class Control(NamedTuple):
    """Something of which it is known whether a probe must fire.

    Args:
        probe: its name in the audit.
        name: what it is, in words.
        positive: whether the probe must fire.
        subject: what it looks at.
    """

    probe: str
    name: str
    positive: bool
    subject: Subject


def subject(
    env: FiniteMDP,
    reward: AbstractReward,
    policy: Tabular | None = None,
    **known: object,
) -> Subject:
    """What is audited, the policy planned where none is given."""
    acting = plan(env, reward).policy if policy is None else policy
    return Subject(env, reward, acting, Known(**known), policy is not None)  # pyright: ignore[reportArgumentType]
