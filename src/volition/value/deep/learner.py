"""The loop that every deep learner runs in: stretch after stretch."""

from jaxtyping import Array, Key, PRNGKeyArray

from volition.env import AbstractEnvironment, HostEnv
from volition.policy import AbstractPolicy
from volition.reward import AbstractReward
from volition.value.deep.agent import AbstractAgent, Stand
from volition.value.deep.host import HostLoop
from volition.value.deep.loop import Loop
from volition.value.deep.world import world
from volition.value.learning import (
    AbstractLearned,
    AbstractMethod,
    Curve,
    Progress,
    joined,
)


class Trained(AbstractLearned):
    """What a deep learner found.

    Args:
        policy: greedy in what it learned.
        curve: how it got there.
        stand: where it stopped; see the argument `after` of `learn`.
    """

    policy: AbstractPolicy
    curve: Curve
    stand: Stand


class AbstractDeepLearner(AbstractAgent, AbstractMethod[Trained]):
    """A learner with a network: see `AbstractAgent` for what one has to say."""

    def learn(
        self,
        key: PRNGKeyArray | Key[Array, " seed"],
        env: AbstractEnvironment | tuple[AbstractEnvironment, ...] | HostEnv,
        reward: AbstractReward,
        *,
        after: Stand | None = None,
        progress: Progress | None = None,
    ) -> Trained:
        """One compiled call for each stretch; on the host, for each step."""
        if isinstance(env, HostEnv):
            loop = HostLoop(env, reward, self)
        else:
            loop = Loop(world(env, reward, self.rollout.n_envs), self)
        stand = loop.begin(key) if after is None else loop.resume(key, after)
        rows = []
        for _ in range(self.n_stretches):
            stand, row = loop.stretch(key, stand)
            rows.append(row)
            if progress is not None:
                curve = joined(rows)
                progress(int(curve.step.max()), curve)
        return Trained(self.policy(stand.memory), joined(rows), stand)
