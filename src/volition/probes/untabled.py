"""The audit of a world without a table, of which nothing more was said."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Space
from volition.inference import Posterior
from volition.policy import AbstractPolicy
from volition.probes.derived import HARMS, Sensed, harms_of, sensors_of
from volition.probes.known import Known
from volition.probes.play import PlayedAudit, audit_by_play
from volition.reward import AbstractReward, intended

LONGEST = 100  # steps of an episode
N_EPISODES, N_STARTS, N_GENERATIONS = 20, 4, 8  # for a first look


class _Anyhow(AbstractPolicy):
    """Actions at random, of any space."""

    space: Space

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Any:
        """An action that ignores the observation."""
        del observation
        return self.space.sample(key)


def audit_without_table(
    reward: AbstractReward,
    env: AbstractEnvironment,
    policy: AbstractPolicy | None,
    known: Known,
    belief: Posterior | None,
) -> PlayedAudit:
    """Audit by episodes and by search, with what the world tells.

    The rules are those given, or that what the world names as a harm does not happen;
    what is wanted is the truth that was given, or the reward as it would be paid if the
    world's sensors told the truth, or what its source states. The search is a short
    one: for a longer one call `audit_by_play`. Without a policy, random actions are
    all that is played, and search shows what the reward pays most for.

    Args:
        reward: the one that is audited.
        env: the world.
        policy: what optimising the reward led to, if there is one.
        known: what is known beside the reward.
        belief: the posterior that the reward is of, if there is one.
    """
    random = {"random actions": _Anyhow(env.action_space)}
    policies = random if policy is None else {"the policy": policy} | random
    assumes = known.rules is None and bool(harms_of(env))
    rules = harms_of(env) if known.rules is None else known.rules
    truth, sensors = known.truth, sensors_of(env)
    if truth is None:
        truth = known.latent or intended(env)
    if truth is None and sensors:
        truth = Sensed(reward, sensors)
    limit = np.asarray(getattr(env, "time_limit", LONGEST))
    found = audit_by_play(
        jax.random.key(0),
        env,
        reward,
        policies,
        rules,
        n_steps=int(np.minimum(limit, LONGEST)),
        truth=truth,
        belief=belief if policy is not None else None,
        elsewhere={one.name: one.env for one in known.elsewhere or ()},
        n_episodes=N_EPISODES,
        n_starts=N_STARTS,
        n_generations=N_GENERATIONS,
    )
    if not assumes:
        return found
    resting = lambda one: one.probe in ("rules", "bargain")
    return dataclasses.replace(
        found,
        findings=tuple(
            dataclasses.replace(
                one, sentence=f"{one.sentence} Assumed: {HARMS}.", assumed=HARMS
            )
            if resting(one)
            else one
            for one in found.findings
        ),
        checks=tuple(
            dataclasses.replace(one, assumed=HARMS)
            if one.status == "ran" and one.code in ("rules", "bargain")
            else one
            for one in found.checks
        ),
    )
