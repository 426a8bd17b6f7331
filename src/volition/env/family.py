"""Families of tasks: what to learn on, and what to keep for the end."""

import hashlib
from collections.abc import Hashable, Sequence

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from volition.env.environment import AbstractEnvironment


class Family(eqx.Module):
    """Tasks of one kind in two parts: to train on, and held out.

    One reward and one policy can face all of them, so they share their features and
    their actions.

    Args:
        train: the tasks to learn on, at least one.
        held_out: the tasks that only an evaluation sees, at least one, none of them
            in `train`.

    Raises:
        ValueError: where a part is empty, a task is in both, or two tasks differ in
            their features or actions.

    Example:
        >>> from volition.env import gridworld
        >>> family = Family(train=(gridworld(["S.G"]),), held_out=(gridworld(["SG."]),))
        >>> len(family.tasks)
        2
    """

    train: tuple[AbstractEnvironment, ...]
    held_out: tuple[AbstractEnvironment, ...]

    def __check_init__(self):
        for name, part in (("train", self.train), ("held_out", self.held_out)):
            if not part:
                raise ValueError(
                    f"{name} is empty: a family needs a task in each part."
                )
        first = self.train[0]
        for number, task in enumerate(self.tasks):
            if task.feature_names != first.feature_names:
                raise ValueError(
                    f"task {number} has the features {task.feature_names}, task 0 has "
                    f"{first.feature_names}: a family shares one list."
                )
            if task.action_space != first.action_space:
                raise ValueError(
                    f"task {number} has the actions {task.action_space}, task 0 has "
                    f"{first.action_space}: a family shares one space."
                )
        seen = {fingerprint(task): number for number, task in enumerate(self.train)}
        for number, task in enumerate(self.held_out):
            if fingerprint(task) in seen:
                raise ValueError(
                    f"held-out task {number} is also training task "
                    f"{seen[fingerprint(task)]}: take it out of one of them."
                )

    @property
    def tasks(self) -> tuple[AbstractEnvironment, ...]:
        """All tasks, those to train on first."""
        return self.train + self.held_out


def split(
    key: PRNGKeyArray,
    tasks: Sequence[AbstractEnvironment],
    held_out_fraction: float = 0.2,
) -> Family:
    """Hold some of the tasks out, drawn at random; the rest are to train on.

    Args:
        key: decides which; the same key splits the same tasks alike.
        tasks: at least two, all different.
        held_out_fraction: in `(0, 1)`; the nearest count that leaves at least one task
            in each part.

    Returns:
        The family; each part keeps the order of `tasks`.

    Raises:
        ValueError: where there are too few tasks, or the fraction is out of range.

    Example:
        >>> from volition.env import three_lane_road
        >>> roads = [three_lane_road(density=d, sight=2) for d in (0.1, 0.2, 0.3)]
        >>> family = split(jax.random.key(0), roads, held_out_fraction=0.3)
        >>> len(family.train), len(family.held_out)
        (2, 1)
    """
    if len(tasks) < 2:
        raise ValueError(f"a split needs at least two tasks, not {len(tasks)}.")
    if not 0.0 < held_out_fraction < 1.0:
        raise ValueError(
            f"held_out_fraction = {held_out_fraction} must be between 0 and 1, both "
            "excluded."
        )
    n_held_out = round(held_out_fraction * len(tasks))
    n_held_out = min(max(n_held_out, 1), len(tasks) - 1)
    order = np.asarray(jax.random.permutation(key, len(tasks)))
    held_out = set(order[:n_held_out].tolist())
    return Family(
        train=tuple(task for i, task in enumerate(tasks) if i not in held_out),
        held_out=tuple(task for i, task in enumerate(tasks) if i in held_out),
    )


def fingerprint(tree: PyTree) -> tuple[Hashable, str]:
    """Equal for two pytrees of arrays if and only if they are the same to the bit."""
    leaves, structure = jax.tree.flatten(tree)
    digest = hashlib.sha256()
    for array in map(np.asarray, leaves):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return structure, digest.hexdigest()
