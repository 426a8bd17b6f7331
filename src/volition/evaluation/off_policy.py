"""What a policy is worth, from records of what others did."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from volition.env import AbstractEnvironment, Discrete
from volition.evaluation.bootstrap import bootstrap
from volition.evaluation.estimate import Estimate
from volition.policy import Segment, check_whole
from volition.reward import AbstractReward

# What is seen to the probability of each action, `[action]`.
ProbabilitiesFn = Callable[[PyTree], Float[Array, " action"]]
# What is seen to the features in which values are linear, `[feature]`.
FeaturesFn = Callable[[PyTree], Float[Array, " feature"]]

N_RESAMPLES = 400
RIDGE = 1e-9  # relative to the mean square of the features: for what was never seen


class Logged(eqx.Module):
    """Recorded episodes, as off-policy evaluation takes them.

    Features are those of a state and action: those of the state, in a block of their
    own for each action.

    Args:
        reward: of each step, 0 where none was made, `[episode, time]`.
        made: whether it was, `[episode, time]`.
        ratio: how much likelier the policy is to do it than who was recorded; 1 where
            none was made, `[episode, time]`.
        features: of what was done, `[episode, time, feature]`.
        ahead: the policy's mean features behind it; 0 behind an end.
        start: the policy's mean features at the beginning, `[episode, feature]`.
        discount: of the world, in `[0, 1]`.
    """

    reward: Float[np.ndarray, "episode time"]
    made: Bool[np.ndarray, "episode time"]
    ratio: Float[np.ndarray, "episode time"]
    features: Float[np.ndarray, "episode time feature"]
    ahead: Float[np.ndarray, "episode time feature"]
    start: Float[np.ndarray, "episode feature"]
    discount: float

    @property
    def n_episodes(self) -> int:
        """How many were recorded."""
        return len(self.reward)


def logged(
    env: AbstractEnvironment,
    episodes: Segment,
    reward: AbstractReward,
    policy: ProbabilitiesFn,
    recorded: ProbabilitiesFn,
    features_fn: FeaturesFn | None = None,
) -> Logged:
    """Look at records with the eyes of another policy.

    Args:
        env: the world, whose actions are numbered; only what is seen in it and its
            discount are used.
        episodes: each from its start, `[episode, time]`; they may be cut off.
        reward: what pays.
        policy: the probabilities of the policy that is asked about; of a tabular one,
            `lambda seen: policy.probabilities[seen]`.
        recorded: those of who acted.
        features_fn: in which values are taken to be linear; a column for each state in
            worlds that number them, if left out.

    Raises:
        ValueError: where actions are not numbered, states are not and there are no
            features, an episode has no step, or something was done that the recorded
            policy never does.
    """
    space = env.action_space
    if not isinstance(space, Discrete):
        raise ValueError(
            f"the actions are {space}, not numbers: off-policy evaluation takes worlds "
            "with discrete actions."
        )
    if features_fn is None:
        seen = env.observation_space
        if not isinstance(seen, Discrete):
            raise ValueError(
                "the states are not numbered, so that there is no table of them: give "
                "features_fn."
            )
        features_fn = lambda number: jax.nn.one_hot(number, seen.n, dtype=float)

    def block(observation: PyTree, probabilities: Array) -> Array:
        columns = features_fn(observation)
        return jnp.outer(probabilities.astype(columns.dtype), columns).ravel()

    def one(step):
        before, after = env.observe(step.state), env.observe(step.next_state)
        action = jnp.asarray(step.action)
        chances = (policy(before)[action], recorded(before)[action])
        done = jax.nn.one_hot(action, space.n, dtype=float)
        ahead = block(after, policy(after))
        ahead = jnp.where(jnp.asarray(step.terminated), 0.0, ahead)
        first = block(before, policy(before))
        return reward(step), *chances, block(before, done), ahead, first

    each = jax.jit(jax.vmap(jax.vmap(one)))
    paid, mine, theirs, features, ahead, first = (
        np.asarray(part, dtype=float) for part in each(episodes.transition)
    )
    made = (np.asarray(episodes.weight) > 0) & np.asarray(episodes.present)
    _check(made, theirs)
    check_whole(episodes, "episode")
    ratio = np.divide(mine, theirs, out=np.ones_like(mine), where=made)
    return Logged(
        np.where(made, paid, 0.0),
        made,
        ratio,
        np.where(made[:, :, None], features, 0.0),
        np.where(made[:, :, None], ahead, 0.0),
        first[:, 0],
        float(jnp.asarray(env.discount)),
    )


def _check(made: np.ndarray, theirs: np.ndarray) -> None:
    if len(made) == 0 or not made[:, 0].all():
        which = int(np.argmin(made[:, 0])) if len(made) else 0
        raise ValueError(f"episode {which} has no first step: leave it out.")
    never = made & ~(theirs > 0.0)
    if never.any():
        episode, step = (int(number) for number in np.argwhere(never)[0])
        raise ValueError(
            f"step {step} of episode {episode} is something that the recorded policy "
            "never does: give the policy that acted."
        )


def fitted_q_evaluation(
    log: Logged, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Estimate:
    """The mean return of a policy, by values that are fitted to one-step targets.

    The weights of `q = features . weights` for which another fit to `r + discount E
    q(s', A')` changes nothing, solved for at once. Where features are a column for each
    state, it is right for enough data, whoever acted, as long as they now and then did
    what the policy does; what was never done counts as worth 0. With fewer features it
    is as good as values are linear in them.

    Args:
        log: of `logged`; episodes may be cut off.
        n_resamples: how often the episodes are drawn again.
        seed: of the draws.

    Returns:
        The mean return from the starts that were recorded, with an interval over
        episodes.

    Raises:
        RuntimeError: where fitting again and again would go on for ever.

    Example:
        >>> once = np.ones((2, 1))
        >>> log = Logged(
        ...     reward=np.array([[1.0], [5.0]]),
        ...     made=once > 0,
        ...     ratio=once,
        ...     features=once[:, :, None],
        ...     ahead=once[:, :, None],
        ...     start=once,
        ...     discount=0.5,
        ... )
        >>> round(fitted_q_evaluation(log).value, 6)  # 3 for every step, for ever
        6.0

    Source: H. Le, C. Voloshin, Y. Yue, "Batch policy learning under constraints", ICML
    2019, arXiv 1903.08738, algorithm 3; for linear values its fixed point is that of M.
    Lagoudakis and R. Parr, "Least-squares policy iteration", 2003.
    """
    n_features = log.features.shape[-1]
    made = log.made
    here, behind, paid = log.features[made], log.ahead[made], log.reward[made]
    number = np.nonzero(made)[0]
    ridge = RIDGE * max(float(np.mean(np.sum(here**2, axis=1))), 1e-30)

    def fit(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weighted = here * counts[number, None]
        square = weighted.T @ here + ridge * np.eye(n_features)
        return square, log.discount * weighted.T @ behind, weighted.T @ paid

    def value(rows: np.ndarray) -> float:
        counts = np.bincount(rows, minlength=log.n_episodes).astype(float)
        square, moved, target = fit(counts)
        weights = np.linalg.solve(square - moved, target)
        return float(log.start[rows].mean(axis=0) @ weights)

    square, moved, _ = fit(np.ones(log.n_episodes))
    growths = np.linalg.eigvals(np.linalg.solve(square, moved))
    growth = max(abs(complex(one)) for one in growths)
    if growth >= 1.0 - 1e-12:
        raise RuntimeError(
            f"fitted values grow by {growth:.3g} with every fit and settle nowhere: "
            "use other features, or records of who acts more like the policy."
        )
    return bootstrap(
        value, log.n_episodes, "episodes", n_resamples=n_resamples, seed=seed
    )


class Weighted(eqx.Module):
    """What importance sampling found.

    Args:
        value: the mean return, with an interval over episodes.
        effective_n: as how many episodes the records count, which were weighed: from 1
            to the number of them. Below 10 or so the interval is not to be believed.
    """

    value: Estimate
    effective_n: float


def importance_sampling(
    log: Logged,
    *,
    self_normalised: bool = True,
    per_decision: bool = True,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Weighted:
    """The mean return of a policy, by weighing what others did.

    `sum over t of discount^t mean over i of w_it r_it`, where `w_it` is how much
    likelier the policy is than who was recorded to do what was done in episode `i` up
    to step `t`.

    Args:
        log: of `logged`, of whole episodes: what lies behind a cut counts as 0.
        self_normalised: whether weights of a step are divided by their mean: less
            variance for some bias, which vanishes with more episodes.
        per_decision: whether a reward is weighed by the steps up to it; else by those
            of the whole episode.
        n_resamples: how often the episodes are drawn again.
        seed: of the draws.

    Example:
        >>> once = np.ones((2, 1))
        >>> log = Logged(
        ...     reward=np.array([[1.0], [5.0]]),
        ...     made=once > 0,
        ...     ratio=np.array([[0.5], [1.5]]),
        ...     features=once[:, :, None],
        ...     ahead=0 * once[:, :, None],
        ...     start=once,
        ...     discount=0.9,
        ... )
        >>> importance_sampling(log).value.value, importance_sampling(log).effective_n
        (4.0, 1.6)

    Source: D. Precup, R. Sutton, S. Singh, "Eligibility traces for off-policy policy
    evaluation", ICML 2000, sections 2 and 3; P. Thomas, "Safe reinforcement learning",
    PhD thesis, 2015, section 3.5 (per-decision and self-normalised, step by step).
    """
    n_steps = log.reward.shape[1]
    weight = np.cumprod(log.ratio, axis=1)
    last = weight[:, -1]
    if not per_decision:
        weight = np.broadcast_to(last[:, None], weight.shape)
    paid = log.reward * log.discount ** np.arange(n_steps)

    def value(rows: np.ndarray) -> float:
        drawn = weight[rows]
        total = (drawn * paid[rows]).sum(axis=0)
        if not self_normalised:
            return float(total.sum() / len(rows))
        below = drawn.sum(axis=0)
        # Where nothing is left that the policy could have done, nothing is known.
        return float(np.sum(np.divide(total, below, out=0 * total, where=below > 0)))

    found = bootstrap(
        value, log.n_episodes, "episodes", n_resamples=n_resamples, seed=seed
    )
    squares = float(np.sum(last**2))
    return Weighted(found, float(last.sum()) ** 2 / squares if squares > 0 else 0.0)
