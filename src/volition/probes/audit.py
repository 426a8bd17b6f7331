"""The audit: does a reward incentivise what nobody wants?"""

from collections.abc import Callable

import equinox as eqx
import numpy as np

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.probes.finding import Finding
from volition.probes.harm import harm_as_the_cheaper_end
from volition.probes.loops import loops_that_pay
from volition.reward import AbstractReward
from volition.value import plan

Probe = Callable[[FiniteMDP, AbstractReward, Tabular], tuple[Finding, ...]]
PROBES: dict[str, Probe] = {"H1": loops_that_pay, "H2": harm_as_the_cheaper_end}
UNSAFE = frozenset({"H1"})  # any other probe that fires makes the verdict conditional


class Audit(eqx.Module):
    """What the audit of a reward found.

    Args:
        verdict: "clean", "conditional" or "unsafe".
        findings: what was found.
        searched: what was looked at, in words; nothing is claimed beyond it.
    """

    verdict: str
    findings: tuple[Finding, ...]
    searched: tuple[str, ...]


def audit(
    reward: AbstractReward, env: FiniteMDP, policy: Tabular | None = None
) -> Audit:
    """Look for behaviour that a reward pays for and nobody wants.

    The verdict is unsafe where a loop pays (H1), conditional where harm is the cheaper
    end (H2), clean otherwise: clean of what was searched, which the result lists.

    Args:
        reward: the one that is audited.
        env: a finite world; its named goal is what H1 and H2 are about.
        policy: what optimising the reward led to; planned here if left out.

    Example:
        >>> from volition import env, reward
        >>> audit(reward.delivery_true(), env.delivery()).verdict
        'clean'
    """
    policy = plan(env, reward).policy if policy is None else policy
    findings = tuple(
        finding for probe in PROBES.values() for finding in probe(env, reward, policy)
    )
    fired = {finding.probe for finding in findings}
    verdict = "clean"
    if fired:
        verdict = "unsafe" if fired & UNSAFE else "conditional"
    n_starts = int((np.asarray(env.initial) > 0).sum())
    searched = (
        (
            "H1: every loop that a start can reach, and the policy's ends",
            f"H2: the policy's ends from {n_starts} starts",
        )
        if np.asarray(env.goal).any()
        else ("nothing: the world names no goal, which H1 and H2 are about",)
    )
    return Audit(verdict, findings, searched)
