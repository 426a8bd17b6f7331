"""Groups of people who want different things: found, not averaged away."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.scipy.stats import norm
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.sparse.csgraph import connected_components
from scipy.special import gammaln

from volition.feedback import NOBODY, Answers, Dataset
from volition.human import AbstractHuman
from volition.inference.evidence import checked
from volition.inference.map import inverse, log_volume
from volition.inference.precision import in_64_bits
from volition.inference.prior import AbstractPrior
from volition.inference.problem import Free, Problem
from volition.inference.units import default_prior, search_scale
from volition.reward import AbstractReward

SHARE_SPREAD = 1.5  # prior of the groups' log-odds: shares from 5 to 95 % are usual
# Odds of 3 to 1, below which evidence is "not worth more than a bare mention": R. E.
# Kass, A. E. Raftery, "Bayes factors", 1995, section 3.2.
A_MENTION = float(np.log(3.0))


class Groups(eqx.Module):
    """What each of several groups of people wants, and who belongs to which.

    Args:
        rewards: the most probable one of each group, leaves `[group, ...]`.
        human: how they all answer.
        share: of people in each group, `[group]`; the largest first.
        membership: probability that a person belongs to a group, `[person, group]`.
        covariance: of the free parameters of each group's reward, by the curvature at
            the maximum, `[group, each, each]`.
        problem: of all people, as if they were one.
        log_evidence: log-probability of the answers, with this number of groups.
        n_distinct: how many of them anybody's answers tell apart, by odds of 3 to 1; of
            more groups than there are, some are the same one twice.
    """

    rewards: AbstractReward
    human: AbstractHuman
    share: Float[Array, " group"]
    membership: Float[Array, "person group"]
    covariance: Float[Array, "group each each"]
    problem: Problem
    log_evidence: float
    n_distinct: int = eqx.field(static=True)

    @property
    def n_groups(self) -> int:
        """How many there are."""
        return self.share.shape[0]

    def belonging(
        self, answers: Dataset, n_people: int
    ) -> Float[Array, "person group"]:
        """The probability that somebody belongs to a group, by his answers.

        Who gave none belongs to each by its share.

        Args:
            answers: of people numbered from 0; not only those that were learned from.
            n_people: how many there are.
        """
        problem = eqx.tree_at(lambda one: one.answers, self.problem, answers)
        told = jax.vmap(lambda reward: problem.each_under(reward, self.human))
        people = jnp.where(answers.present, answers.person, 0)
        summed = jax.ops.segment_sum(
            told(self.rewards).T, people, num_segments=n_people
        )
        return jax.nn.softmax(summed + jnp.log(self.share)[None], axis=1)

    def reward(self, group: int) -> AbstractReward:
        """That of one group."""
        return jax.tree.map(lambda leaf: leaf[group], self.rewards)

    def __str__(self) -> str:
        """One line for each group."""
        return "\n".join(
            f"{float(self.share[group]):.0%} of people: {self.reward(group)}"
            for group in range(self.n_groups)
        )


class _Mixture(eqx.Module):
    """A density over the rewards of all groups, the people, and the groups' shares.

    `P(answers) = product over people of sum over groups of share_g P(theirs | r_g)`
    """

    problem: Problem
    n_groups: int = eqx.field(static=True)
    n_people: int = eqx.field(static=True)

    def unpack(
        self, free: Free
    ) -> tuple[Float[Array, "group each"], Float[Array, " group"]]:
        """The free parameters of each group's problem, and the log of its share."""
        n_reward = self.problem.n_reward
        split = self.n_groups * n_reward
        rewards = free[:split].reshape(self.n_groups, n_reward)
        odds = free[free.shape[0] - self.n_groups + 1 :]
        human = free[split : free.shape[0] - self.n_groups + 1]
        human = jnp.broadcast_to(human, (self.n_groups, human.shape[0]))
        zero = jnp.zeros(1, dtype=free.dtype)
        log_share = jax.nn.log_softmax(jnp.concatenate([zero, odds]))
        return jnp.concatenate([rewards, human], axis=1), log_share

    def by_person(self, free: Free) -> Float[Array, "person group"]:
        """Log-probability of each person's answers together with being in a group."""
        each, log_share = self.unpack(free)
        said = jax.vmap(self.problem.each_log_likelihood)(each)
        people = jnp.where(self.problem.answers.present, self.problem.answers.person, 0)
        told = jax.vmap(
            lambda one: jax.ops.segment_sum(one, people, num_segments=self.n_people)
        )(said)
        return told.T + log_share[None]

    def log_density(self, free: Free) -> Float[Array, ""]:
        """Of answers and parameters."""
        each, _ = self.unpack(free)
        n_reward = self.problem.n_reward
        prior = jax.vmap(self.problem.prior.log_density)(each[:, :n_reward])
        whole = self.problem.log_prior(each[0])
        human = whole - self.problem.prior.log_density(each[0, :n_reward])
        odds = free[free.shape[0] - self.n_groups + 1 :]
        shares = jnp.sum(norm.logpdf(odds, scale=SHARE_SPREAD))
        told = jnp.sum(jax.nn.logsumexp(self.by_person(free), axis=1))
        return told + jnp.sum(prior) + human + shares


@eqx.filter_jit
def _loss_and_slope(mixture: _Mixture, free: Free):
    return jax.value_and_grad(lambda free: -mixture.log_density(free))(free)


@eqx.filter_jit
def _curvature(mixture: _Mixture, free: Free):
    return -jax.hessian(mixture.log_density)(free)


@eqx.filter_jit
def _membership(mixture: _Mixture, free: Free):
    """Of each person, and how much the answers of any tell each pair of groups apart.

    The latter is a log of odds, `[group, group]`.
    """
    told = mixture.by_person(free)
    said = told - mixture.unpack(free)[1][None]
    apart = jnp.abs(said[:, :, None] - said[:, None, :])
    return jax.nn.softmax(told, axis=1), jnp.max(apart, axis=0)


def fit_groups(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset | Answers,
    n_groups: int,
    *,
    prior: AbstractPrior | None = None,
    n_starts: int = 8,
    key: PRNGKeyArray | None = None,
) -> Groups:
    """What each of so many groups of people wants; nobody says who is in which.

    Args:
        reward: its form.
        human: how they all answer.
        answers: of people who are known, numbered from 0.
        n_groups: how many, at least 1.
        prior: over the reward of each group; that of its form at the scale of the data
            if left out, see `default_prior`.
        n_starts: of the search, which has as many equal maxima as ways to number the
            groups, and poorer ones.
        key: of the starts; `jax.random.key(0)` if left out.

    Raises:
        ValueError: where it is not known who answered, or there are fewer people than
            groups.

    Source: a mixture of logit models: J. J. Heckman, B. Singer, 1984; for rewards, M.
    Babes et al., "Apprenticeship learning about multiple intentions", ICML 2011.
    Differs: all parameters at once by BFGS in place of expectation maximisation.
    """
    key = jax.random.key(0) if key is None else key
    answers = Dataset.of(answers)
    people = np.asarray(answers.person)[np.asarray(answers.present)]
    _check(people, n_groups)
    if prior is None:
        reward, prior = default_prior(reward, answers)
    problem = Problem(reward, human, checked(reward, answers), prior)
    mixture = _Mixture(problem, n_groups, int(people.max()) + 1)
    solve_fn = _solve if reward.single_precision else in_64_bits(_solve)
    found = solve_fn(key, mixture, n_starts)
    if not np.isfinite(found.log_evidence):
        raise RuntimeError(
            f"{n_groups} groups were not found: the log-evidence is "
            f"{found.log_evidence}. Narrow the prior, or look for fewer groups."
        )
    return eqx.tree_at(lambda one: one.problem, found, problem)


def _solve(key: PRNGKeyArray, mixture: _Mixture, n_starts: int) -> Groups:
    problem, n_groups = mixture.problem, mixture.n_groups
    best, lowest = None, np.inf
    unit = _unit(mixture)
    for start_key in jax.random.split(key, n_starts):
        found = _climb(mixture, _start(start_key, mixture), unit)
        if best is None or found.fun < lowest:
            best, lowest = unit * found.x, float(found.fun)
    free = jnp.asarray(best, dtype=problem.start.dtype)
    membership, apart = _membership(mixture, free)
    sizes = np.bincount(_alike(np.asarray(apart) < A_MENTION))
    # Each numbering of the groups is a maximum as high as this one; but of those that
    # are the same, one.
    numberings = float(gammaln(n_groups + 1.0) - np.sum(gammaln(sizes + 1.0)))
    curvature = _curvature(mixture, free)
    evidence = -lowest + numberings + float(log_volume(curvature))
    each, log_share = mixture.unpack(free)
    order = jnp.argsort(-log_share)
    unpacked, person = jax.vmap(problem.unpack)(each[order])
    return Groups(
        unpacked,
        jax.tree.map(lambda leaf: leaf[0], person),
        jnp.exp(log_share)[order],
        membership[:, order],
        _blocks(curvature, n_groups, problem.n_reward)[order],
        problem,
        evidence,
        len(sizes),
    )


def _blocks(
    curvature: Float[Array, "free free"], n_groups: int, n_reward: int
) -> Float[Array, "group each each"]:
    """The covariance of each group's reward, the rest being unknown."""
    covariance = inverse(curvature)
    each = [slice(n * n_reward, (n + 1) * n_reward) for n in range(n_groups)]
    return jnp.stack([covariance[part, part] for part in each])


def find_groups(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset | Answers,
    *,
    most: int = 4,
    prior: AbstractPrior | None = None,
    key: PRNGKeyArray | None = None,
) -> Groups:
    """As many groups of people as the answers speak for, by their evidence.

    What they answer can be of any kind: of demonstrators with several intentions, give
    a human that acts, such as `Boltzmann(acting=BoltzmannOptimal(world))`, and
    `Demonstration`s that say whose they are.

    Args:
        reward: its form.
        human: how they all answer.
        answers: of people who are known, numbered from 0.
        most: groups that are tried, from one up; ends where for one more the evidence
            is not 3 times as strong, or where it is one of the others again.
        prior: over the reward of each group; that of its form at the scale of the data
            if left out, see `default_prior`.
        key: of the starts; `jax.random.key(0)` if left out.

    Raises:
        ValueError: where it is not known who answered.
    """
    answers = Dataset.of(answers)
    if prior is None:
        reward, prior = default_prior(reward, answers)
    best = fit_groups(reward, human, answers, 1, prior=prior, n_starts=1, key=key)
    n_people = best.membership.shape[0]
    for n_groups in range(2, min(most, n_people) + 1):
        more = fit_groups(reward, human, answers, n_groups, prior=prior, key=key)
        gain = more.log_evidence - best.log_evidence
        if gain <= A_MENTION or more.n_distinct < n_groups:
            break
        best = more
    return best


def _alike(same: np.ndarray) -> np.ndarray:
    """A number for each, equal where a chain of the same ones leads from it."""
    return connected_components(same, directed=False)[1]


def _check(people: np.ndarray, n_groups: int) -> None:
    if len(people) == 0 or (people == NOBODY).any():
        raise ValueError(
            "groups are found among people who are known: give each answer the number "
            "of its person."
        )
    if not 1 <= n_groups <= len(np.unique(people)):
        raise ValueError(
            f"{n_groups} groups among {len(np.unique(people))} people: give at least "
            "one and at most as many as there are people."
        )


def _start(key: PRNGKeyArray, mixture: _Mixture) -> Free:
    """The present parameters, with each group's reward moved at random."""
    problem, n_groups = mixture.problem, mixture.n_groups
    start, scale = problem.start, problem.prior_scale()
    n_reward = problem.n_reward
    # A tenth of the prior, or of 10 reward units where the prior is wider: there the
    # slopes still tell the groups apart.
    scale = jnp.minimum(scale, 10.0 * search_scale(problem))
    drawn = jax.random.normal(key, (n_groups, n_reward), dtype=start.dtype)
    moved = 0.1 * scale[None, :n_reward] * drawn
    rewards = (start[:n_reward][None] + moved).reshape(-1)
    odds = jnp.zeros(n_groups - 1, dtype=start.dtype)
    return jnp.concatenate([rewards, start[n_reward:], odds])


def _unit(mixture: _Mixture) -> np.ndarray:
    """How far a search moves each parameter at a time."""
    n_reward = mixture.problem.n_reward
    scale = np.asarray(search_scale(mixture.problem), dtype=np.float64)
    rewards = np.tile(scale[:n_reward], mixture.n_groups)
    odds = np.ones(mixture.n_groups - 1)
    return np.concatenate([rewards, scale[n_reward:], odds])


def _climb(mixture: _Mixture, start: Free, unit: np.ndarray):
    """The nearest minimum of the loss, in those units."""

    def loss(z):
        free = jnp.asarray(unit * z, dtype=start.dtype)
        value, slope = _loss_and_slope(mixture, free)
        return float(value), unit * np.asarray(slope, dtype=np.float64)

    begin = np.asarray(start, dtype=np.float64) / unit
    return scipy.optimize.minimize(loss, begin, jac=True, method="BFGS")
