"""The problem that every method of inference solves: a density over free parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from volition.feedback import Dataset, Segment
from volition.human import AbstractHuman, AbstractParameter
from volition.inference.prior import AbstractPrior
from volition.reward import AbstractReward

Free = Float[Array, " free"]


class Problem(eqx.Module):
    """Answers, and what is to be inferred from them.

    The free parameters are what is learned of the reward, `reward.learned()`, on the
    free scale of the prior, and after them those of every `AbstractParameter` of the
    human model.

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
        flat, _ = ravel_pytree(eqx.filter(self.reward, self.reward.learned()))
        person, _ = ravel_pytree(_split(self.human)[0])
        return jnp.concatenate([self.prior.release(flat), person.astype(flat.dtype)])

    @property
    def n_reward(self) -> int:
        """How many of the free parameters are the reward's; they come first."""
        leaves = jax.tree.leaves(eqx.filter(self.reward, self.reward.learned()))
        return sum(leaf.size for leaf in leaves)

    @property
    def last(self) -> Bool[np.ndarray, " free"]:
        """Which free parameters are of the reward's `last`, or of the person."""
        learned = eqx.filter(self.reward, self.reward.learned())
        marks = jax.tree.map(
            lambda leaf, mark: np.full(leaf.size, mark),
            learned,
            eqx.filter(self.reward.last(), self.reward.learned()),
        )
        person = np.ones(self.start.shape[0] - self.n_reward, dtype=bool)
        return np.concatenate([*jax.tree.leaves(marks), person])

    def abridged(self) -> "Problem":
        """The same problem, with what is not learned worked out once."""
        reward, fn = self.reward.abridged()

        def work(part):
            if not _is_segment(part):
                return part
            each = fn
            for _ in range(part.weight.ndim):
                each = jax.vmap(each)
            return eqx.tree_at(lambda s: s.transition, part, each(part.transition))

        answers = jax.tree.map(work, self.answers, is_leaf=_is_segment)
        return Problem(reward, self.human, answers, self.prior)

    def unpack(self, free: Free) -> tuple[AbstractReward, AbstractHuman]:
        """The reward and the human that free parameters stand for."""
        learned, fixed = eqx.partition(self.reward, self.reward.learned())
        flat, unravel = ravel_pytree(learned)
        reward = eqx.combine(unravel(self.prior.constrain(free[: flat.size])), fixed)
        inferred, known = _split(self.human)
        person, unravel = ravel_pytree(inferred)
        # A network's parameters are 32-bit floats, a person's need not be.
        numbers = free[flat.size :].astype(person.dtype)
        return reward, eqx.combine(unravel(numbers), known)

    def each_log_likelihood(self, free: Free) -> Float[Array, " capacity"]:
        """Log-likelihood of every answer; 0 at places that hold none."""
        return self.each_under(*self.unpack(free))

    def each_under(
        self, reward: AbstractReward, human: AbstractHuman
    ) -> Float[Array, " capacity"]:
        """The same under any reward and person."""
        judge = human.judge(reward)
        each = [jnp.zeros(0)]
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
        total = self.prior.log_density(free[: self.n_reward])
        return sum((one.astype(total.dtype) for one in each), total)

    def log_density(self, free: Free) -> Float[Array, ""]:
        """Log-density of answers and parameters together."""
        said, prior = self.log_likelihood(free), self.log_prior(free)
        return said + prior.astype(said.dtype)

    def prior_scale(self) -> Free:
        """Standard deviation of the prior of each free parameter."""
        start = self.start
        scale = self.prior.scale_of(start[: self.n_reward])
        each = [parameter.scales() for parameter in parameters_of(self.human)]
        return jnp.concatenate([one.astype(start.dtype) for one in (scale, *each)])

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


def _is_segment(part: object) -> bool:
    return isinstance(part, Segment)


def _is_parameter(leaf: object) -> bool:
    return isinstance(leaf, AbstractParameter)
