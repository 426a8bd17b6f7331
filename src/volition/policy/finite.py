"""Whether what was seen and reported along an episode are numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, PyTree

from volition.env import AbstractEnvironment, Transition


class Finite(eqx.Module):
    """Of each step, whether all numbers are finite; also where none was made.

    Args:
        observation: what was seen before it and after it.
        action: what was done.
        features: what the environment reports of it.
    """

    observation: Bool[Array, "*batch"]
    action: Bool[Array, "*batch"]
    features: Bool[Array, "*batch"]


def finite_steps(env: AbstractEnvironment, steps: Transition, weight: Array) -> Finite:
    """Of one segment; pure, so that it can be compiled with what makes the segment.

    Args:
        env: the world.
        steps: leaves `[time]`.
        weight: 0 for a step that was not made, of which nothing is asked, `[time]`.
    """

    def one(step: Transition, weight: Array) -> Finite:
        none = weight == 0
        seen = (env.observe(step.state), env.observe(step.next_state))
        return Finite(
            none | _finite(seen),
            none | _finite(step.action),
            none | _finite(step.features),
        )

    return jax.vmap(one)(steps, weight)


def check_finite(env: AbstractEnvironment, finite: Finite) -> None:
    """Raise where a step has a number that is NaN or infinite, as far as it is known.

    Raises:
        ValueError: naming the first, its episode and step.
    """
    for what in ("observation", "action", "features"):
        good = getattr(finite, what)
        if isinstance(good, Tracer):
            return
        wrong = np.argwhere(~np.asarray(good))
        if len(wrong):
            *episode, step = (int(number) for number in wrong[0])
            of = f" of episode {episode[0]}" if episode else ""
            verb = "are" if what == "features" else "is"
            cure = "correct the environment"
            if what == "action":
                cure = "correct the policy that chose it"
            raise ValueError(
                f"the {what} at step {step + 1}{of} in {type(env).__name__} {verb} NaN "
                f"or infinite: {cure}."
            )


def _finite(tree: PyTree) -> Bool[Array, ""]:
    """Whether all real numbers are finite."""
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    told = [
        jnp.all(jnp.isfinite(leaf)) for leaf in leaves if eqx.is_inexact_array(leaf)
    ]
    return jnp.all(jnp.stack(told)) if told else jnp.asarray(True)
