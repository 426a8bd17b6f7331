"""Sequential Monte Carlo: a posterior that goes on from the last one."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from volition.inference.map import AbstractMethod, expected_curvature
from volition.inference.posterior import AbstractBelief, Draws, Posterior, Result
from volition.inference.problem import Free, Problem

# Of Student's t, from which the first draws come: heavier tails than a posterior's, and
# still a finite variance. A. B. Owen, "Monte Carlo theory, methods and examples", 9.1.
DEGREES = 5.0
FEWEST = 50  # effective draws: a mean is known to a seventh of a standard deviation
MAX_NEWTON = 50  # steps, of which 5 to 10 are usual
MAX_BRIDGES = 60  # between the last posterior and the next; 1 is usual
MAX_MOVES = 30  # of each draw at each bridge; 2 to 6 are usual
# Draws move until so much of their variance at most is left from before: then about two
# thirds of them stay effective from answer to answer (the fixed point of `_remaining`).
STALE = 0.25
# Every other move stays near: each draw keeps so much of its place (Cotter et al.).
NEAR = 0.8
# Densities in one block: the features of 64 pairs of ten steps under a hundred rewards
# stay in the cache, which takes a fifth of the time of all at once.
AT_ONCE = 100

Places = Float[Array, "draw free"]
Each = Float[Array, " draw"]


class Sequential(AbstractMethod):
    """Draws that move from one posterior to the next, an answer at a time.

    From the last posterior to the next by bridges `old^(1 - s) new^s`, as few as keep
    half of the draws effective, mostly one. At each, draws are weighed, drawn again,
    and moved by Metropolis-Hastings towards a Gaussian fitted to them, until three
    quarters of their variance is new. Without a last posterior they begin as Student's
    t around the maximum. It is one program, so that it takes milliseconds after each
    answer: `belief = fit(..., Sequential(belief))`.

    `n_effective` counts what weighing and drawing again have cost, over all updates; it
    has converged with a tenth of the draws effective, and 50 at least. What no draw
    came near it cannot know: where a planner is in the likelihood, compare with `NUTS`.

    Args:
        previous: a posterior that is draws, of the first of the same answers.
        n_draws: how many, at least 100.

    Raises:
        ValueError: where the previous belief holds no draws, or is about other answers
            or another prior.

    Source: P. Del Moral, A. Doucet, A. Jasra, "Sequential Monte Carlo samplers", JRSS-B
    2006, section 3; an answer at a time as in N. Chopin, "A sequential particle filter
    method for static models", Biometrika 2002; moves as in S. L. Cotter et al., "MCMC
    methods for functions", 2013 (pCN), around the fitted Gaussian. Differs: the number
    of moves adapts to what is left from before.
    """

    previous: Posterior | None = None
    n_draws: int = eqx.field(static=True, default=2000)

    def __check_init__(self):
        if self.n_draws < 100:
            raise ValueError(f"n_draws = {self.n_draws} must be at least 100.")
        if self.previous is not None and not isinstance(self.previous.belief, Draws):
            raise ValueError(
                "the previous belief holds no draws to go on from: give one that "
                "Sequential or NUTS returned."
            )

    @property
    def before(self) -> Problem | None:
        """That of the last posterior, if it knew any answers."""
        if self.previous is None or not len(self.previous.problem.answers):
            return None
        return self.previous.problem

    def run(
        self, key: PRNGKeyArray, problem: Problem
    ) -> tuple[Free, AbstractBelief, Result]:
        """Weigh, draw again, and move, from the last posterior to this one."""
        start_key, move_key = jax.random.split(key)
        if self.previous is None or self._knows_nothing(problem):
            mode, end = from_maximum(start_key, move_key, problem, self.n_draws)
        else:
            old = already_heard(self.previous.problem, problem)
            n_before = jnp.asarray(self.previous.result.diagnostics["n_effective"])
            draws = _resized(start_key, self.previous.belief, self.n_draws)
            mode, end = from_draws(move_key, problem, old, draws, n_before)
        return mode, Draws(end.cloud.place), self._judged(problem, mode, end)

    def _knows_nothing(self, problem: Problem) -> bool:
        """Whether the last posterior is a prior alone, and another than this one."""
        assert self.previous is not None
        old = self.previous.problem
        return not len(old.answers) and not eqx.tree_equal(old.prior, problem.prior)

    def _judged(self, problem: Problem, mode: Free, end: "Stand") -> Result:
        n_effective, arrived = float(end.n_effective), float(end.share)
        accepted = float(end.n_accepted) / max(1.0, float(end.n_moves))
        enough = max(0.1 * self.n_draws, FEWEST)
        converged = arrived >= 1.0 and n_effective >= enough
        message = (
            f"Effective draws: {n_effective:.0f} of {self.n_draws}, after "
            f"{int(end.n_bridges)} bridges and {int(end.n_moves)} moves of each, "
            f"{accepted:.0%} accepted."
        )
        diagnostics = {
            "n_effective": n_effective,
            "n_bridges": float(end.n_bridges),
            "n_moves": float(end.n_moves),
            "accepted": accepted,
        }
        return Result(converged, message, float(_at(problem, mode)), diagnostics)


class Cloud(NamedTuple):
    """Draws: where, and the log-densities there of the new posterior and of the old."""

    place: Places
    new: Each
    old: Each


class Stand(NamedTuple):
    """Where the bridges have led: how far, and what it has cost."""

    key: PRNGKeyArray
    cloud: Cloud
    share: Float[Array, ""]
    n_effective: Float[Array, ""]
    n_bridges: Float[Array, ""]
    n_moves: Float[Array, ""]
    n_accepted: Float[Array, ""]


def already_heard(old: Problem, new: Problem) -> Bool[Array, " capacity"]:
    """Which of the answers a previous problem knew: the first of each batch.

    Raises:
        ValueError: where they are other answers, or the prior is another.
    """
    if not eqx.tree_equal(old.prior, new.prior):
        raise ValueError("the previous belief has another prior: begin anew.")
    counts = [int(batch.present.sum()) for batch in old.answers.batches]
    if len(counts) > len(new.answers.batches):
        raise ValueError(_OTHER)
    counts += [0] * (len(new.answers.batches) - len(counts))
    heard = [np.zeros(0, dtype=bool)]
    for number, (count, batch) in enumerate(
        zip(counts, new.answers.batches, strict=True)
    ):
        first = np.arange(batch.capacity) < count
        if count:
            ours, theirs = (
                jax.tree.leaves(dataset.batches[number].answers)
                for dataset in (old.answers, new.answers)
            )
            same = len(ours) == len(theirs) and all(
                np.array_equal(
                    np.asarray(a)[:count], np.asarray(b)[:count], equal_nan=True
                )
                if np.asarray(a).dtype.kind == "f"
                else np.array_equal(np.asarray(a)[:count], np.asarray(b)[:count])
                for a, b in zip(ours, theirs, strict=True)
            )
            if not same or not np.asarray(batch.present)[first].all():
                raise ValueError(_OTHER)
        heard.append(first)
    return jnp.asarray(np.concatenate(heard))


_OTHER = (
    "the previous belief is about answers that are not the first of these: begin anew."
)


def _resized(key: PRNGKeyArray, belief: AbstractBelief, n_draws: int) -> Places:
    if isinstance(belief, Draws) and belief.draws.shape[0] == n_draws:
        return belief.draws
    return belief.sample(key, n_draws)


@eqx.filter_jit
def _at(problem: Problem, free: Free) -> Float[Array, ""]:
    return problem.log_density(free)


@eqx.filter_jit
def from_maximum(
    draw_key: PRNGKeyArray, move_key: PRNGKeyArray, problem: Problem, n_draws: int
) -> tuple[Free, Stand]:
    """Without a last posterior: from Student's t around the maximum."""
    mode, precision, _ = newton(problem, problem.start)
    # Of z = root^T (x - mode) with precision = root root^T.
    root, n_free = jnp.linalg.cholesky(precision), mode.shape[0]
    normal_key, scale_key = jax.random.split(draw_key)
    normal = jax.random.normal(normal_key, (n_draws, n_free), dtype=mode.dtype)
    gamma = jax.random.gamma(scale_key, 0.5 * DEGREES, (n_draws,), dtype=mode.dtype)
    z = normal * jnp.sqrt(0.5 * DEGREES / gamma)[:, None]
    draws = mode[None] + jax.scipy.linalg.solve_triangular(root.T, z.T, lower=False).T

    def densities(free: Free):
        z = root.T @ (free - mode)
        tail = -0.5 * (DEGREES + n_free) * jnp.log1p(jnp.sum(jnp.square(z)) / DEGREES)
        return problem.log_density(free), tail

    return mode, _cross(move_key, densities, draws, jnp.asarray(float(n_draws)))


@eqx.filter_jit
def from_draws(
    key: PRNGKeyArray,
    problem: Problem,
    heard: Bool[Array, " capacity"],
    draws: Places,
    n_before: Float[Array, ""],
) -> tuple[Free, Stand]:
    """From the last posterior, which knew some of the answers."""

    def densities(free: Free):
        each, prior = problem.each_log_likelihood(free), problem.log_prior(free)
        known = jnp.sum(jnp.where(heard, each, 0.0))
        return jnp.sum(each) + prior, known + prior

    mode, _, _ = newton(problem, jnp.mean(draws, axis=0))
    return mode, _cross(key, densities, draws, n_before)


Densities = Callable[[Free], tuple[Float[Array, ""], Float[Array, ""]]]


def _cross(
    key: PRNGKeyArray, densities: Densities, draws: Places, n_before: Float[Array, ""]
) -> Stand:
    """From draws of the old density to draws of the new."""

    def goes_on(stand: Stand) -> Bool[Array, ""]:
        # Where hardly a draw is effective (or that is no number) there is no way on.
        lost = ~(stand.n_effective > 2.0)
        return (stand.share < 1.0) & (stand.n_bridges < MAX_BRIDGES) & ~lost

    cloud = _cloud(densities, draws)
    nothing = jnp.zeros((), dtype=draws.dtype)
    begin = Stand(key, cloud, nothing, n_before, nothing, nothing, nothing)
    return jax.lax.while_loop(goes_on, lambda stand: _bridge(densities, stand), begin)


def _cloud(densities: Densities, place: Places) -> Cloud:
    new, old = jax.lax.map(densities, place, batch_size=AT_ONCE)
    # Where the density is not a number there is none.
    return Cloud(place, *(jnp.where(jnp.isnan(d), -jnp.inf, d) for d in (new, old)))


def _bridge(densities: Densities, stand: Stand) -> Stand:
    """Weigh, draw again, move."""
    key, again_key, move_key = jax.random.split(stand.key, 3)
    n_draws = stand.cloud.new.shape[0]
    ahead = _stride(stand.cloud.new - stand.cloud.old, 1.0 - stand.share)
    share = jnp.where(ahead >= 1.0 - stand.share, 1.0, stand.share + ahead)
    weights = jax.nn.softmax(ahead * (stand.cloud.new - stand.cloud.old))
    mean = weights @ stand.cloud.place
    centred = stand.cloud.place - mean[None]
    root = jnp.linalg.cholesky((weights[:, None] * centred).T @ centred)
    # Systematic: as many copies as the weight says, rounded up or down.
    begin = jax.random.uniform(again_key, dtype=weights.dtype)
    at = (jnp.arange(n_draws, dtype=weights.dtype) + begin) / n_draws
    rows = jnp.minimum(jnp.searchsorted(jnp.cumsum(weights), at), n_draws - 1)
    cloud = jax.tree.map(lambda leaf: leaf[rows], stand.cloud)
    n_kept = stand.n_effective * _effective(weights) / n_draws
    cloud, stale, n_moves, accepted = _moved(
        move_key, densities, cloud, share, mean, root
    )
    left = _remaining(n_kept, stale, n_draws)
    return Stand(
        key,
        cloud,
        share,
        left,
        stand.n_bridges + 1.0,
        stand.n_moves + n_moves,
        stand.n_accepted + accepted,
    )


def _effective(weights: Each) -> Float[Array, ""]:
    """Of how many equal draws a mean would be as sure: `1 / sum w^2`."""
    return 1.0 / jnp.sum(jnp.square(weights))


def _remaining(
    n_kept: Float[Array, ""], stale: Float[Array, ""], n_draws: int
) -> Float[Array, ""]:
    """Effective draws after drawing again, which adds the variance of `n_draws`, and
    after moves that leave a share of the variance from before."""
    before = 1.0 / n_kept + 1.0 / n_draws
    return 1.0 / (stale * before + (1.0 - stale) / n_draws)


def _stride(ahead: Each, most: Float[Array, ""]) -> Float[Array, ""]:
    """How far along the bridge half of the draws are still effective."""
    n_least = 0.5 * ahead.shape[0]

    def enough(share: Float[Array, ""]) -> Bool[Array, ""]:
        return _effective(jax.nn.softmax(share * ahead)) >= n_least

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        fine = enough(middle)
        return jnp.where(fine, middle, low), jnp.where(fine, high, middle)

    # Thirty halvings: to a billionth of the bridge.
    low, _ = jax.lax.fori_loop(0, 30, halve, (jnp.zeros_like(most), most))
    return jnp.where(enough(most), most, low)


def _moved(key, densities: Densities, cloud: Cloud, share, mean: Free, root):
    """Metropolis-Hastings until little is left from before.

    Returns:
        The draws, the share of variance from before, moves made, and how many of them
        were accepted on average.
    """

    def whiten(place: Places) -> Places:
        centred = (place - mean[None]).T
        return jax.scipy.linalg.solve_triangular(root, centred, lower=True).T

    def heat(cloud: Cloud, z: Places) -> Each:
        """How much more probable than under the fitted Gaussian."""
        between = (1.0 - share) * cloud.old + share * cloud.new
        log_density = jnp.where(share < 1.0, between, cloud.new)
        return log_density + 0.5 * jnp.sum(jnp.square(z), axis=1)

    first = whiten(cloud.place)

    def move(carry):
        key, cloud, z, _, n_moves, accepted = carry
        key, near_key, coin_key = jax.random.split(key, 3)
        keep = jnp.where(n_moves % 2.0 > 0.5, NEAR, 0.0)
        noise = jax.random.normal(near_key, z.shape, dtype=z.dtype)
        tried_z = keep * z + jnp.sqrt(1.0 - jnp.square(keep)) * noise
        tried = _cloud(densities, mean[None] + tried_z @ root.T)
        coin = jnp.log(jax.random.uniform(coin_key, z.shape[:1], dtype=z.dtype))
        yes = coin < heat(tried, tried_z) - heat(cloud, z)
        pick = lambda a, b: jnp.where(yes if a.ndim == 1 else yes[:, None], a, b)
        cloud, z = jax.tree.map(pick, (tried, tried_z), (cloud, z))
        share_accepted = jnp.mean(yes, dtype=z.dtype)
        return key, cloud, z, _stale(first, z), n_moves + 1.0, accepted + share_accepted

    def goes_on(carry):
        _, _, _, stale, n_moves, _ = carry
        return (stale > STALE) & (n_moves < MAX_MOVES)

    nothing = jnp.zeros((), dtype=first.dtype)
    begin = (key, cloud, first, nothing + 1.0, nothing, nothing)
    _, cloud, _, stale, n_moves, accepted = jax.lax.while_loop(goes_on, move, begin)
    return cloud, stale, n_moves, accepted


def _stale(before: Places, after: Places) -> Float[Array, ""]:
    """The greatest squared correlation of a coordinate with what it was."""

    def unit(z: Places) -> Places:
        z = z - jnp.mean(z, axis=0, keepdims=True)
        return z / jnp.linalg.norm(z, axis=0, keepdims=True)

    shared = jnp.square(jnp.sum(unit(before) * unit(after), axis=0))
    # Draws that are all the same have no correlation, and have not moved.
    return jnp.max(jnp.where(jnp.isnan(shared), 1.0, shared))


def newton(
    problem: Problem, start: Free
) -> tuple[Free, Float[Array, "free free"], Float[Array, ""]]:
    """The nearest maximum by Fisher scoring, in one program.

    Steps are `curvature^-1 slope`, the best of doubled, whole and halved ones; it ends
    where none is better.

    Args:
        problem: what is maximised.
        start: where the search begins.

    Returns:
        The mode, the expected curvature there, and the slope that is left, in units of
        the posterior: `sqrt(slope^T curvature^-1 slope)`.
    """
    lengths = 2.0 ** jnp.arange(1, -9, -1, dtype=start.dtype)

    def direction(free: Free):
        slope = jax.grad(problem.log_density)(free)
        curvature = expected_curvature(problem, free)
        return jnp.linalg.solve(curvature, slope), slope, curvature

    def step(carry):
        free, value, n_steps, _ = carry
        ahead, _, _ = direction(free)
        points = free[None] + lengths[:, None] * ahead[None]
        values = jax.vmap(problem.log_density)(points)
        values = jnp.where(jnp.isnan(values), -jnp.inf, values)
        best = jnp.argmax(values)
        # A gain below rounding is none.
        better = values[best] - value > 1e-12 * (1.0 + jnp.abs(value))
        free = jnp.where(better, points[best], free)
        return free, jnp.where(better, values[best], value), n_steps + 1, better

    def goes_on(carry):
        _, _, n_steps, better = carry
        return better & (n_steps < MAX_NEWTON)

    begin = (start, problem.log_density(start), jnp.int32(0), jnp.asarray(True))
    mode, _, _, _ = jax.lax.while_loop(goes_on, step, begin)
    ahead, slope, curvature = direction(mode)
    return mode, curvature, jnp.sqrt(jnp.maximum(slope @ ahead, 0.0))
