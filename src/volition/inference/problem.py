"""The problem that every method of inference solves: a density over free parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from volition.feedback import Dataset
from volition.human import AbstractHuman, AbstractParameter
from volition.inference.prior import AbstractPrior
from volition.reward import AbstractReward

Free = Float[Array, " free"]


class Problem(eqx.Module):
    """Answers, and what is to be inferred from them.

    The free parameters are the floating-point arrays of the reward, on the free scale
    of the prior, and after them those of every `AbstractParameter` of the human model.

    Args:
        reward: its present parameters are where a search begins.
        human: likewise.
        answers: the evidence.
        prior: over the parameters of the reward; those of the human carry their own.
    """

    reward: AbstractReward
    human: AbstractHuman
    answers: Dataset
    prior: AbstractPrior

    @property
    def start(self) -> Free:
        """The present parameters, on the free scale."""
        flat, _ = ravel_pytree(eqx.filter(self.reward, eqx.is_inexact_array))
        person, _ = ravel_pytree(_split(self.human)[0])
        return jnp.concatenate([self.prior.release(flat), person.astype(flat.dtype)])

    @property
    def n_reward(self) -> int:
        """How many of the free parameters are the reward's; they come first."""
        leaves = jax.tree.leaves(eqx.filter(self.reward, eqx.is_inexact_array))
        return sum(leaf.size for leaf in leaves)

    def unpack(self, free: Free) -> tuple[AbstractReward, AbstractHuman]:
        """The reward and the human that free parameters stand for."""
        learned, fixed = eqx.partition(self.reward, eqx.is_inexact_array)
        flat, unravel = ravel_pytree(learned)
        reward = eqx.combine(unravel(self.prior.constrain(free[: flat.size])), fixed)
        inferred, known = _split(self.human)
        _, unravel = ravel_pytree(inferred)
        return reward, eqx.combine(unravel(free[flat.size :]), known)

    def each_log_likelihood(self, free: Free) -> Float[Array, " capacity"]:
        """Log-likelihood of every answer; 0 at places that hold none."""
        reward, human = self.unpack(free)
        judge = human.judge(reward)
        each = [jnp.zeros(0, dtype=free.dtype)]
        for batch in self.answers.batches:
            said = jax.vmap(judge.log_prob)(batch.answers)
            each.append(jnp.where(batch.present, said, 0.0))
        return jnp.concatenate(each)

    def log_likelihood(self, free: Free) -> Float[Array, ""]:
        """Log-likelihood of all answers."""
        return jnp.sum(self.each_log_likelihood(free))

    def log_prior(self, free: Free) -> Float[Array, ""]:
        """Log-density of the prior, on the free scale."""
        _, human = self.unpack(free)
        each = [parameter.log_prior() for parameter in parameters_of(human)]
        return sum(each, self.prior.log_density(free[: self.n_reward]))

    def log_density(self, free: Free) -> Float[Array, ""]:
        """Log-density of answers and parameters together."""
        return self.log_likelihood(free) + self.log_prior(free)

    def prior_scale(self) -> Free:
        """Standard deviation of the prior of each free parameter."""
        start = self.start
        scale = self.prior.scale_of(start[: self.n_reward])
        each = [parameter.scales() for parameter in parameters_of(self.human)]
        return jnp.concatenate([scale, *(one.astype(start.dtype) for one in each)])

    def names(self) -> tuple[str, ...]:
        """A word for each parameter of the reward."""
        if len(self.reward.feature_names) == self.n_reward:
            return self.reward.feature_names
        return tuple(f"parameter {number}" for number in range(self.n_reward))


def parameters_of(human: AbstractHuman) -> list[AbstractParameter]:
    """The parameters of a human model, in a fixed order."""
    leaves = jax.tree.leaves(human, is_leaf=_is_parameter)
    return [leaf for leaf in leaves if _is_parameter(leaf)]


def _split(human: AbstractHuman) -> tuple[AbstractHuman, AbstractHuman]:
    """What is inferred of a human model, and the rest."""
    free = jax.tree.map(
        lambda leaf: leaf.free() if _is_parameter(leaf) else False,
        human,
        is_leaf=_is_parameter,
    )
    return eqx.partition(human, free)


def _is_parameter(leaf: object) -> bool:
    return isinstance(leaf, AbstractParameter)
