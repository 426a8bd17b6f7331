"""What each of many people wants: around what they all want, as far as they differ."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.scipy.stats import norm
from jaxtyping import Array, Float, PRNGKeyArray

from volition.feedback import NOBODY, Answers, Dataset
from volition.human import AbstractHuman, Positive
from volition.inference.evidence import checked
from volition.inference.map import inverse, log_volume
from volition.inference.posterior import Gaussian, Result
from volition.inference.precision import in_64_bits
from volition.inference.prior import AbstractPrior
from volition.inference.problem import Problem
from volition.inference.units import default_prior, search_scale, units
from volition.reward import AbstractReward

Parameters = Float[Array, " parameter"]

STEEP = 1e-2  # nats per unit of the search, below which a slope counts as none
DIFFER = 0.5  # reward units by which a step differs from person to person, to begin


class People(eqx.Module):
    """What people want, and how much they differ.

    Args:
        problem: of them all, as if they were one.
        free: the common parameters on the free scale, those of the reward first; then
            the logarithm of the spread of each of the reward's, `[parameter]`.
        covariance: of the same.
        offset: people who could be: how far from the common parameters, in spreads,
            `[draw, each]`; each is as probable as any other.
        result: how the search went; its `log_evidence` is comparable with that of
            `Laplace`, for which people do not differ.
    """

    problem: Problem
    free: Parameters
    covariance: Float[Array, "parameter parameter"]
    offset: Float[Array, "draw each"]
    result: Result

    @property
    def common(self) -> Gaussian:
        """The belief about the common parameters, those of the reward first."""
        n_common = self.free.shape[0] - self.problem.n_reward
        return Gaussian(self.free[:n_common], self.covariance[:n_common, :n_common])

    @property
    def log_spread(self) -> Gaussian:
        """The belief about the logarithm of the spread of each parameter."""
        n_common = self.free.shape[0] - self.problem.n_reward
        return Gaussian(self.free[n_common:], self.covariance[n_common:, n_common:])

    @property
    def reward(self) -> AbstractReward:
        """The common one."""
        return self.problem.unpack(self.common.location)[0]

    @property
    def human(self) -> AbstractHuman:
        """How they all answer."""
        return self.problem.unpack(self.common.location)[1]

    @property
    def rewards(self) -> AbstractReward:
        """Of people who could be, leaves `[draw, ...]`."""
        each = _frees(self.problem, self.free, self.offset)
        return jax.vmap(lambda free: self.problem.unpack(free)[0])(each)

    def resemblance(
        self, answers: Dataset, n_people: int
    ) -> Float[Array, "person draw"]:
        """The probability that somebody is like each of those who could be.

        Whoever gave no answer is like any of them. The mean of `rewards` with these
        weights is what a person wants, as far as his answers tell.

        Args:
            answers: of people numbered from 0; not only those that were learned from.
            n_people: how many there are.
        """
        problem = eqx.tree_at(lambda one: one.answers, self.problem, answers)
        told = _by_person(problem, self.free, self.offset, n_people)
        return jax.nn.softmax(told, axis=1)


def fit_people(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset | Answers,
    *,
    prior: AbstractPrior | None = None,
    spread: Positive | None = None,
    n_draws: int = 256,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> People:
    """What people want who want different things, one by one but not by groups.

    Person `i` has the parameters `m + s z_i` on the free scale, with `z_i` standard
    normal. The common parameters `m` and the spreads `s` are the most probable ones,
    the people being integrated out:

    `P(all answers of i | m, s) = mean over z of product of P(answer | m + s z)`

    over fixed draws of `z`, evenly spread, the same for everybody. Answers are taken as
    independent of each other, given what the person wants: of two that the same chance
    has made alike, it would say that people differ.

    Args:
        reward: its form.
        human: how they all answer; what is inferred of it is common.
        answers: of people who are known, numbered from 0.
        prior: over the common parameters of the reward; that of its form at the scale
            of the data if left out, see `default_prior`.
        spread: by how much people differ in each parameter, on the free scale: where
            the search begins, and the prior; if left out half a reward unit over the
            steps asked about, uncertain by a factor of e.
        n_draws: of people who could be, a power of 2. Who gave many answers is like
            few of them: then more are needed.
        key: of the draws; `jax.random.key(0)` if left out.
        throw: whether to raise where the search did not converge.

    Raises:
        ValueError: where it is not known who answered, or the number of draws is no
            power of 2.
        RuntimeError: where the search did not converge and `throw` is set.

    Example:
        >>> from volition import env, feedback, human, policy, reward
        >>> world, numbers = env.delivery(), jnp.arange(20, dtype=jnp.int32)
        >>> paths = policy.rollout(
        ...     jax.random.key(0), world, policy.Random(4), n_segments=40, length=3
        ... )
        >>> pairs = jax.tree.map(
        ...     lambda leaf: leaf.reshape(20, 2, *leaf.shape[1:]), paths
        ... )
        >>> said = feedback.Comparison(
        ...     pairs, numbers % 2, numbers // 5, numbers, jnp.zeros(20)
        ... )
        >>> found = fit_people(
        ...     reward.Linear(world.feature_names),
        ...     human.Boltzmann(choice=human.BradleyTerry()),
        ...     feedback.Dataset.of(said),
        ...     n_draws=16,
        ... )
        >>> found.resemblance(found.problem.answers, 4).shape
        (4, 16)

    Source: K. Train, "Discrete choice methods with simulation", 2nd ed., chapters 6 and
    10 (mixed logit by simulated likelihood), 9.3 (evenly spread draws) and 8.6 (the
    covariance, by the slopes of people). Differs: a prior; the same draws for
    everybody, so that a judge is made once for each. Laplace's approximation in place
    of the draws is wrong by .15 nats for each driver who was seen once, and says that
    drivers differ where they do not.
    """
    key = jax.random.key(0) if key is None else key
    answers = Dataset.of(answers)
    people = np.asarray(answers.person)[np.asarray(answers.present)]
    _check(people, n_draws)
    if prior is None:
        reward, prior = default_prior(reward, answers)
    problem = Problem(reward, human, checked(reward, answers), prior)
    solve_fn = _solve if reward.single_precision else in_64_bits(_solve)
    found = solve_fn(key, problem, spread, n_draws, int(people.max()) + 1)
    if throw and not found.result.converged:
        raise RuntimeError(
            f"inference did not converge: {found.result.message} Narrow the prior, or "
            "give fewer parameters; throw=False returns what there is."
        )
    return eqx.tree_at(lambda one: one.problem, found, problem)


def _solve(
    key: PRNGKeyArray,
    problem: Problem,
    spread: Positive | None,
    n_draws: int,
    n_people: int,
) -> People:
    kind, n_reward = problem.start.dtype, problem.n_reward
    scale = search_scale(problem)
    if spread is None:
        differ = DIFFER * np.asarray(_unit(problem))
        spread = Positive(differ.tolist(), spread=1.0)
    offset = jnp.asarray(_even_draws(key, n_draws, problem.n_reward), dtype=kind)
    differ = jnp.full(n_reward, spread.raw, dtype=kind)
    start = np.asarray(jnp.concatenate([problem.start, differ]), dtype=np.float64)
    # In units of the data, so that slopes are of one kind.
    log_scale = np.full(n_reward, spread.spread)
    unit = np.concatenate([np.asarray(scale, dtype=np.float64), log_scale])

    def loss(z):
        free = jnp.asarray(start + unit * z, dtype=kind)
        value, slope = _loss_and_slope(problem, spread, free, offset, n_people)
        return float(value), unit * np.asarray(slope, dtype=np.float64)

    found = scipy.optimize.minimize(
        loss,
        np.zeros_like(start),
        jac=True,
        method="BFGS",
        options={"gtol": STEEP / 2.0},
    )
    free = jnp.asarray(start + unit * found.x, dtype=kind)
    precision = _precision(problem, spread, free, offset, n_people)
    covariance = inverse(precision)
    steep = float(np.max(np.abs(found.jac)))
    finite = np.isfinite(found.fun) and bool(jnp.isfinite(covariance).all())
    message = f"the steepest slope is {steep:.2g} nats per unit."
    evidence = float(log_volume(precision)) - float(found.fun)
    result = Result(
        bool(finite and steep < STEEP),
        message,
        -float(found.fun),
        {"log_evidence": evidence},
    )
    return People(problem, free, covariance, offset, result)


def _unit(problem: Problem) -> Parameters:
    """What makes steps differ by 1 reward unit, on the free scale."""
    start = problem.start[: problem.n_reward]
    size = jnp.asarray(1.0 / units(problem.reward, problem.answers))
    return problem.prior.stretch(size.astype(start.dtype), start)


def _check(people: np.ndarray, n_draws: int) -> None:
    if len(people) == 0 or (people == NOBODY).any():
        raise ValueError(
            "what each person wants is learned from people who are known: give each "
            "answer the number of its person."
        )
    if n_draws < 1 or n_draws & (n_draws - 1):
        raise ValueError(f"n_draws = {n_draws} must be a power of 2, such as 256.")


def _even_draws(key: PRNGKeyArray, n_draws: int, n_each: int) -> np.ndarray:
    """Standard normal draws that fill space evenly, of mean 0 and variance 1."""
    seed = np.asarray(jax.random.key_data(key)).tolist()
    sobol = scipy.stats.qmc.Sobol(n_each, rng=np.random.default_rng(seed))
    drawn = scipy.stats.norm.ppf(np.clip(sobol.random(n_draws), 1e-9, 1.0 - 1e-9))
    drawn = drawn - drawn.mean(axis=0)
    return drawn / np.maximum(drawn.std(axis=0), 1e-9)


def _frees(
    problem: Problem, free: Parameters, offset: Float[Array, "draw each"]
) -> Float[Array, "draw one"]:
    """The free parameters of the problem of each who could be."""
    n_reward = problem.n_reward
    n_common = free.shape[0] - n_reward
    own = free[None, :n_reward] + jnp.exp(free[n_common:])[None] * offset
    shared = free[None, n_reward:n_common]
    shared = jnp.broadcast_to(shared, (offset.shape[0], shared.shape[1]))
    return jnp.concatenate([own, shared], axis=1)


@eqx.filter_jit
def _by_person(
    problem: Problem, free: Parameters, offset: Float[Array, "draw each"], n_people: int
) -> Float[Array, "person draw"]:
    """Log-likelihood of each person's answers, were he like each who could be."""
    each = _frees(problem, free, offset)
    # One after the other, and once more for the slope: seven times as fast as all at
    # once, which no cache holds.
    said_fn = jax.checkpoint(lambda free: problem.each_log_likelihood(free))
    said = jax.lax.map(said_fn, each)
    people = jnp.where(problem.answers.present, problem.answers.person, 0)
    return jax.ops.segment_sum(said.T, people, num_segments=n_people)


def _marginal(
    problem: Problem, free: Parameters, offset: Float[Array, "draw each"], n_people: int
) -> Float[Array, " person"]:
    """Log-probability of each person's answers."""
    told = _by_person(problem, free, offset, n_people)
    return jax.nn.logsumexp(told, axis=1) - jnp.log(float(offset.shape[0]))


def _log_prior(
    problem: Problem, spread: Positive, free: Parameters
) -> Float[Array, ""]:
    n_common = free.shape[0] - problem.n_reward
    mean = jnp.asarray(spread.mean, dtype=free.dtype)
    differ = jnp.sum(norm.logpdf(free[n_common:], mean, spread.spread))
    return problem.log_prior(free[:n_common]) + differ


@eqx.filter_jit
def _loss_and_slope(problem: Problem, spread, free: Parameters, offset, n_people: int):
    def loss(free):
        told = jnp.sum(_marginal(problem, free, offset, n_people))
        return -told - _log_prior(problem, spread, free)

    return jax.value_and_grad(loss)(free)


@eqx.filter_jit
def _precision(problem: Problem, spread, free: Parameters, offset, n_people: int):
    """The information of the people's slopes, and the curvature of the prior."""
    slopes = jax.jacfwd(lambda free: _marginal(problem, free, offset, n_people))(free)
    prior = -jax.hessian(lambda free: _log_prior(problem, spread, free))(free)
    return slopes.T @ slopes + prior
