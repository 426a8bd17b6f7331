"""Probe H3: more of the reward and less of what is wanted."""

import numpy as np

from volition.env import FiniteMDP
from volition.evaluation import hackability
from volition.policy import Tabular
from volition.probes.finding import Finding, shown
from volition.probes.searched import range_of, search
from volition.reward import AbstractReward
from volition.value import expected_reward

LEAST = 0.1  # of the range of returns: what is less is no matter


def hackable(
    env: FiniteMDP,
    reward: AbstractReward,
    truth: AbstractReward,
    policies: dict[str, Tabular] | None = None,
) -> tuple[Finding, ...]:
    """Find a policy that the reward leads to, and one that is wanted more for less.

    Among the best and soft policies for the reward and for the truth, acting at random,
    random policies, and those given. A pair counts where the truth differs by a tenth
    of its range; and where the reward does so, too, the other way round (an inversion),
    or where it is the same for both (a blind spot).

    Args:
        env: the world.
        reward: the one that is audited.
        truth: what is wanted.
        policies: further ones, by name.

    Who earns more must be led there by a reward: that two random policies are in
    another order says that the rewards differ, not that harm is paid for.

    Returns:
        At most one inversion and one blind spot, the worst; the path is of the policy
        that is wanted less.

    Source: J. Skalse et al., "Defining and characterizing reward hacking", NeurIPS
    2022, arXiv 2209.13085, definitions 1 and 2. Differs: small differences do not
    count, nor what nothing leads to.
    """
    paid = np.asarray(expected_reward(env, reward))
    wanted = np.asarray(expected_reward(env, truth))
    searched = search(env, {"the reward": paid, "the truth": wanted}, policies)
    earned, comes_to = searched.returns(paid), searched.returns(wanted)
    found = hackability(earned, comes_to, least=LEAST)
    (low, high), (least, most) = range_of(env, paid), range_of(env, wanted)
    scale, size = max(high - low, 1e-300), max(most - least, 1e-300)

    def worst(pairs: np.ndarray, gain: float) -> tuple[int, int] | None:
        """The pair that costs most, of those that matter on the range of all."""
        for before, after in pairs:
            if searched.names[after].startswith("random"):
                continue  # nothing leads there
            loses = (comes_to[before] - comes_to[after]) / size
            if (earned[after] - earned[before]) / scale >= gain and loses > LEAST:
                return int(before), int(after)
        return None

    findings = []
    for pairs, gain, how in (
        (found.inversions, LEAST, "earns more than"),
        (found.blind_spots, -LEAST, "earns as much as"),
    ):
        pair = worst(pairs, gain)
        if pair is None:
            continue
        before, after = pair
        sentence = (
            f"By the reward {searched.names[after]} {how} {searched.names[before]} "
            f"({earned[after]:.3g} and {earned[before]:.3g}), and is wanted less "
            f"({comes_to[after]:.3g} and {comes_to[before]:.3g}, of a range of "
            f"{size:.3g})."
        )
        policy = searched.policy(after)
        findings.append(Finding("H3", sentence, *shown(env, policy)))
    return tuple(findings)
