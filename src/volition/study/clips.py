"""What people are asked to compare: short clips of a world, as a study keeps them."""

import abc
import hashlib
import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from volition import record
from volition.env import Feature, Transition, delivery, driving
from volition.feedback import Segment, follow
from volition.policy import rollout
from volition.store import InputError, check_paths, path_option
from volition.study.highway import Blind
from volition.study.simulated import LENGTH

N_PATHS = 96  # in the delivery world: 4,560 pairs
N_DRIVES = 6  # of each driver below: 276 pairs
SECONDS = 5  # of driving in a clip; 2 to 5 s is what people can compare at a glance
FIRST_SECONDS = 15  # of an episode, in which a clip begins
# Those who drive in the clips, by how likely they are to do what: change to the left,
# keep on, change to the right, go faster, go slower. Ours: unlike each other.
DRIVERS = (
    (0.2, 0.2, 0.2, 0.2, 0.2),
    (0.1, 0.1, 0.1, 0.6, 0.1),
    (0.1, 0.1, 0.1, 0.1, 0.6),
    (0.05, 0.8, 0.05, 0.05, 0.05),
)

Tell = Callable[[int, int], None]


class AbstractClips(abc.ABC):
    """The clips of one world: how they are made, and read again.

    A clip is two JSON values: what a question says of it, from which its segment can be
    made again, and what is needed to draw it, None where the former says it all.
    """

    @property
    @abc.abstractmethod
    def feature_info(self) -> tuple[Feature, ...]:
        """The features that a reward of this world can pay for."""

    @abc.abstractmethod
    def make(self, key: PRNGKeyArray, tell: Tell) -> list[tuple[Any, Any | None]]:
        """Make the clips of a study, all different.

        Args:
            key: consumed.
            tell: is told how many were made, of how many.
        """

    @abc.abstractmethod
    def segments(self, options: list[Any]) -> Segment:
        """The segments of clips, on the host, `[clip, time]`.

        Raises:
            InputError: where one says something else than a clip of this world.
        """


class DeliveryClips(AbstractClips):
    """Paths of three moves in the delivery world, as in the study of Knox et al."""

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """Those of the delivery world."""
        return delivery().feature_info

    def make(self, key: PRNGKeyArray, tell: Tell) -> list[tuple[Any, Any | None]]:
        """Random moves from random starts."""
        world = delivery()
        start_key, action_key = jax.random.split(key)
        starts = jax.random.choice(
            start_key, world.n_states, (N_PATHS,), p=world.initial
        )
        shape = (N_PATHS, LENGTH)
        actions = jax.random.randint(action_key, shape, 0, world.n_actions)
        # The same path twice is one clip.
        found = {
            json.dumps(option): option
            for option in map(path_option, starts.tolist(), actions.tolist())
        }
        tell(len(found), len(found))
        return [(option, None) for option in found.values()]

    def segments(self, options: list[Any]) -> Segment:
        """Follow the moves."""
        check_paths(options, delivery(), "clip")
        starts = jnp.asarray([option["start"] for option in options])
        actions = jnp.asarray([option["actions"] for option in options])
        each = jax.jit(jax.vmap(follow, (None, 0, 0)))
        return jax.tree.map(np.asarray, each(delivery(), starts, actions))


class HighwayClips(AbstractClips):
    """Five seconds of driving on the motorway, by drivers unlike each other.

    The segment has the features of its steps and no states, which a linear reward does
    not need.
    """

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """Those of driving."""
        return driving.Highway(1, 0).feature_info

    def make(self, key: PRNGKeyArray, tell: Tell) -> list[tuple[Any, Any | None]]:
        """Drive, and cut a window from each episode."""
        world = driving.Highway()
        made: list[tuple[Any, Any | None]] = []
        keys = jax.random.split(key, len(DRIVERS))
        for driver_key, share in zip(keys, DRIVERS, strict=True):
            driver = Blind(jnp.asarray(share, dtype=jnp.float32))
            seen = rollout(
                driver_key,
                world,
                driver,
                n_segments=N_DRIVES,
                length=SECONDS,
                n_steps=FIRST_SECONDS + SECONDS,
            )
            for number in range(N_DRIVES):
                one = jax.tree.map(lambda leaf, row=number: leaf[row], seen)
                made.append(_drive(world, one))
                tell(len(made), len(DRIVERS) * N_DRIVES)
        return made

    def segments(self, options: list[Any]) -> Segment:
        """From what is stored of each step."""
        _check_drives(options, len(self.feature_info))
        # The library's precision, not the simulator's.
        real = lambda name: jnp.asarray([o[name] for o in options], dtype=float)
        actions = jnp.asarray([o["actions"] for o in options], dtype=jnp.int32)
        terminated = jnp.asarray([o["terminated"] for o in options], dtype=bool)
        weight = real("weight")
        made = Segment(
            Transition(None, actions, None, real("features"), terminated),
            weight,
            jnp.ones(weight.shape, dtype=bool),
        )
        return jax.tree.map(np.asarray, made)


def _check_drives(options: list[Any], n_features: int) -> None:
    """That clips say of each step what a reward can pay for."""
    kinds = {"actions": "iu", "weight": "iuf", "terminated": "b", "features": "iuf"}
    for number, option in enumerate(options, start=1):
        for name, kind in kinds.items():
            shape = (SECONDS, n_features) if name == "features" else (SECONDS,)
            value = option.get(name) if isinstance(option, dict) else None
            try:
                array = np.asarray(value)
                right = array.shape == shape and array.dtype.kind in kind
            except ValueError:  # lists of different lengths
                right = False
            if not right or (kind == "iuf" and not np.isfinite(value).all()):
                raise InputError(
                    f"clip {number} has no {name} of a drive of {SECONDS} steps: "
                    f"finite numbers of the shape {list(shape)}."
                )


def _drive(world: driving.Highway, seen: Segment) -> tuple[Any, Any]:
    scene = record.to_json(driving.scene_log(world, seen.transition))
    digest = hashlib.sha256(json.dumps(scene).encode()).hexdigest()
    option = {
        "scene": digest,
        "actions": np.asarray(seen.transition.action).tolist(),
        "features": np.asarray(seen.transition.features).tolist(),
        "weight": np.asarray(seen.weight).tolist(),
        "terminated": np.asarray(seen.transition.terminated).tolist(),
    }
    return option, scene


CLIPS: dict[str, AbstractClips] = {
    "delivery": DeliveryClips(),
    "highway": HighwayClips(),
}


def totals(segments: Segment) -> np.ndarray:
    """What each clip adds up to: features over its steps, `[clip, feature]`."""
    weight = np.asarray(segments.weight)[..., None]
    return (weight * np.asarray(segments.transition.features)).sum(axis=1)
