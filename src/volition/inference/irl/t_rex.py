"""T-REX: a reward from demonstrations that are ranked, none of which need be good."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Int, PRNGKeyArray

from volition.feedback import FIRST, NOBODY, SECOND, Comparison, Dataset
from volition.human import AbstractHuman, Boltzmann, BradleyTerry
from volition.inference.fit import fit
from volition.inference.map import MAP, AbstractMethod
from volition.inference.posterior import Posterior
from volition.inference.prior import AbstractPrior
from volition.policy import Segment, check_whole
from volition.policy.rollout import window
from volition.reward import AbstractReward


def ranked_comparisons(
    key: PRNGKeyArray,
    demonstrations: Segment,
    ranks: Int[ArrayLike, " demonstration"] | None = None,
    *,
    n_comparisons: int = 1000,
    length: int,
    later: bool = True,
) -> Comparison:
    """Comparisons of parts of ranked demonstrations: of the better one, the better.

    Each takes two demonstrations of different rank at random, all such pairs alike, and
    a window of each. Which of the two is shown first is left to chance.

    Args:
        key: consumed.
        demonstrations: whole episodes, `[demonstration, time]`.
        ranks: of each, the higher the better; equal ones are not compared. Left out,
            each is better than the one before.
        n_comparisons: how many, at least 1.
        length: steps of each window, at least 1.
        later: whether the window of the better one begins no earlier than the other's,
            for tasks in which later is further on.

    Returns:
        A batch of answers of nobody in particular, `[comparison]`. Those about one pair
        of demonstrations have the same number of a question, as they are not
        independent: a posterior from many is narrower than demonstrations justify.

    Raises:
        ValueError: where ranks tell nothing apart, or a demonstration is empty, or
            shorter than a window without having ended, or is no whole episode, of which
            alone a rank says something.

    Example:
        >>> from volition import env, policy
        >>> made = policy.episodes(
        ...     jax.random.key(0),
        ...     env.delivery(),
        ...     policy.Random(4),
        ...     n_episodes=3,
        ...     time_limit=9,
        ... )
        >>> said = ranked_comparisons(
        ...     jax.random.key(1), made, n_comparisons=10, length=4
        ... )
        >>> said.options.weight.shape
        (10, 2, 4)

    Source: D. S. Brown, W. Goo, P. Nagarajan, S. Niekum, "Extrapolating Beyond
    Suboptimal Demonstrations via Inverse Reinforcement Learning from Observations",
    ICML 2019, arXiv 1904.06387, section 4 and appendix.
    """
    if min(n_comparisons, length) < 1:
        raise ValueError("n_comparisons and length are at least 1.")
    n_steps = _lengths(demonstrations, length)
    n = len(n_steps)
    given = np.arange(n) if ranks is None else np.asarray(ranks)
    if given.shape != (n,):
        raise ValueError(
            f"ranks are one for each of {n} demonstrations, not an array of shape "
            f"{given.shape}."
        )
    worse, better = np.nonzero(given[:, None] < given[None, :])
    if len(worse) == 0:
        raise ValueError("no demonstration is ranked above another: rank them.")
    share = np.asarray(jax.random.uniform(key, (4, n_comparisons)), dtype=float)
    pair = _drawn(share[0], len(worse))
    of_worse, of_better = worse[pair], better[pair]
    room = np.maximum(n_steps - length, 0)
    latest = room[of_worse]
    if later:
        latest = np.minimum(latest, room[of_better])
    from_worse = _drawn(share[1], latest + 1)
    earliest = from_worse if later else np.zeros_like(from_worse)
    from_better = earliest + _drawn(share[2], room[of_better] - earliest + 1)
    choice = np.where(share[3] < 0.5, FIRST, SECOND)
    # The better one stands where it is chosen.
    first = (choice == FIRST)[:, None]
    order = lambda best, other: np.where(
        first, np.stack([best, other], 1), np.stack([other, best], 1)
    )
    options = _windows(
        demonstrations,
        jnp.asarray(order(of_better, of_worse), dtype=jnp.int32),
        jnp.asarray(order(from_better, from_worse), dtype=jnp.int32),
        length,
    )
    return Comparison(
        options=options,
        choice=jnp.asarray(choice, dtype=jnp.int32),
        person=jnp.full(n_comparisons, NOBODY, dtype=jnp.int32),
        question=jnp.asarray(pair, dtype=jnp.int32),
        seconds=jnp.full(n_comparisons, jnp.nan),
    )


def t_rex(
    key: PRNGKeyArray,
    demonstrations: Segment,
    reward: AbstractReward,
    ranks: Int[ArrayLike, " demonstration"] | None = None,
    *,
    n_comparisons: int = 1000,
    length: int,
    later: bool = True,
    human: AbstractHuman | None = None,
    method: AbstractMethod | None = None,
    prior: AbstractPrior | None = None,
) -> Posterior:
    """The reward under which better demonstrations are worth more, part by part.

    `max over r of sum over comparisons of log softmax(return of each part)[better]`

    which is `fit` on `ranked_comparisons`. As the ranking tells what makes some
    demonstrations better than others, what maximises the reward can be better than all.

    Args:
        key: consumed.
        demonstrations: whole episodes, `[demonstration, time]`.
        reward: its form.
        ranks: of each, the higher the better; left out, each is better than the one
            before.
        n_comparisons: how many parts are compared.
        length: steps of each part.
        later: see `ranked_comparisons`.
        human: who compares; Bradley-Terry by partial returns if left out. One who slips
            now and then, `human.Lapse`, is right where ranks may be wrong.
        method: `MAP()` if left out; for a network `Ensemble()`.
        prior: over the reward's parameters, as in `fit`; it sets the scale of the
            reward, which ranks without a mistake do not.

    Raises:
        ValueError: as `ranked_comparisons`.
        RuntimeError: where the method did not converge.

    Example:
        >>> from volition import env, policy, reward
        >>> world = env.gridworld(["S...", "....", "...G"])
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Random(4), n_episodes=20, time_limit=20
        ... )
        >>> rank = np.asarray(made.transition.features)[..., 1].sum(axis=1)  # the goal
        >>> found = t_rex(
        ...     jax.random.key(1),
        ...     made,
        ...     reward.Linear(world.feature_names),
        ...     rank.astype(int),
        ...     length=20,
        ... )
        >>> step, goal, pit = found.mean.weights.tolist()
        >>> goal > 0.0 > step
        True

    Source: D. S. Brown et al., arXiv 1904.06387, equation 2. Differs: any form of
    reward, with a prior, in place of a network that is trained until it is stopped.
    """
    said = ranked_comparisons(
        key,
        demonstrations,
        ranks,
        n_comparisons=n_comparisons,
        length=length,
        later=later,
    )
    return fit(
        reward,
        Boltzmann(choice=BradleyTerry()) if human is None else human,
        Dataset.of(said, n_comparisons),
        MAP() if method is None else method,
        prior=prior,
        key=jax.random.fold_in(key, 1),
    )


def _lengths(demonstrations: Segment, length: int) -> np.ndarray:
    """Steps of each demonstration, checked."""
    weight = np.asarray(demonstrations.weight)
    if weight.ndim != 2:
        raise ValueError(
            f"demonstrations are [demonstration, time], not of shape {weight.shape}: "
            "give a batch of segments."
        )
    n_steps = (weight > 0).sum(axis=1)
    ended = np.asarray(demonstrations.transition.terminated)[:, -1].astype(bool)
    for number, (made, over) in enumerate(zip(n_steps, ended, strict=True)):
        if made == 0:
            raise ValueError(f"demonstration {number} has no step: leave it out.")
        if made < length and not over:
            raise ValueError(
                f"demonstration {number} has {made} steps and no end, where a part has "
                f"length = {length}: give a shorter length, or leave it out."
            )
    check_whole(demonstrations)
    return n_steps


def _drawn(share: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    """A number in `0 .. n - 1` from one in `[0, 1)`."""
    return np.minimum((share * n).astype(int), np.asarray(n) - 1)


@eqx.filter_jit
def _windows(demonstrations: Segment, which, start, length: int) -> Segment:
    def one(which, start):
        whole = jax.tree.map(lambda leaf: jnp.asarray(leaf)[which], demonstrations)
        # A demonstration that ended before the window does is absorbing from there.
        return window(whole, start, length)

    return jax.vmap(jax.vmap(one))(which, start)
