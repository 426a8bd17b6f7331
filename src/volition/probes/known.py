"""What is known beside a reward: what the probes of an audit can go by."""

from collections.abc import Callable, Mapping

import equinox as eqx
import numpy as np

from volition.feedback import Dataset
from volition.policy import Tabular
from volition.probes.rules import Rule
from volition.probes.shift import Elsewhere
from volition.reward import AbstractReward


class Known(eqx.Module):
    """What is known beside the reward that is audited.

    Everything can be left out; the audit lists the probes that could not look.

    Args:
        truth: what is wanted, where that is known: hidden performance, a gold reward.
        latent: the audited reward as it would be paid if the sensors told the truth.
        unshaped: what the audited reward is said to be a shaping of.
        reference: what was done before, or a policy that is trusted.
        trusted: two or more trusted policies, for instance of several seeds.
        elsewhere: further worlds that the reward should hold in.
        support: which steps the evidence was about, `[state, action]`.
        removes_oversight: which steps put an off-switch or a supervisor out of action,
            `[state, action]`.
        rules: what no policy may do.
        groups: what groups of people want, by name.
        nuisance: features that should not matter.
        answers: the evidence.
        refit: what makes a reward of evidence.
    """

    truth: AbstractReward | None = None
    latent: AbstractReward | None = None
    unshaped: AbstractReward | None = None
    reference: Tabular | None = None
    trusted: tuple[Tabular, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    support: np.ndarray | None = None
    removes_oversight: np.ndarray | None = None
    rules: tuple[Rule, ...] = ()
    groups: Mapping[str, AbstractReward] = eqx.field(default_factory=dict)
    nuisance: tuple[str, ...] = eqx.field(static=True, default=())
    answers: Dataset | None = None
    refit: Callable[[Dataset], AbstractReward] | None = None
