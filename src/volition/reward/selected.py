"""A reward in a world that has further features, or has them in another order."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from volition.env import Transition
from volition.reward.contract import AbstractReward, check_features


class Selected(AbstractReward):
    """A reward, given those features of a world that it names, in its own order.

    What is learned is the reward inside. Verbs that are given a world make it
    themselves, see `reading`; for `fit`, which is given none, make it by that.

    Args:
        reward: what is asked.
        world_names: the names of the world's features, in its order.

    Raises:
        ValueError: where the world lacks a feature that the reward reads.

    Example:
        >>> from volition.reward import Linear
        >>> step = Transition(None, 0, None, jnp.array([3.0, 0.1, 1.0]), False)
        >>> dear = Linear(("crash", "speed"), [-50.0, 1.0])
        >>> float(Selected(dear, ("speed", "jerk", "crash"))(step))
        -47.0
    """

    reward: AbstractReward
    world_names: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, reward: AbstractReward, world_names: Sequence[str]):
        self.reward, self.world_names = reward, tuple(world_names)

    def __check_init__(self):
        check_features(self.reward, self.world_names)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The reward inside, of the transition with its features."""
        return self.reward(self._select(transition))

    def _select(self, transition: Transition) -> Transition:
        features = jnp.asarray(transition.features)
        if features.shape[-1] != len(self.world_names):
            raise ValueError(
                f"the transition has {features.shape[-1]} features, the world of this "
                f"reward {len(self.world_names)}: {self.world_names}."
            )
        places = [self.world_names.index(name) for name in self.reward.feature_names]
        # Slices, as a gather would not be fused with what follows.
        chosen = [features[..., place] for place in places]
        return eqx.tree_at(
            lambda step: step.features, transition, jnp.stack(chosen, axis=-1)
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the reward inside."""
        return self.reward.feature_names

    def learned(self) -> PyTree[bool]:
        """What of the reward inside is."""
        return eqx.tree_at(lambda marks: marks.reward, self, self.reward.learned())

    def last(self) -> PyTree[bool]:
        """What of the reward inside it is linear in."""
        return eqx.tree_at(lambda marks: marks.reward, self, self.reward.last())

    def abridged(self) -> tuple[AbstractReward, Callable[[Transition], Transition]]:
        """The reward inside, abridged, of transitions with its features."""
        inside, through = self.reward.abridged()
        return inside, lambda transition: through(self._select(transition))

    def __str__(self) -> str:
        return str(self.reward)


def reading(reward: AbstractReward, world_names: Sequence[str]) -> AbstractReward:
    """The reward as it reads the features of a world: by name, whatever their order.

    Args:
        reward: which may read some of the world's features, or none.
        world_names: the names of the world's features, in its order.

    Returns:
        The reward itself where it reads all of them in this order, or none; else
        `Selected`.

    Raises:
        ValueError: where the world lacks a feature that the reward reads.

    Example:
        >>> from volition.reward import Linear
        >>> print(reading(Linear(("speed",), [2.0]), ("jerk", "speed")))
        2 speed
    """
    names = tuple(world_names)
    if isinstance(reward, Selected):
        if reward.world_names == names:
            return reward
        reward = reward.reward
    if reward.feature_names in ((), names):
        return reward
    return Selected(reward, names)
