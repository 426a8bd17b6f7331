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
        loop = self._loop(env, reward)
        stand = loop.begin(key) if after is None else loop.resume(key, after)
        rows = []
        for _ in range(self.n_stretches):
            stand, row = loop.stretch(key, stand)
            rows.append(row)
            if progress is not None:
                curve = joined(rows)
                progress(int(curve.step.max()), curve)
        return Trained(self.policy(stand.memory), joined(rows), stand)

    def begin_learning(
        self,
        key: PRNGKeyArray | Key[Array, " seed"],
        env: AbstractEnvironment | tuple[AbstractEnvironment, ...] | HostEnv,
        reward: AbstractReward,
    ) -> Stand:
        """Where learning stands before its first step; `learn` goes on from there."""
        return self._loop(env, reward).begin(key)

    def _loop(
        self,
        env: AbstractEnvironment | tuple[AbstractEnvironment, ...] | HostEnv,
        reward: AbstractReward,
    ) -> Loop | HostLoop:
        if isinstance(env, HostEnv):
            return HostLoop(env, reward, self)
        return Loop(world(env, reward, self.rollout.n_envs), self)
