"""Where a learner met a number that is none: recorded on device, raised on the host."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Int, PyTree

NONE, OBSERVATION, REWARD, RETURN, LEARNER = range(5)


class Fault(eqx.Module):
    """The first observation or reward that was NaN or infinite.

    Args:
        kind: of what, one of the numbers above; 0 where everything was finite.
        step: number of the step of that instance, from 1.
        instance: number of the instance.
    """

    kind: Int[Array, "*seed"]
    step: Int[Array, "*seed"]
    instance: Int[Array, "*seed"]

    def then(self, later: "Fault") -> "Fault":
        """This one, or if there is none the later one."""
        return jax.tree.map(lambda a, b: jnp.where(self.kind > 0, a, b), self, later)


def no_fault() -> Fault:
    """Before the first."""
    return Fault(jnp.int32(NONE), jnp.int32(0), jnp.int32(0))


def finite(tree: PyTree, n_batch: int) -> Bool[Array, "*batch"] | None:
    """Whether all numbers are, as 32-bit floats; None where they are whole.

    Args:
        tree: leaves with `n_batch` leading axes.
        n_batch: how many.
    """
    found = None
    for leaf in map(jnp.asarray, jax.tree.leaves(tree)):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            continue
        every = jnp.isfinite(leaf.astype(jnp.float32))
        every = jnp.all(every.reshape(*leaf.shape[:n_batch], -1), axis=-1)
        found = every if found is None else found & every
    return found


def first_fault(
    acted: Bool[Array, "time env"] | None,
    observed: Bool[Array, "time env"] | None,
    paid: Bool[Array, "time env"],
    step: Int[Array, ""],
) -> Fault:
    """Of a rollout.

    Args:
        acted: whether the actions, which are the learner's, were finite; None if they
            all are.
        observed: whether all observations of a step were finite; None if they all are.
        paid: whether its reward was.
        step: steps that each instance had made before.
    """
    everywhere = jnp.ones_like(paid)
    acted = everywhere if acted is None else acted
    observed = everywhere if observed is None else observed
    good = acted & observed & paid
    n_envs = paid.shape[1]
    at = jnp.argmin(good.reshape(-1)).astype(jnp.int32)
    time, instance = at // n_envs, at % n_envs
    here = lambda each: each.reshape(-1)[at]
    kind = jnp.where(here(observed), REWARD, OBSERVATION)
    # What comes of an action that is none is not the environment's.
    kind = jnp.where(here(acted), kind, LEARNER)
    kind = jnp.where(jnp.all(good), NONE, kind).astype(jnp.int32)
    return Fault(kind, step.astype(jnp.int32) + time + 1, instance)


def check_faults(faults: Fault, env: str, n_tasks: int, step: int) -> None:
    """Raise where something was not finite.

    Args:
        faults: of one seed, or of several.
        env: what the environment is called.
        n_tasks: how many tasks the instances are of, in turn.
        step: steps that each instance has made.

    Raises:
        ValueError: that says what, in which instance and at which step.
    """
    if isinstance(faults.kind, Tracer):
        return
    kinds = np.atleast_1d(np.asarray(faults.kind))
    if not kinds.any():
        return
    seed = int(np.argmax(kinds > 0))
    kind, number, instance = (
        int(np.atleast_1d(np.asarray(leaf))[seed])
        for leaf in (faults.kind, faults.step, faults.instance)
    )
    with_key = f" with key {seed} of {len(kinds)}" if len(kinds) > 1 else ""
    if kind in (OBSERVATION, REWARD):
        task = f", task {instance % n_tasks}" if n_tasks > 1 else ""
        where = f"in instance {instance} of {env}{task} at its step {number}{with_key}"
        raise bad_number(kind, where)
    raise diverged(kind, f"in {env} after {step} steps of each instance{with_key}")


def bad_number(kind: int, where: str) -> ValueError:
    """What is said of an observation or reward."""
    if kind == OBSERVATION:
        return ValueError(
            f"the observation {where} is NaN or infinite in 32 bits: correct the "
            "environment, or replace such entries by finite ones in what it observes."
        )
    return ValueError(
        f"the reward {where} is NaN or infinite in 32 bits: correct the reward, or the "
        "features and states that it reads."
    )


def diverged(kind: int, where: str) -> ValueError:
    """What is said of a learner whose own numbers are none."""
    if kind == RETURN:
        return ValueError(
            f"the return of an episode {where} is too large for 32 bits: give the "
            "reward in a larger unit."
        )
    return ValueError(
        f"learning {where} diverged: values or weights are NaN or infinite though all "
        "observations and rewards are finite, so take smaller steps (step_size, or the "
        "optimiser's), or check the discount."
    )
