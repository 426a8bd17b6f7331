"""What a policy is worth, from records of what others did."""

from collections.abc import Callable

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from volition.evaluation.bootstrap import percentile_interval
from volition.evaluation.estimate import Estimate, no_interval
from volition.evaluation.off_policy import Logged

N_RESAMPLES = 400
RIDGE = 1e-12  # relative to the mean square of the features: for what was never seen
# Chosen here: what an estimate must not lack to be one.
SUPPORT = 0.95  # share of the policy's time that records must speak of
TAIL = 0.02  # share of its time that may lie behind where records were cut off
FEW = 10  # effective episodes, below which no interval is to be believed
ONE = 2  # effective episodes, below which a single one speaks for all


class Weighted(eqx.Module):
    """What importance sampling found.

    Args:
        value: the mean return, with an interval over episodes. Where records do not
            tell it, it is NaN, and `value.interval` says why.
        effective_n: as how many episodes the records count, which were weighed: from 1
            to the number of them.
        support: share of the policy's (discounted) time that the records speak of, in
            `[0, 1]`: what the recorded policy never does, and what nobody did, is not
            in it.
        effective_n_at: the same as `effective_n`, by the steps up to each, `[time]`.
        support_at: probability that the policy has done nothing up to each step that
            the records do not speak of, `[time]`.
    """

    value: Estimate
    effective_n: float
    support: float
    effective_n_at: Float[np.ndarray, " time"]
    support_at: Float[np.ndarray, " time"]

    def __str__(self) -> str:
        return _described(self.value, self.effective_n, self.support)


class Fitted(eqx.Module):
    """What fitted values found.

    Args:
        estimate: the mean return from the starts that were recorded, with an interval
            over episodes. Where records do not tell it, it is NaN, and
            `estimate.interval` says why.
        effective_n: as how many episodes the records count, by how much each weighs in
            the value.
        support: share of the policy's (discounted) time that the records speak of, in
            `[0, 1]`: what nobody did is not in it.
        support_at: share of what the policy does at each step that was recorded
            somewhere: at the start, and then behind the recorded steps, `[time + 1]`.
    """

    estimate: Estimate
    effective_n: float
    support: float
    support_at: Float[np.ndarray, " time"]

    @property
    def value(self) -> float:
        """Of the estimate."""
        return self.estimate.value

    @property
    def low(self) -> float:
        """Of the estimate."""
        return self.estimate.low

    @property
    def high(self) -> float:
        """Of the estimate."""
        return self.estimate.high

    @property
    def n(self) -> int:
        """Of the estimate."""
        return self.estimate.n

    @property
    def interval(self) -> str:
        """Of the estimate."""
        return self.estimate.interval

    def __str__(self) -> str:
        return _described(self.estimate, self.effective_n, self.support)


def _described(one: Estimate, effective_n: float, support: float) -> str:
    return f"{one}, effective n {effective_n:.1f}, support {support:.0%}"


def _estimated(
    value_fn: Callable[[Int[np.ndarray, " episode"]], float],
    n: int,
    unknown: str,
    effective_n: float,
    n_resamples: int,
    seed: int,
) -> Estimate:
    """With an interval over episodes, as far as they bear one."""
    if unknown:
        return no_interval(np.nan, n, f"not known: {unknown}")
    value = float(value_fn(np.arange(n)))
    if n < 2:
        return no_interval(value, n, "one episode")
    if effective_n < min(FEW, 0.5 * n):
        why = f"the {n} episodes count as {effective_n:.1f}, which is too few"
        return no_interval(value, n, why)
    generator = np.random.default_rng(seed)
    drawn = [value_fn(generator.integers(0, n, n)) for _ in range(n_resamples)]
    return percentile_interval(value, np.asarray(drawn), n, "episodes")


def fitted_q_evaluation(
    log: Logged, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Fitted:
    """The mean return of a policy, by values that are fitted to one-step targets.

    The weights of `q = features . weights` for which another fit to `r + discount E
    q(s', A')` changes nothing, solved for at once. Where features are a column for each
    state, it is right for enough data, whoever acted, as long as they now and then did
    what the policy does. With fewer features it is as good as values are linear in
    them.

    Where nobody did what the policy does, nothing is known of it. The same equations
    say how likely the policy is to come to that, with "paid 1 where nothing was
    recorded" in place of the reward; where it is more than 5 %, so is no value.

    Args:
        log: of `logged`; episodes may be cut off.
        n_resamples: how often the episodes are drawn again.
        seed: of the draws.

    Returns:
        The mean return from the starts that were recorded, with an interval over
        episodes, effective sample size and share of support.

    Raises:
        RuntimeError: where fitting again and again would go on for ever, as with a
            discount of 1 where nothing ends.

    Example:
        >>> step = np.ones((2, 1))
        >>> log = Logged(
        ...     reward=np.array([[1.0], [5.0]]),
        ...     made=step > 0,
        ...     ratio=step,
        ...     features=step[:, :, None],
        ...     ahead=step[:, :, None],
        ...     start=step,
        ...     discount=0.5,
        ... )
        >>> found = fitted_q_evaluation(log)
        >>> round(found.value, 6), found.support  # 3 for every step, for ever
        (6.0, 1.0)

    Source: H. Le, C. Voloshin, Y. Yue, "Batch policy learning under constraints", ICML
    2019, arXiv 1903.08738, algorithm 3; for linear values its fixed point is that of M.
    Lagoudakis and R. Parr, "Least-squares policy iteration", 2003.
    """
    made = log.made
    here, behind, paid = log.features[made], log.ahead[made], log.reward[made]
    number, step = np.nonzero(made)
    # What was recorded spans a part of all features; of the rest nothing is known.
    size, axes = np.linalg.eigh(here.T @ here)
    axes = axes[:, size > 1e-10 * size.max()]
    unseen = lambda rows: _outside(rows, axes)
    lost_ahead, lost_start = unseen(behind), unseen(log.start)
    inner, led, start = here @ axes, behind @ axes, log.start @ axes
    ridge = RIDGE * max(float(np.mean(np.sum(inner**2, axis=1))), 1e-300)

    def fit(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weighted = inner * counts[number, None]
        square = weighted.T @ inner
        return square, square - log.discount * weighted.T @ led

    square, system = fit(np.ones(log.n_episodes))
    _check_growth(np.linalg.solve(square, square - system), log.discount)

    def value(rows: np.ndarray) -> float:
        counts = np.bincount(rows, minlength=log.n_episodes).astype(float)
        _, system = fit(counts)
        target = (inner * counts[number, None]).T @ paid
        weights = np.linalg.solve(system + ridge * np.eye(len(system)), target)
        return float(start[rows].mean(axis=0) @ weights)

    by_step = inner @ np.linalg.solve(system.T, start.mean(axis=0))
    lost = lost_start.mean() + float(by_step @ (log.discount * lost_ahead))
    support = 1.0 - float(np.clip(lost, 0.0, 1.0))
    support = 1.0 if support > 1.0 - 1e-9 else support  # rounding of the solver
    by_episode = np.bincount(number, weights=by_step, minlength=log.n_episodes)
    effective_n = _effective(np.abs(by_episode))
    n_at = np.bincount(step, minlength=made.shape[1])
    lost_at = np.bincount(step, weights=lost_ahead, minlength=made.shape[1])
    lost_at = np.append(lost_start.mean(), lost_at / np.maximum(n_at, 1))
    estimate = _estimated(
        value,
        log.n_episodes,
        "" if support >= SUPPORT else _no_support(support),
        effective_n,
        n_resamples,
        seed,
    )
    return Fitted(estimate, effective_n, support, 1.0 - lost_at)


def _outside(
    rows: Float[np.ndarray, "row feature"], axes: Float[np.ndarray, "feature axis"]
) -> Float[np.ndarray, " row"]:
    """Share of features that what was recorded does not span."""
    whole = np.abs(rows).sum(axis=1)
    left = np.abs(rows - (rows @ axes) @ axes.T).sum(axis=1)
    share = np.divide(left, whole, out=np.zeros_like(whole), where=whole > 0)
    return np.where(share > 1e-9, np.minimum(share, 1.0), 0.0)


def _check_growth(again: Float[np.ndarray, "axis axis"], discount: float) -> None:
    growth = max(abs(complex(one)) for one in np.linalg.eigvals(again))
    if growth < 1.0 - 1e-9:
        return
    if discount == 1.0 and growth < 1.0 + 1e-9:
        raise RuntimeError(
            "the discount is 1, and in the records the policy goes on for ever, so "
            "that its return has no end: give the world a discount below 1, or take "
            "importance_sampling with a horizon."
        )
    raise RuntimeError(
        f"fitted values grow by {growth:.3g} with every fit and settle nowhere: "
        "use other features, or records of who acts more like the policy."
    )


def _no_support(support: float) -> str:
    return (
        f"the records speak of {support:.0%} of what the policy does; record somebody "
        "who does the rest, too"
    )


def _effective(weight: np.ndarray) -> float:
    """As how many equal weights these count."""
    total = float(weight.sum())
    if not total > 0.0:
        return 0.0
    share = weight / total  # squares of large weights overflow
    return float(1.0 / np.sum(share**2))


def importance_sampling(
    log: Logged,
    *,
    self_normalised: bool = True,
    per_decision: bool = True,
    horizon: int | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Weighted:
    """The mean return of a policy, by weighing what others did.

    `sum over t of discount^t mean over i of w_it r_it`, where `w_it` is how much
    likelier the policy is than who was recorded to do what was done in episode `i` up
    to step `t`.

    Episodes that were cut off count up to there; of what lies behind nothing is known.
    Where more than 2 % of the policy's discounted time does, so is no value, and a
    `horizon` asks for what was recorded. Nor is there a value where nobody did what the
    policy does for more than 5 % of its time, where a single episode has nearly all of
    the weight, or where records cannot be of the recorded policy.

    Args:
        log: of `logged`.
        self_normalised: whether weights of a step are divided by their mean: less
            variance for some bias, which vanishes with more episodes.
        per_decision: whether a reward is weighed by the steps up to it; else by those
            of the whole episode.
        horizon: steps whose rewards are asked for, at least 1; all if left out.
        n_resamples: how often the episodes are drawn again.
        seed: of the draws.

    Raises:
        ValueError: for a horizon below 1.

    Example:
        >>> step = np.ones((4, 1))
        >>> log = Logged(
        ...     reward=np.array([[1.0], [1.0], [5.0], [5.0]]),
        ...     made=step > 0,
        ...     ratio=np.array([[0.5], [0.5], [1.5], [1.5]]),
        ...     features=step[:, :, None],
        ...     ahead=0 * step[:, :, None],
        ...     start=step,
        ...     discount=0.9,
        ... )
        >>> found = importance_sampling(log)
        >>> found.value.value, found.effective_n, found.support
        (4.0, 3.2, 1.0)

    Source: D. Precup, R. Sutton, S. Singh, "Eligibility traces for off-policy policy
    evaluation", ICML 2000, sections 2 and 3; P. Thomas, "Safe reinforcement learning",
    PhD thesis, 2015, section 3.5 (per-decision and self-normalised, step by step).
    """
    if horizon is not None and horizon < 1:
        raise ValueError(f"horizon = {horizon} must be at least one step.")
    n, n_steps = log.n_episodes, log.reward.shape[1]
    n_asked = n_steps if horizon is None else min(horizon, n_steps)
    weight = every = np.cumprod(log.ratio, axis=1)[:, :n_asked]
    ended = np.ones(n, dtype=bool) if log.ended is None else log.ended
    length = log.made.sum(axis=1)
    time = np.arange(n_asked)
    known = ended[:, None] | (time[None] < length[:, None])
    if not per_decision:
        weight = np.broadcast_to(weight[:, -1:], weight.shape)
    factor = float(log.discount) ** time
    paid = log.reward[:, :n_asked] * factor

    def value(rows: np.ndarray) -> float:
        drawn = np.where(known[rows], weight[rows], 0.0)
        total = (drawn * paid[rows]).sum(axis=0)
        there = known[rows].sum(axis=0)
        below = drawn.sum(axis=0) if self_normalised else there
        # Where nobody goes on as the policy would, this draw says nothing.
        if (below[counted] <= 0.0).any():
            return np.nan
        return float(np.sum(total[counted] / below[counted]))

    within = np.where(known, weight, 0.0)
    effective_at = np.array([_effective(column) for column in within.T])
    support_at = _support_at(log, every, known, n_asked)
    # Steps at which the policy would still act, by the records.
    acting = (within * log.made[:, :n_asked]).sum(axis=0)
    acting = np.divide(acting, within.sum(axis=0), out=0 * acting, where=acting > 0)
    counted = factor > 0.0
    unknown = log.doubt or _lost(
        weight, within, counted, _behind(log, weight, acting, length, horizon)
    )
    spent = acting * factor
    support = float(np.sum(spent * support_at) / np.sum(spent)) if spent.any() else 0.0
    effective_n = float(effective_at[-1])
    if not unknown and support < SUPPORT:
        unknown = _no_support(support)
    if not unknown and effective_n < ONE <= n:
        unknown = (
            f"one of the {n} episodes has nearly all of the weight (effective n "
            f"{effective_n:.1f}); record somebody who acts more like the policy"
        )
    found = _estimated(value, n, unknown, effective_n, n_resamples, seed)
    return Weighted(found, effective_n, support, effective_at, support_at)


def _lost(
    weight: np.ndarray, within: np.ndarray, counted: np.ndarray, behind: float
) -> str:
    """What of the policy's time nobody recorded, in words; mostly nothing."""
    lost = np.flatnonzero(~(within.sum(axis=0) > 0.0) & counted)
    if len(lost) and not weight[:, lost[0]].any():
        return (
            f"no recorded episode does what the policy does up to step {lost[0]}; "
            "record somebody who does"
        )
    if len(lost):
        return (
            "every episode that is like the policy's was cut off by step "
            f"{lost[0]}; give a horizon, or longer records"
        )
    if behind > TAIL:
        return (
            f"{behind:.0%} of the policy's time lies behind where episodes were cut "
            "off; give a horizon, longer records, or take fitted_q_evaluation"
        )
    return ""


def _support_at(
    log: Logged, weight: np.ndarray, known: np.ndarray, n_asked: int
) -> Float[np.ndarray, " time"]:
    """Probability that the policy has done nothing that was not recorded, step by step.

    Of those who acted like it so far, the share of what it does next that the recorded
    policy does, too.
    """
    before = np.concatenate([np.ones((len(weight), 1)), weight[:, :-1]], axis=1)
    before = np.where(log.made[:, :n_asked] & known, before, 0.0)
    all_before = np.concatenate([np.ones((len(weight), 1)), weight[:, :-1]], axis=1)
    outside = np.zeros_like(before) if log.outside is None else log.outside[:, :n_asked]
    total = all_before.sum(axis=0)
    lost = np.divide(
        (before * outside).sum(axis=0), total, out=np.zeros(n_asked), where=total > 0
    )
    kept = np.cumprod(1.0 - np.clip(lost, 0.0, 1.0))
    return np.where(weight.sum(axis=0) > 0.0, kept, 0.0)


def _behind(
    log: Logged,
    weight: np.ndarray,
    acting: Float[np.ndarray, " time"],
    length: np.ndarray,
    horizon: int | None,
) -> float:
    """Share of the policy's discounted time that lies behind where records were cut."""
    n_asked, discount = weight.shape[1], float(log.discount)
    last = weight[:, -1]
    ended = np.ones(len(last), dtype=bool) if log.ended is None else log.ended
    cut = ~ended & (length <= n_asked) & (last > 0.0)
    if horizon is not None:
        cut &= length < horizon
    if not cut.any():
        return 0.0
    if discount == 1.0 and horizon is None:
        # How long it would have gone on is not known at all.
        return float(last[cut].sum() / last.sum())
    end = np.inf if horizon is None else float(horizon)
    if discount == 1.0:
        ahead = end - length[cut]
    else:
        ahead = (discount ** length[cut] - discount**end) / (1.0 - discount)
    left = float((last[cut] * ahead).sum() / last.sum())
    seen = float(np.sum(acting * discount ** np.arange(n_asked)))
    return left / (left + seen)
