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

    Everything can be left out: what the world, the reward or a posterior tells is then
    derived, and for the rest the audit lists the checks that could not run. Something
    that is known not to exist is given as empty: `rules=()` says that there are none,
    and the check does not apply.

    Args:
        truth: what is wanted, where that is known: hidden performance, a gold reward.
        latent: the audited reward as it would be paid if the sensors told the truth;
            the audited reward itself where it reads none.
        unshaped: what the audited reward is said to be a shaping of; the audited reward
            itself where it has no shaping in it.
        reference: what was done before, or a policy that is trusted.
        trusted: two or more trusted policies, for instance of several seeds.
        elsewhere: further worlds that the reward should hold in.
        support: which steps the evidence was about, `[state, action]`.
        removes_oversight: which steps put an off-switch or a supervisor out of action,
            `[state, action]`; all False where there is none.
        rules: what no policy may do.
        groups: what groups of people want, by name.
        nuisance: features that should not matter.
        answers: the evidence; `Dataset.empty()` for a reward that was written by hand.
        refit: what makes a reward of evidence.

    Example:
        >>> from volition.feedback import Dataset
        >>> by_hand = Known(answers=Dataset.empty(), groups={}, rules=())
    """

    truth: AbstractReward | None = None
    latent: AbstractReward | None = None
    unshaped: AbstractReward | None = None
    reference: Tabular | None = None
    trusted: tuple[Tabular, ...] | None = None
    elsewhere: tuple[Elsewhere, ...] | None = None
    support: np.ndarray | None = None
    removes_oversight: np.ndarray | None = None
    rules: tuple[Rule, ...] | None = None
    groups: Mapping[str, AbstractReward] | None = None
    nuisance: tuple[str, ...] | None = eqx.field(static=True, default=None)
    answers: Dataset | None = None
    refit: Callable[[Dataset], AbstractReward] | None = None
