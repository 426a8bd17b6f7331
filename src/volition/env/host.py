"""Environments of Gymnasium's, stepped on the host, as our learners take them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float

from volition.env.environment import Feature, Transition
from volition.env.spaces import Discrete, Space
from volition.expect import described

if TYPE_CHECKING:
    import gymnasium


class HostStep(eqx.Module):
    """One step of each copy.

    Args:
        observation: from which to act next; of a new episode where one ended, `[env,
            ...]`.
        reward: what the environment itself pays, reward units, `[env]`.
        terminated: whether an outcome ended the episode, `[env]`.
        truncated: whether a time limit did and no outcome, `[env]`.
        next_observation: where the step led, before any reset, `[env, ...]`.
        info: as Gymnasium batches it; of a step that ended an episode under
            `final_info`.
    """

    observation: np.ndarray
    reward: Float[np.ndarray, " env"]
    terminated: Bool[np.ndarray, " env"]
    truncated: Bool[np.ndarray, " env"]
    next_observation: np.ndarray
    info: dict[str, Any]


class HostEnv:
    """Copies of an environment of Gymnasium's: not functional, but fit to learn from.

    Ends by an outcome and by a time limit are told apart, and what was seen before an
    automatic reset is kept. A reward sees observations as states, and the environment's
    own reward as the one feature.

    Args:
        envs: must reset in the same step, see `host_env`, which makes such a one.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where it does not, or a space is neither `Discrete` nor a `Box` of
            real numbers.

    Example:
        >>> env = host_env("CartPole-v1", 2)
        >>> seen = env.reset(0)
        >>> step = env.step(np.array([0, 1]))
        >>> step.reward.tolist(), step.terminated.tolist()
        ([1.0, 1.0], [False, False])
    """

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("reward", "1", "what the environment itself pays"),
    )

    def __init__(self, envs: "gymnasium.vector.VectorEnv", *, discount: float = 0.99):
        from gymnasium.vector import AutoresetMode

        from volition.env.gym.spaces import our_space

        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(
                f"the environment resets by {mode}, not in the same step: make it with "
                "autoreset_mode=AutoresetMode.SAME_STEP, or by volition.env.host_env."
            )
        self.envs, self.discount = envs, discount
        self.name: str = _name(envs)
        self._steps = np.zeros(envs.num_envs, dtype=int)
        self.n_envs: int = envs.num_envs
        self.action_space: Space = our_space(envs.single_action_space)
        self.observation_space: Space = our_space(envs.single_observation_space)

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Begin an episode in each copy.

        Args:
            seed: of the first; the others take the next ones.

        Returns:
            Observations, `[env, ...]`.

        Raises:
            ValueError: where one is NaN or infinite.
        """
        observation = self.envs.reset(seed=seed)[0]
        self._steps[:] = 0
        self._check_seen(observation, "reset")
        return observation

    def begin_anew(self, copies: Bool[np.ndarray, " env"]) -> np.ndarray:
        """Leave the episodes of some copies, and begin others there.

        Args:
            copies: which, `[env]`.

        Returns:
            Observations of all, `[env, ...]`.

        Raises:
            ValueError: where Gymnasium cannot do it for a part of the copies.
        """
        inner = getattr(self.envs.unwrapped, "envs", None)
        if not copies.all() and inner is None:
            raise ValueError(
                f"the episode of copy {int(np.argmax(copies))} of {self.name} is to be "
                f"left, which {type(self.envs.unwrapped).__name__} cannot do alone: "
                "make the copies by volition.env.host_env, or give the environment a "
                "time limit, gymnasium.wrappers.TimeLimit."
            )
        options = None if copies.all() else {"reset_mask": np.asarray(copies)}
        observation = self.envs.reset(options=options)[0]
        self._steps[copies] = 0
        self._check_seen(observation, "reset")
        return observation

    def step(self, actions: Any) -> HostStep:
        """Take one action in each copy.

        Args:
            actions: `[env]` or `[env, ...]`.

        Raises:
            ValueError: where an action, or what is observed, is NaN or infinite.
        """
        actions = np.asarray(actions)
        if isinstance(self.action_space, Discrete):
            actions = actions.astype(np.int64)
        else:
            actions = self._within(actions)
        observation, reward, terminated, truncated, info = self.envs.step(actions)
        self._steps += 1
        next_observation = np.array(observation)
        over = terminated | truncated
        for copy in np.flatnonzero(over):
            next_observation[copy] = info["final_obs"][copy]
        self._check_seen(next_observation, "step")
        self._steps[over] = 0
        if over.any():
            self._check_seen(observation, "reset")
        return HostStep(
            observation=observation,
            reward=np.asarray(reward, dtype=float),
            terminated=terminated,
            truncated=truncated & ~terminated,
            next_observation=next_observation,
            info=info,
        )

    def observe(self, state: np.ndarray) -> np.ndarray:
        """What is seen of a state: a reward's states are observations already."""
        return state

    def _within(self, actions: np.ndarray) -> np.ndarray:
        """Actions of the environment's type, without what rounding put outside."""
        whole = actions.reshape(self.n_envs, -1)
        wrong = ~np.isfinite(whole).all(axis=1)
        if wrong.any():
            copy = int(np.argmax(wrong))
            raise ValueError(
                f"the action for copy {copy} of {self.name} at step "
                f"{self._steps[copy] + 1} of its episode is NaN or infinite: the "
                "policy that chose it is not fit to act, so train it anew."
            )
        space: Any = self.envs.single_action_space
        actions = actions.astype(space.dtype)
        inside = np.clip(actions, space.low, space.high)
        slack = 2 * np.finfo(np.float32).eps
        near = np.abs(actions - inside) <= slack * np.abs(inside)
        return np.where(near, inside, actions)

    def _check_seen(self, observation: np.ndarray, when: str) -> None:
        """That observations of a reset or a step are finite."""
        if observation.dtype.kind != "f":
            return
        wrong = ~np.isfinite(observation.reshape(self.n_envs, -1)).all(axis=1)
        if not wrong.any():
            return
        copy = int(np.argmax(wrong))
        number = f"step {self._steps[copy]} of its episode"
        raise ValueError(
            f"the observation in copy {copy} of {self.name} at "
            f"{'the reset' if when == 'reset' else number} is NaN or infinite: correct "
            "the environment, or replace such entries by finite ones with "
            "gymnasium.wrappers.TransformObservation."
        )

    def transition(
        self, observation: np.ndarray, actions: Any, step: HostStep
    ) -> Transition:
        """Describe a step of each copy to a reward; map the reward over it.

        Args:
            observation: from which the actions were taken, `[env, ...]`.
            actions: as given to `step`.
            step: what it returned.
        """
        return Transition(
            state=observation,
            action=np.asarray(actions),
            next_state=step.next_observation,
            features=step.reward[:, None],
            terminated=step.terminated,
        )

    def close(self) -> None:
        """Release what the environments hold."""
        self.envs.close()

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """The environment's own reward."""
        return self.features

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of it."""
        return tuple(feature.name for feature in self.features)


def host_env(
    make: str | Callable[[], Any], n_envs: int, *, discount: float = 0.99
) -> HostEnv:
    """Copies of an environment of Gymnasium's in this process.

    Args:
        make: its id (`"highway_env:highway-fast-v0"` imports the package first), or a
            function that makes one, a `gymnasium.Env`.
        n_envs: how many copies, at least 1.
        discount: in `[0, 1]`, per step.

    Example:
        >>> host_env("Pendulum-v1", 3).action_space
        Box(low=-2.0, high=2.0, shape=(1,))
    """
    import gymnasium
    from gymnasium.vector import AutoresetMode, SyncVectorEnv

    if not isinstance(make, str) and not callable(make):
        raise TypeError(
            f"make is {described(make)}: give its id, or a function that makes a new "
            "one each time, such as lambda: MyEnv()."
        )
    if n_envs < 1:
        raise ValueError(f"n_envs = {n_envs}: there must be at least 1.")
    one = (lambda: gymnasium.make(make)) if isinstance(make, str) else make
    envs = SyncVectorEnv([one] * n_envs, autoreset_mode=AutoresetMode.SAME_STEP)
    return HostEnv(envs, discount=discount)


def _name(envs: "gymnasium.vector.VectorEnv") -> str:
    """The id by which it was made, or else what its class is called."""
    inner = getattr(envs.unwrapped, "envs", None)
    one = inner[0] if inner else envs
    spec = one.spec
    return spec.id if spec is not None else type(one.unwrapped).__name__
