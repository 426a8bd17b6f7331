"""Read a saved policy, checked to see and do what can be seen and done on a road."""

from pathlib import Path

import jax
import jax.numpy as jnp

from volition import files
from volition.env.driving.simulator import ACTIONS, AbstractDriving
from volition.policy import AbstractPolicy
from volition.store import InputError, check_finite, read_saved


def read_policy(path: Path, env: AbstractDriving) -> AbstractPolicy:
    """A policy that was saved, for a road.

    Args:
        path: of the file.
        env: the road.

    Raises:
        InputError: where it is missing, damaged, no policy, or cannot drive there.
    """
    policy = read_saved(path, AbstractPolicy, "policy")
    key = jax.random.key(0)
    seen = jax.eval_shape(lambda key: env.observe(env.reset(key)), key)
    try:
        action = jax.eval_shape(policy, key, seen)
        fits = action.shape == () and jnp.issubdtype(action.dtype, jnp.integer)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the policy in {path} cannot act on what the car sees, "
            f"{env.observation_space.shape} numbers: {files.reason(ValueError(first))}."
        ) from error
    if not fits:
        raise InputError(
            f"the policy in {path} does not choose one of {len(ACTIONS)} numbered "
            "actions: give one that was made for driving."
        )
    check_finite(policy, path)
    return policy
