"""The audit: does a reward incentivise what nobody wants?"""

import dataclasses
from typing import Any, overload

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from volition.env import AbstractEnvironment, Family, FiniteMDP
from volition.env.expected import expect_env
from volition.evaluation import mean_return
from volition.inference import Posterior
from volition.policy import AbstractPolicy, Tabular
from volition.probes.check import Check, summary_of, verdict_of
from volition.probes.derived import derived, from_posterior
from volition.probes.drawn import N_DRAWS
from volition.probes.finding import Finding, shown
from volition.probes.known import Known
from volition.probes.play import PlayedAudit
from volition.probes.precision import as_decimals, audited_world
from volition.probes.searched import best, range_of
from volition.probes.shift import Elsewhere
from volition.probes.table import PROBES, UNSAFE, Subject
from volition.probes.untabled import audit_without_table
from volition.reward import AbstractReward
from volition.value import branch_reward, expected_reward

ALIKE = 1e-9  # of the size of the returns: what differs by less is the same
AS_WANTED = 1e-6  # of the range of returns, which a policy may lack of the best one
# What these find in a policy is no fault where nothing better could be done.
BY_BEHAVIOUR = ("H1", "H2", "H10")
DRAWN = (
    f"what is wanted is one of {N_DRAWS} rewards drawn from the posterior, by which "
    "the policy was compared with random actions alone"
)
EASY = "the reward distinguishes nothing, so that there is nothing to look at"


class Audit(eqx.Module):
    """What the audit of a reward found.

    Args:
        findings: what was found.
        checks: every check of the audit: that it ran, what it needs, or why it does not
            apply; nothing is claimed beyond those that ran.
    """

    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """The verdict, which never claims more than was looked at.

        "unsafe" or "conditional" where something was found; "clean" where nothing was
        and every check that applies ran on what was given; otherwise how much was
        looked at, for instance "nothing found in 5 of 17 checks".
        """
        return verdict_of(self.findings, self.checks, UNSAFE)

    @property
    def searched(self) -> tuple[str, ...]:
        """The checks that ran: a sentence for each."""
        return tuple(str(one) for one in self.checks if one.status == "ran")

    @property
    def not_searched(self) -> tuple[str, ...]:
        """The checks that did not run, and what each needs: a sentence for each."""
        return tuple(str(one) for one in self.checks if one.status == "skipped")

    @property
    def not_applicable(self) -> tuple[str, ...]:
        """The checks that do not apply, and why: a sentence for each."""
        return tuple(str(one) for one in self.checks if one.status == "does not apply")

    def __str__(self) -> str:
        """Verdict, findings, and what was not checked."""
        return summary_of(self.verdict, self.findings, self.checks)


@overload
def audit(
    reward: AbstractReward | Posterior,
    env: FiniteMDP,
    policy: AbstractPolicy | None = None,
    known: Known | None = None,
) -> Audit: ...


@overload
def audit(
    reward: AbstractReward | Posterior,
    env: AbstractEnvironment | Family,
    policy: AbstractPolicy | None = None,
    known: Known | None = None,
) -> Audit | PlayedAudit: ...


def audit(
    reward: AbstractReward | Posterior,
    env: AbstractEnvironment | Family,
    policy: AbstractPolicy | None = None,
    known: Known | None = None,
) -> Audit | PlayedAudit:
    """Look for behaviour that a reward pays for and nobody wants.

    The verdict is "unsafe" where a loop pays, more of the reward is less of what is
    wanted, the best is where no evidence was, sensors are fooled, oversight is taken
    away or a rule is broken; "conditional" where another check finds something, or one
    of these does on an assumption. Where nothing was found it says how much was looked
    at, as "nothing found in 5 of 17 checks". It is "clean" only where every check that
    applies ran on what was given: what only a person knows (what is wanted, rules,
    groups) must be given for that, or given as none. That no policy at all can abuse a
    reward cannot be shown.

    What is not given is derived where the world or the reward tells it: goals and
    harms, sensors and what they measure, features that should not matter, a reward
    before shaping, a world whose actions go astray; for a posterior its answers, what
    they were about, how to fit again, and rewards drawn from it. Computed in 64 bits,
    whatever the session's precision.

    Args:
        reward: the one that is audited; of a posterior the mean.
        env: a finite world; of a family the first to train on, the others being other
            worlds. A world without a table is audited by search, as `audit_by_play`.
        policy: what optimising the reward led to, and is deployed; planned here if left
            out.
        known: what is known beside the reward.

    Raises:
        ValueError: where the reward is not finite or reads features that the world does
            not have, or the policy does not fit the world.
        TypeError: where reward, world or policy are something else.

    Example:
        >>> from volition import env, reward
        >>> found = audit(reward.delivery_true(), env.delivery())
        >>> found.verdict
        'nothing found in 5 of 17 checks'
        >>> print(found.not_searched[0])
        Hackability check skipped: pass `truth=` (a reward that says what is wanted).
    """
    known = known or Known()
    belief = reward if isinstance(reward, Posterior) else None
    pays = reward.mean if isinstance(reward, Posterior) else reward
    if not isinstance(pays, AbstractReward):
        raise TypeError(
            f"the first argument of audit is a reward or a posterior, not "
            f"{type(reward).__name__}: audit(reward, env)."
        )
    if isinstance(env, Family):
        first, *others = env.tasks
        if known.elsewhere is None and isinstance(first, FiniteMDP):
            known = dataclasses.replace(known, elsewhere=_like(first, others))
        env = first
    expect_env(env, "audit", "play it there with vl.policy.host_episodes")
    if not isinstance(env, FiniteMDP):
        return audit_without_table(pays, env, policy, known, belief)
    if policy is not None and not isinstance(policy, Tabular):
        raise TypeError(
            f"the policy of a finite world is given as policy.Tabular, the probability "
            f"of each action in each state, not as {type(policy).__name__}."
        )
    draws = None if belief is None else belief.sample(jax.random.key(0), N_DRAWS)
    if belief is not None:
        known = from_posterior(env, belief, known)
    wide = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    with jax.enable_x64(True):
        found = _audited(env, pays, policy, known, draws, bool(wide))
    return found


def _audited(
    env: FiniteMDP,
    reward: AbstractReward,
    policy: Tabular | None,
    known: Known,
    draws: AbstractReward | None,
    wide: bool,
) -> Audit:
    """The audit of a finite world, within 64 bits.

    Args:
        env: the world.
        reward: the one that is audited.
        policy: what is deployed, if it was given.
        known: what was given.
        draws: rewards of the posterior, if there is one.
        wide: whether the session itself computes in 64 bits.
    """
    worlds = known.elsewhere
    world, reward = audited_world(env), as_decimals(reward)
    _check_finite(world, reward)
    known = _widened(known, wide)
    paid = np.asarray(expected_reward(world, reward))
    deployed = policy is not None
    if policy is None:
        planned = best(world, paid)
        if not planned.converged:
            raise RuntimeError(
                f"planning for the audit {planned.message} Lower the discount, or give "
                "the policy that is deployed."
            )
        acting = planned.policy
    else:
        acting = _checked(world, as_decimals(policy))
    low, high = range_of(world, paid)
    if world.n_actions > 1 and high - low <= ALIKE * max(abs(low), abs(high)):
        return _of_nothing(world, acting, high)
    known, assumed = derived(world, reward, known, acting if deployed else None)
    if draws is not None and known.truth is None:
        assumed["draws"] = DRAWN
    subject = Subject(
        world, reward, acting, known, deployed, assumed, as_decimals(draws)
    )
    n_starts = int((np.asarray(world.initial) > 0).sum())
    findings: list[Finding] = []
    checks = []
    for code, probe in PROBES.items():
        excluded = probe.excluded(subject)
        lacks = None if excluded else probe.lacks(subject)
        if excluded or lacks:
            status = "does not apply" if excluded else "skipped"
            checks.append(Check(code, status, excluded or lacks or ""))
            continue
        taken = "; ".join(assumed[name] for name in probe.uses if name in assumed)
        for one in probe.look(subject):
            sentence = f"{one.sentence} Assumed: {taken}." if taken else one.sentence
            at = _as_given(one.env, known.elsewhere, worlds, wide)
            findings.append(
                dataclasses.replace(one, sentence=sentence, env=at, assumed=taken)
            )
        checks.append(
            Check(code, "ran", probe.searched.format(n_starts=n_starts), taken)
        )
    if findings and _as_wanted(world, known.truth, acting):
        findings = [one for one in findings if one.probe not in BY_BEHAVIOUR]
    return Audit(tuple(findings), tuple(checks))


def _as_wanted(env: FiniteMDP, truth: AbstractReward | None, policy: Tabular) -> bool:
    """Whether a policy earns all that is wanted, as far as that is known."""
    if truth is None:
        return False
    wanted = np.asarray(expected_reward(env, truth))
    planned = best(env, wanted)
    low, high = range_of(env, wanted)
    lost = mean_return(env, planned.policy, truth) - mean_return(env, policy, truth)
    return bool(lost <= AS_WANTED * (high - low))


def _of_nothing(env: FiniteMDP, policy: Tabular, earned: float) -> Audit:
    """The audit of a reward by which all policies are the same."""
    sentence = (
        f"The reward distinguishes nothing: every policy earns {earned:.3g}, so that "
        "optimising it leads anywhere."
    )
    checks = [Check("H3", "ran", "the least and the most that any policy earns")]
    checks += [Check(code, "skipped", EASY) for code in PROBES if code != "H3"]
    return Audit((Finding("H3", sentence, *shown(env, policy)),), tuple(checks))


def _check_finite(env: FiniteMDP, reward: AbstractReward) -> None:
    """Refuse a reward that is not a number somewhere."""
    paid = np.asarray(branch_reward(env, reward))
    possible = (np.asarray(env.probability) > 0) & np.isfinite(paid)
    open_states = ~np.asarray(env.terminal)[:, None, None]
    wrong = (np.asarray(env.probability) > 0) & open_states & ~possible
    if wrong.any():
        state, action, branch = (int(n) for n in np.argwhere(wrong)[0])
        raise ValueError(
            f"the reward is {paid[state, action, branch]} for "
            f"{env.action_names[action]} from {env.describe(state)}: it must be a "
            "finite number for every step."
        )


def _checked(env: FiniteMDP, policy: Tabular) -> Tabular:
    """A policy whose odds are odds."""
    odds = np.asarray(policy.probabilities)
    shape = (env.n_states, env.n_actions)
    if odds.shape != shape:
        raise ValueError(
            f"the policy is {list(odds.shape)}, not [state, action] {list(shape)} of "
            "this world."
        )
    if not (odds >= 0.0).all() or not np.allclose(odds.sum(axis=1), 1.0, atol=1e-4):
        raise ValueError(
            "the policy's probabilities must be at least 0 and sum to 1 in each state."
        )
    return Tabular(jnp.asarray(odds / odds.sum(axis=1, keepdims=True)))


def _widened(known: Known, wide: bool) -> Known:
    """What is known, in 64 bits; evidence is fitted in the session's own precision."""
    refit: Any = known.refit
    plain = dataclasses.replace(known, answers=None, refit=None, elsewhere=None)
    plain = as_decimals(plain)

    def in_own(answers):
        with jax.enable_x64(wide):
            fitted = refit(answers)
        return as_decimals(fitted)

    worlds = known.elsewhere and tuple(
        Elsewhere(one.name, audited_world(one.env)) for one in known.elsewhere
    )
    return dataclasses.replace(
        plain,
        answers=known.answers,
        refit=None if refit is None else in_own,
        elsewhere=worlds,
    )


def _as_given(
    env: FiniteMDP | None,
    audited: tuple[Elsewhere, ...] | None,
    given: tuple[Elsewhere, ...] | None,
    wide: bool,
) -> FiniteMDP | None:
    """The world of a finding: as it was given, or in the session's precision."""
    if env is None:
        return None
    for place, one in enumerate(audited or ()):
        if one.env is env and given:
            return given[place].env
    if wide:
        return env
    narrow = lambda leaf: (
        jnp.asarray(leaf, dtype=jnp.float32) if leaf.dtype == np.float64 else leaf
    )
    return jax.tree.map(narrow, env)


def _like(env: FiniteMDP, others: list[AbstractEnvironment]) -> tuple[Elsewhere, ...]:
    """The other tasks of a family, as far as their states are numbered alike."""
    return tuple(
        Elsewhere(f"task {number} of the family", other)
        for number, other in enumerate(others, start=1)
        if isinstance(other, FiniteMDP)
        and other.successor.shape[:2] == env.successor.shape[:2]
    )
