"""Segments: windows and whole episodes of what happened."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, PyTree

from volition.env import Transition


class Segment(eqx.Module):
    """A window of fixed length of what happened, or a batch of such windows.

    Where the episode terminated inside the window, the rest is absorbing: the state
    stays, `weight` is 0, so that it has no features and no reward. Where a time limit
    cut it off, the rest is padding: `present` is False. Either way the last entry says
    where the window ended and whether that was an end of the episode.

    A segment knows whether it is a whole episode, as behaviour can be inferred from
    whole episodes only: windows at random steps over-represent long episodes. `episode`
    and `episodes` mark what they make, `window` and `rollout` do not. A segment that is
    built by hand is not marked either; `whole_episodes` marks it.

    Args:
        transition: leaves with a leading axis `[time]` (batches: `[batch, time]`).
        weight: 1 for a step that was made, 0 behind the end, `[time]`.
        present: False for padding, `[time]`.
        whole: True for the steps of an episode that was recorded from a start which did
            not depend on what followed, until it ended or a time limit cut it off,
            `[time]`; or one for all, False if left out.
    """

    transition: Transition
    weight: Float[Array, "*batch time"]
    present: Bool[Array, "*batch time"]
    whole: Bool[Array, "*batch time"]

    def __init__(
        self,
        transition: Transition,
        weight: Float[Array, "*batch time"],
        present: Bool[Array, "*batch time"],
        whole: bool | Bool[Array, "*batch time"] = False,
    ):
        self.transition, self.weight, self.present = transition, weight, present
        if isinstance(whole, bool):
            # On the host: filling an array on the device would compile.
            self.whole = jnp.asarray(np.full(jnp.shape(present), whole))
        else:
            self.whole = whole

    @property
    def length(self) -> int:
        """Steps in the window."""
        return self.weight.shape[-1]

    @property
    def start(self) -> PyTree:
        """The state in which a single (not batched) window begins."""
        return jax.tree.map(lambda leaf: leaf[0], self.transition.state)

    @property
    def end(self) -> PyTree:
        """The state in which a single (not batched) window ends."""
        return jax.tree.map(lambda leaf: leaf[-1], self.transition.next_state)

    @property
    def ended(self) -> Bool[Array, ""]:
        """Whether the episode of a single (not batched) window terminated in it."""
        return jnp.asarray(self.transition.terminated)[-1]


def whole_episodes(segments: Segment) -> Segment:
    """The same segments, marked as whole episodes, from which behaviour is inferred.

    For records that were put together by hand. Each must begin where an episode began
    (or at a step that was chosen without a look at what followed), and go on until the
    episode ended or was cut off at a step that was chosen likewise.

    Args:
        segments: one, or a batch.

    Example:
        >>> from volition import env, policy
        >>> seen = policy.episode(
        ...     jax.random.key(0), env.delivery(), policy.Random(4), 5
        ... )
        >>> cut = policy.window(seen, 0, 3)
        >>> bool(cut.whole.any()), bool(whole_episodes(cut).whole.all())
        (False, True)
    """
    return Segment(segments.transition, segments.weight, segments.present, True)


def check_whole(segments: Segment, what: str = "demonstration") -> None:
    """Refuse windows where whole episodes are needed.

    Inside a compiled function nothing is known of the values, so nothing is refused.

    Args:
        segments: one, or a batch `[segment, time]`.
        what: what they are for, in words.

    Raises:
        ValueError: for the first segment that is not marked as a whole episode.

    Example:
        >>> from volition import env, policy
        >>> seen = policy.episode(
        ...     jax.random.key(0), env.delivery(), policy.Random(4), 5
        ... )
        >>> check_whole(seen)
    """
    whole = getattr(segments, "whole", None)
    if any(isinstance(one, Tracer) for one in (whole, segments.weight)):
        return
    made = np.asarray(segments.weight) > 0
    marked = np.zeros_like(made) if whole is None else np.asarray(whole)
    wrong = (made & ~marked).any(axis=-1)
    if wrong.any():
        which = f" {int(np.argmax(wrong))}" if wrong.ndim else ""
        raise ValueError(
            f"{what}{which} is not known to be a whole episode: windows, as of "
            "vl.rollout, over-represent long episodes and bias what is inferred from "
            "behaviour. Draw whole episodes with vl.episodes(key, env, policy, "
            "n_episodes=..., time_limit=...), or mark recorded ones with "
            "vl.policy.whole_episodes."
        )
