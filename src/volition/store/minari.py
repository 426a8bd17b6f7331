"""Read demonstrations from a Minari data set, checked."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Discrete, Feature, Space, Transition
from volition.env.leaf import real
from volition.policy import Segment, from_arrays
from volition.store.errors import InputError


class Seen(eqx.Module):
    """A state of which nothing is known but what was seen.

    Args:
        observation: as recorded.
        paid: what the step that led here was paid, reward units; 0 at the beginning.
    """

    observation: PyTree
    paid: Float[ArrayLike, "*batch"]


class Recorded(AbstractEnvironment):
    """The world that a data set is from, as far as that tells: nobody can act in it.

    Fit for all that learns from demonstrations alone, such as `behaviour_cloning`,
    `density` and `t_rex`. What a policy cloned in it does, the world itself shows, say
    `volition.env.host_env` and `volition.policy.host_episodes`.

    Args:
        observations: what can be seen.
        actions: what can be done.
        discount: in `[0, 1]`, per step.
    """

    observations: Space = eqx.field(kw_only=True)
    actions: Space = eqx.field(kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=real, default=0.99, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("reward", "1", "what the environment itself paid"),
    )

    def reset(self, key: PRNGKeyArray) -> PyTree:
        """Refused."""
        return self._nothing()

    def step(self, key: PRNGKeyArray, state: PyTree, action: Any) -> PyTree:
        """Refused."""
        return self._nothing()

    def _nothing(self) -> PyTree:
        raise ValueError(
            "this world is known by its record alone: act in the environment itself, "
            "for instance volition.env.host_env."
        )

    def observe(self, state: Seen) -> PyTree:
        """What was seen."""
        return state.observation

    def terminated(self, state: Seen) -> Bool[Array, ""]:
        """Not known of a state: the record says it of a step."""
        del state
        return jnp.zeros((), dtype=bool)

    def truncated(self, state: Seen) -> Bool[Array, ""]:
        """Likewise."""
        del state
        return jnp.zeros((), dtype=bool)

    def transition(self, state: Seen, action: Any, next_state: Seen) -> Transition:
        """As a `HostEnv`: observations are states, and what was paid is the feature."""
        return Transition(
            state=state,
            action=action,
            next_state=next_state,
            features=jnp.asarray(next_state.paid)[None],
            terminated=jnp.zeros((), dtype=bool),
        )

    def scene(self, state: Seen) -> PyTree:
        """What was seen."""
        return state.observation

    @property
    def action_space(self) -> Space:
        """What can be done."""
        return self.actions

    @property
    def observation_space(self) -> Space:
        """What can be seen."""
        return self.observations

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """The environment's own reward."""
        return self.features


def read_minari(
    folder: Path, *, n_episodes: int | None = None, discount: float = 0.99
) -> tuple[Recorded, Segment]:
    """The episodes of a data set in Minari's format, as demonstrations.

    Nothing is downloaded. `minari download NAME` puts a data set where
    `minari.storage.local.get_dataset_path(NAME)` says. Needs the extra `minari`.

    For a world of ours, make its states from what was seen and give them to
    `volition.policy.from_arrays`.

    Args:
        folder: of the data set, or the folder `data` in it.
        n_episodes: the first so many; all if left out.
        discount: of the world.

    Returns:
        The world, as far as it is told, and a batch `[episode, time]`.

    Raises:
        InputError: where the folder holds no such data set, its spaces are neither
            numbers nor arrays of real numbers, or an episode is not whole: it says
            which, and what is wrong.

    Source: Farama Foundation, Minari, https://minari.farama.org.
    """
    try:
        minari = importlib.import_module("minari")

        from volition.env.gym.spaces import our_space
    except ImportError as error:
        raise InputError(
            "minari is not installed: pip install 'volition[minari]'."
        ) from error
    data = folder / "data" if (folder / "data").is_dir() else folder
    if not (data / "metadata.json").is_file():
        raise InputError(
            f"{folder} holds no data set of Minari's, as there is no metadata.json: "
            "give the folder that `minari download` made."
        )
    if n_episodes is not None and n_episodes < 1:
        raise InputError(f"n_episodes = {n_episodes} is at least 1.")
    try:
        told = minari.MinariDataset(data)
        world = Recorded(
            observations=our_space(told.observation_space),
            actions=our_space(told.action_space),
            discount=discount,
        )
        numbers = np.asarray(told.episode_indices)[:n_episodes]
        episodes = list(told.iterate_episodes(numbers))
    except (ValueError, KeyError, OSError, AssertionError, ImportError) as error:
        raise InputError(f"{data} cannot be read: {error}") from error
    if not episodes:
        raise InputError(f"{data} has no episodes: record some.")
    for episode in episodes:
        _check(data, episode, world)
    states = [
        Seen(
            np.asarray(one.observations),
            np.concatenate([[0.0], np.asarray(one.rewards, dtype=float)]),
        )
        for one in episodes
    ]
    actions = [np.asarray(one.actions) for one in episodes]
    ended = [bool(one.terminations[-1]) for one in episodes]
    return world, from_arrays(world, states, actions, ended)


def _shape(space: Space) -> tuple[int, ...]:
    return () if isinstance(space, Discrete) else space.shape


def _check(data: Path, episode: Any, world: Recorded) -> None:
    """Refuse an episode that is not whole."""
    wrong = _wrong(episode, world)
    if wrong is not None:
        raise InputError(f"{data}: episode {episode.id} {wrong}: leave it out.")


def _wrong(episode: Any, world: Recorded) -> str | None:
    """What is wrong with it, in words."""
    n = len(episode.rewards)
    if n == 0:
        return "has no step"
    seen, done, paid = (
        np.asarray(one)
        for one in (episode.observations, episode.actions, episode.rewards)
    )
    for name, array, shape in (
        ("observations", seen, (n + 1, *_shape(world.observations))),
        ("actions", done, (n, *_shape(world.actions))),
        ("terminations", np.asarray(episode.terminations), (n,)),
        ("truncations", np.asarray(episode.truncations), (n,)),
    ):
        if array.shape != shape:
            return f"has {name} of shape {array.shape}, not {shape}"
    for name, array in (("observations", seen), ("actions", done), ("rewards", paid)):
        if not np.isfinite(array).all():
            return f"has {name} that are not finite"
    over = np.asarray(episode.terminations) | np.asarray(episode.truncations)
    if over[:-1].any():
        return f"goes on behind its end in step {int(over.argmax())}"
    return _outside("observation", seen, world.observations) or _outside(
        "action", done, world.actions
    )


def _outside(name: str, numbers: np.ndarray, space: Space) -> str | None:
    if isinstance(space, Discrete) and not ((numbers >= 0) & (numbers < space.n)).all():
        return f"has an {name} that is none of 0 to {space.n - 1}"
    return None
