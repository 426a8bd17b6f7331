"""Posteriors: what is believed about a reward and a person after their answers."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.human import AbstractHuman, Judge
from volition.inference.identify import Direction, unidentified
from volition.inference.precision import in_64_bits
from volition.inference.problem import Free, Problem
from volition.reward import AbstractReward, Ensemble


class AbstractBelief(eqx.Module):
    """A distribution over free parameters."""

    @abc.abstractmethod
    def mean(self, problem: Problem) -> Free:
        """The point whose reward is the mean reward, where there is one."""

    def mean_reward(self, problem: Problem) -> AbstractReward:
        """The mean reward; that of the point, unless it says so."""
        return problem.unpack(self.mean(problem))[0]

    @abc.abstractmethod
    def sample(self, key: PRNGKeyArray, n_samples: int) -> Float[Array, "sample free"]:
        """Draws."""


class Gaussian(AbstractBelief):
    """A Gaussian around the most probable point, or that point alone: covariance 0."""

    location: Free
    covariance: Float[Array, "free free"]

    def mean(self, problem: Problem) -> Free:
        """The location: the mode stands for the mean."""
        del problem
        return self.location

    def sample(self, key: PRNGKeyArray, n_samples: int) -> Float[Array, "sample free"]:
        """Gaussian draws."""
        shape = (n_samples, self.location.shape[0])
        # In units of each, so that those of another size do not drown in rounding.
        size = jnp.sqrt(jnp.maximum(jnp.diagonal(self.covariance), 0.0))
        unit = jnp.where(size > 0.0, size, 1.0)
        alike = self.covariance / unit[:, None] / unit[None]
        values, vectors = jnp.linalg.eigh(alike)
        root = unit[:, None] * vectors * jnp.sqrt(jnp.maximum(values, 0.0))[None]
        noise = jax.random.normal(key, shape, dtype=self.location.dtype)
        return self.location[None] + noise @ root.T


class Draws(AbstractBelief):
    """Draws of a sampler.

    Args:
        draws: all chains together, `[draw, free]`.
    """

    draws: Float[Array, "draw free"]

    def mean(self, problem: Problem) -> Free:
        """Mean of the rewards, and mean of the person's free parameters."""
        n_reward = problem.n_reward
        constrained = jax.vmap(problem.prior.constrain)(self.draws[:, :n_reward])
        reward = problem.prior.release(jnp.mean(constrained, axis=0))
        return jnp.concatenate([reward, jnp.mean(self.draws[:, n_reward:], axis=0)])

    def sample(self, key: PRNGKeyArray, n_samples: int) -> Float[Array, "sample free"]:
        """Draws again, with replacement."""
        rows = jax.random.randint(key, (n_samples,), 0, self.draws.shape[0])
        return self.draws[rows]


class Members(AbstractBelief):
    """Some points, all alike: those of an ensemble.

    Args:
        points: one for each member, `[member, free]`.
        best: number of the most probable one.
    """

    points: Float[Array, "member free"]
    best: Int[Array, ""]

    def mean(self, problem: Problem) -> Free:
        """The reward of the most probable member, and the mean of the person's numbers.

        The mean of networks is not the network of a mean point: see `mean_reward`.
        """
        n_reward = problem.n_reward
        person = jnp.mean(self.points[:, n_reward:], axis=0)
        return jnp.concatenate([self.points[self.best, :n_reward], person])

    def mean_reward(self, problem: Problem) -> AbstractReward:
        """The mean of the members' rewards."""
        return Ensemble(jax.vmap(lambda one: problem.unpack(one)[0])(self.points))

    def sample(self, key: PRNGKeyArray, n_samples: int) -> Float[Array, "sample free"]:
        """Members, drawn with replacement."""
        rows = jax.random.randint(key, (n_samples,), 0, self.points.shape[0])
        return self.points[rows]


class Partly(AbstractBelief):
    """A Gaussian over some of the parameters, the others being as they are.

    Args:
        location: of all.
        places: which it is about.
        covariance: of those.
    """

    location: Free
    places: Int[Array, " part"]
    covariance: Float[Array, "part part"]

    def mean(self, problem: Problem) -> Free:
        """The location."""
        del problem
        return self.location

    def sample(self, key: PRNGKeyArray, n_samples: int) -> Float[Array, "sample free"]:
        """Gaussian draws of some, the others the same in all."""
        drawn = Gaussian(self.location[self.places], self.covariance)
        part = drawn.sample(key, n_samples)
        whole = jnp.broadcast_to(self.location, (n_samples, self.location.shape[0]))
        return whole.at[:, self.places].set(part)


class Result(eqx.Module):
    """How inference went.

    Args:
        converged: whether its result can be used.
        message: why, in a sentence.
        log_density: of answers and parameters at the most probable point found.
        diagnostics: named numbers of the method.
    """

    converged: bool = eqx.field(static=True)
    message: str = eqx.field(static=True)
    log_density: float
    diagnostics: dict[str, float]


class Marginal(eqx.Module):
    """What was believed of one parameter of a reward, before and after the answers.

    Args:
        name: of the parameter.
        prior: its 5 %, 50 % and 95 % quantiles before.
        posterior: the same after.

    Example:
        >>> print(Marginal("speed", (-16.4, 0.0, 16.4), (0.8, 1.0, 1.3)))
        speed: 1 [0.8, 1.3], before 0 [-16.4, 16.4] (median, middle 90 %)
    """

    name: str = eqx.field(static=True)
    prior: tuple[float, float, float] = eqx.field(static=True)
    posterior: tuple[float, float, float] = eqx.field(static=True)

    def __str__(self) -> str:
        after, before = (
            f"{middle:.3g} [{low:.3g}, {high:.3g}]"
            for low, middle, high in (self.posterior, self.prior)
        )
        return f"{self.name}: {after}, before {before} (median, middle 90 %)"


class Posterior(eqx.Module):
    """What is believed about a reward and a person after their answers.

    Args:
        problem: what was asked of the method.
        mode: the most probable free parameters found.
        belief: the distribution over them.
        result: how inference went.
    """

    problem: Problem
    mode: Free
    belief: AbstractBelief
    result: Result

    @property
    def mean(self) -> AbstractReward:
        """The mean reward; whoever optimises it loses least on average.

        Source: D. Ramachandran, E. Amir, "Bayesian inverse reinforcement learning",
        IJCAI 2007, theorem 3.
        """
        return self.belief.mean_reward(self.problem)

    @property
    def human(self) -> AbstractHuman:
        """The person, at the mean of the free parameters."""
        return self.problem.unpack(self.belief.mean(self.problem))[1]

    def sample(self, key: PRNGKeyArray, n_samples: int) -> AbstractReward:
        """Rewards drawn from the posterior: a batch, leaves `[sample, ...]`."""
        free = self.belief.sample(key, n_samples)
        return jax.vmap(lambda one: self.problem.unpack(one)[0])(free)

    def sample_judges(self, key: PRNGKeyArray, n_samples: int) -> Judge:
        """Rewards and people drawn together: a batch of judges, leaves `[sample, ...]`.

        They say how likely each answer to a question is, as far as is known.
        """
        free = self.belief.sample(key, n_samples)

        def one(free: Free) -> Judge:
            reward, human = self.problem.unpack(free)
            return human.judge(reward)

        return jax.vmap(one)(free)

    def marginals(
        self, key: PRNGKeyArray, n_samples: int = 1000
    ) -> tuple[Marginal, ...]:
        """What was believed of each parameter of the reward before and after.

        Args:
            key: of the draws.
            n_samples: from either, at least 20.

        Returns:
            In the order of `problem.names()`.

        Raises:
            ValueError: for fewer draws.
        """
        if n_samples < 20:
            raise ValueError(
                f"n_samples = {n_samples} is too few for ends of 5 %: at least 20."
            )
        before_key, after_key = jax.random.split(key)
        problem, n_reward = self.problem, self.problem.n_reward
        before = problem.prior.sample(before_key, n_samples, problem.start[:n_reward])
        after = self.belief.sample(after_key, n_samples)[:, :n_reward]
        quantiles = jnp.array([0.05, 0.5, 0.95])
        told = [
            np.asarray(
                jnp.quantile(jax.vmap(problem.prior.constrain)(free), quantiles, axis=0)
            )
            for free in (before, after)
        ]
        return tuple(
            Marginal(name, tuple(told[0][:, n].tolist()), tuple(told[1][:, n].tolist()))
            for n, name in enumerate(problem.names())
        )

    def unidentified(self) -> tuple[Direction, ...]:
        """The directions of reward space on which the answers say less than the prior.

        Taken at the mode; see `volition.inference.unidentified`.
        """
        if self.problem.reward.single_precision:
            return unidentified(self.problem, self.mode)
        return in_64_bits(unidentified)(self.problem, self.mode)

    def neg_log_likelihood(self) -> Float[Array, ""]:
        """Mean negative log-likelihood of the answers at the mean, nats per answer.

        Raises:
            ValueError: where there are no answers.
        """
        n_answers = len(self.problem.answers)
        if n_answers == 0:
            raise ValueError("there are no answers yet: ask first.")
        arguments = self.problem, self.mean, self.human
        if self.problem.reward.single_precision:
            return -_log_likelihood(*arguments) / n_answers
        return -in_64_bits(_log_likelihood)(*arguments) / n_answers


@eqx.filter_jit
def _log_likelihood(
    problem: Problem, reward: AbstractReward, human: AbstractHuman
) -> Float[Array, ""]:
    return jnp.sum(problem.each_under(reward, human))
