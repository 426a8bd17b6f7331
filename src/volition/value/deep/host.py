"""Learning in environments of Gymnasium's: a loop on the host, a compiled learner."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from volition.env import HostEnv, HostStep
from volition.reward import AbstractReward, check_weights, reading
from volition.value.deep.agent import AbstractAgent, Stand
from volition.value.deep.loop import check, sound
from volition.value.deep.world import Spaces, Step
from volition.value.faults import LEARNER, OBSERVATION, REWARD, bad_number, diverged
from volition.value.learning import Curve

Seen = dict[str, Any]  # the fields of a `Step` as NumPy's arrays, but for the reward


class HostLoop:
    """A learner in copies of an environment of Gymnasium's.

    What the environment is in the midst of cannot be kept, so that learning that is
    resumed goes on with new episodes.

    Args:
        env: the copies; as many as the agent's rollout has instances.
        reward: what their transitions are worth.
        agent: the learner.

    Raises:
        ValueError: where the reward reads features that the environment does not have
            or has weights that are not finite, or the number of copies is another one;
            while learning, where an observation or a reward is NaN or infinite.
    """

    def __init__(self, env: HostEnv, reward: AbstractReward, agent: AbstractAgent):
        reward = reading(reward, env.feature_names)
        check_weights(reward)
        if env.n_envs != agent.rollout.n_envs:
            raise ValueError(
                f"the environment has {env.n_envs} copies, the rollout "
                f"{agent.rollout.n_envs}: give both the same n_envs."
            )
        self.env, self.reward, self.agent = env, reward, agent
        self.observation = np.zeros(0)

    def begin(self, key: PRNGKeyArray | Key[Array, " seed"]) -> Stand:
        """Where learning stands before the first step."""
        if key.ndim > 0:
            raise ValueError(
                "an environment on the host is learned with one key: call learn once "
                "for each."
            )
        self._reset(key, 0)
        return _begin(key, self.spaces, self._example(), self.agent)

    def resume(self, key: PRNGKeyArray, after: Stand) -> Stand:
        """Where it stood, if that fits, with new episodes."""
        self._reset(key, int(after.stretch))
        example = self._example()
        check(
            after, eqx.filter_eval_shape(_begin, key, self.spaces, example, self.agent)
        )
        anew = jnp.zeros_like(after.so_far)
        return eqx.tree_at(lambda stand: stand.so_far, after, anew)

    def stretch(self, key: PRNGKeyArray, stand: Stand) -> tuple[Stand, Curve]:
        """One stretch, and its row of the curve."""
        agent, (n, length) = self.agent, (self.env.n_envs, self.agent.rollout.length)
        step = int(stand.stretch) * agent.n_rollouts * agent.rollout.n_steps
        keys = jax.random.split(
            jax.random.fold_in(key, stand.stretch), (agent.n_rollouts, length + 1)
        )
        memory, so_far = stand.memory, np.array(stand.so_far)
        ended: list[float] = []
        for rollout in keys:
            steps = []
            for number in range(length):
                now = jnp.int32(step)
                actions = _act(rollout[number], memory, self.observation, now, agent)
                actions = np.asarray(actions)
                if not np.isfinite(actions).all():
                    raise diverged(LEARNER, f"in {self.env.name} after {step} steps")
                steps.append(self._step(actions))
                step += n
            seen = jax.tree.map(lambda *parts: np.stack(parts), *steps)
            memory, paid = _update(
                rollout[-1], memory, seen, self.reward, jnp.int32(step), agent
            )
            self._check(np.asarray(paid), seen, step // n - length)
            for reward, over in zip(np.asarray(paid), seen["over"], strict=True):
                so_far += reward
                ended += so_far[over].tolist()
                so_far[over] = 0.0
        if not bool(_sound(memory)):
            raise diverged(LEARNER, f"in {self.env.name} after {step} steps")
        mean = np.float32(np.mean(ended) if ended else np.nan)
        row = Curve(
            *(jnp.asarray([x]) for x in (np.int32(step), mean, np.int32(len(ended))))
        )
        return Stand(memory, None, jnp.asarray(so_far), stand.stretch + 1), row

    @property
    def spaces(self) -> Spaces:
        """Of each copy."""
        return Spaces(self.env.observation_space, self.env.action_space)

    def _reset(self, key: PRNGKeyArray, stretch: int) -> None:
        seed = jax.random.bits(jax.random.fold_in(key, 2**32 - 2 - stretch))
        self.observation = self.env.reset(int(seed >> 1))  # Gymnasium's are signed

    def _step(self, actions: np.ndarray) -> Seen:
        before, step = self.observation, self.env.step(actions)
        self.observation = step.observation
        return self._seen(before, actions, step)

    def _seen(self, before: np.ndarray, actions: np.ndarray, step: HostStep) -> Seen:
        return {
            "observation": before,
            "transition": self.env.transition(before, actions, step),
            "next_observation": step.next_observation,
            "terminated": step.terminated,
            "over": step.terminated | step.truncated,
            "discount": np.full(self.env.n_envs, self.env.discount, dtype=np.float32),
        }

    def _check(self, paid: np.ndarray, seen: Seen, before: int) -> None:
        """That what a rollout was paid is finite, `[time, env]`."""
        ahead = np.asarray(seen["next_observation"])
        ahead = ahead.reshape(*paid.shape, -1)
        with np.errstate(over="ignore"):
            seen_well = np.isfinite(ahead.astype(np.float32)).all(axis=-1)
        wrong = np.argwhere(~(np.isfinite(paid) & seen_well))
        if len(wrong) == 0:
            return
        time, copy = (int(number) for number in wrong[0])
        own = np.asarray(seen["transition"].features[time, copy])
        kind = REWARD if bool(np.asarray(seen_well)[time, copy]) else OBSERVATION
        where = f"in copy {copy} of {self.env.name} at its step {before + time + 1}"
        if kind == REWARD and not np.isfinite(own).all():
            where += f", where the environment itself pays {own.ravel()[0]},"
        raise bad_number(kind, where)

    def _example(self) -> Seen:
        n, seen = self.env.n_envs, self.observation
        action = self.env.action_space.sample(jax.random.key(0))
        actions = np.broadcast_to(np.asarray(action), (n, *action.shape))
        no = np.zeros(n, dtype=bool)
        return self._seen(seen, actions, HostStep(seen, np.zeros(n), no, no, seen, {}))


@eqx.filter_jit
def _begin(
    key: PRNGKeyArray, spaces: Spaces, example: Seen, agent: AbstractAgent
) -> Stand:
    memory_key = jax.random.fold_in(key, 2**32 - 1)
    nothing = jnp.zeros_like(jnp.asarray(example["discount"]))
    memory = agent.begin(memory_key, spaces, _paid(example, nothing))
    return Stand(memory, None, nothing, jnp.int32(0))


def _paid(seen: Seen, reward: Array) -> Step:
    return Step(**jax.tree.map(jnp.asarray, seen), reward=reward)


_sound = eqx.filter_jit(sound)


@eqx.filter_jit
def _act(
    key: PRNGKeyArray, memory: PyTree, seen: Any, step: Array, agent: AbstractAgent
) -> Array:
    return agent.act(key, memory, seen, step)


@eqx.filter_jit
def _update(
    key: PRNGKeyArray,
    memory: PyTree,
    seen: Seen,
    reward: AbstractReward,
    step: Array,
    agent: AbstractAgent,
) -> tuple[PyTree, Array]:
    """What is remembered after a rollout, and its rewards."""
    transition = jax.tree.map(jnp.asarray, seen["transition"])
    paid = jax.vmap(jax.vmap(reward))(transition).astype(jnp.float32)
    return agent.update(key, memory, _paid(seen, paid), step), paid
