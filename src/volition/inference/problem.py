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
    of the prior, and after them every `AbstractParameter` of the human model.

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
        raw = [parameter.raw[None] for parameter in parameters_of(self.human)]
        return jnp.concatenate([self.prior.release(flat), *raw])

    @property
    def n_reward(self) -> int:
        """How many of the free parameters are the reward's; they come first."""
        return self.start.shape[0] - len(parameters_of(self.human))

    def unpack(self, free: Free) -> tuple[AbstractReward, AbstractHuman]:
        """The reward and the human that free parameters stand for."""
        learned, fixed = eqx.partition(self.reward, eqx.is_inexact_array)
        flat, unravel = ravel_pytree(learned)
        reward = eqx.combine(unravel(self.prior.constrain(free[: flat.size])), fixed)
        raw = list(free[flat.size :])
        human = eqx.tree_at(
            lambda human: [parameter.raw for parameter in parameters_of(human)],
            self.human,
            raw,
        )
        return reward, human

    def each_log_likelihood(self, free: Free) -> Float[Array, " capacity"]:
        """Log-likelihood of every answer; 0 at places that hold none."""
        if self.answers.comparisons is None:
            return jnp.zeros(0)
        reward, human = self.unpack(free)
        judge = human.judge(reward)
        each = jax.vmap(judge.log_prob)(self.answers.comparisons)
        return jnp.where(self.answers.present, each, 0.0)

    def log_likelihood(self, free: Free) -> Float[Array, ""]:
        """Log-likelihood of all answers."""
        return jnp.sum(self.each_log_likelihood(free))

    def log_prior(self, free: Free) -> Float[Array, ""]:
        """Log-density of the prior, up to a constant."""
        n_reward = self.n_reward
        total = self.prior.log_density(free[:n_reward])
        for raw, parameter in zip(
            free[n_reward:], parameters_of(self.human), strict=True
        ):
            total -= 0.5 * jnp.square((raw - parameter.mean) / parameter.spread)
        return total

    def log_density(self, free: Free) -> Float[Array, ""]:
        """Log-density of the posterior, up to a constant."""
        return self.log_likelihood(free) + self.log_prior(free)

    def prior_scale(self) -> Free:
        """Standard deviation of the prior of each free parameter."""
        n_reward = self.n_reward
        spreads = [parameter.spread for parameter in parameters_of(self.human)]
        start = self.start
        scale = self.prior.scale_of(start[:n_reward])
        return jnp.concatenate([scale, jnp.asarray(spreads, dtype=start.dtype)])

    def names(self) -> tuple[str, ...]:
        """A word for each parameter of the reward."""
        if len(self.reward.feature_names) == self.n_reward:
            return self.reward.feature_names
        return tuple(f"parameter {number}" for number in range(self.n_reward))


def parameters_of(human: AbstractHuman) -> list[AbstractParameter]:
    """The parameters of a human model, in a fixed order."""
    leaves = jax.tree.leaves(human, is_leaf=_is_parameter)
    return [leaf for leaf in leaves if _is_parameter(leaf)]


def _is_parameter(leaf: object) -> bool:
    return isinstance(leaf, AbstractParameter)
