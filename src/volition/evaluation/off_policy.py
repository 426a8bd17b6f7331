"""Records of what others did, seen with the eyes of another policy."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree
from scipy import stats

from volition.env import AbstractEnvironment, Discrete
from volition.policy import Segment, check_whole
from volition.reward import AbstractReward

# What is seen to the probability of each action, `[action]`.
ProbabilitiesFn = Callable[[PyTree], Float[Array, " action"]]
# What is seen to the features in which values are linear, `[feature]`.
FeaturesFn = Callable[[PyTree], Float[Array, " feature"]]

# Probabilities of float32 policies sum to 1 to about 1e-6; more is no rounding.
SUM = 1e-3
# Chance of records as unlike the policy that is said to have acted; chosen here.
UNLIKELY = 1e-6


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
        ended: whether an outcome ended each episode; else a time limit cut it off, and
            what would have followed is not known. All of them if left out.
        outside: probability that the policy does what the recorded one never does, in
            each state that was recorded; 0 if left out, `[episode, time]`.
        doubt: why the recorded policy cannot be the one that acted, in a sentence;
            empty where it can.
    """

    reward: Float[np.ndarray, "episode time"]
    made: Bool[np.ndarray, "episode time"]
    ratio: Float[np.ndarray, "episode time"]
    features: Float[np.ndarray, "episode time feature"]
    ahead: Float[np.ndarray, "episode time feature"]
    start: Float[np.ndarray, "episode feature"]
    discount: float
    ended: Bool[np.ndarray, " episode"] | None = None
    outside: Float[np.ndarray, "episode time"] | None = None
    doubt: str = eqx.field(static=True, default="")

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
        episodes: whole ones, `[episode, time]`, see `volition.policy.episodes`; a time
            limit may have cut them off.
        reward: what pays.
        policy: the probabilities of the policy that is asked about; of a tabular one,
            `lambda seen: policy.probabilities[seen]`.
        recorded: those of who acted.
        features_fn: in which values are taken to be linear; a column for each state in
            worlds that number them, if left out.

    Raises:
        ValueError: where actions are not numbered, states are not and there are no
            features, an episode has no step or is a window, a policy's probabilities
            are none, or something was done that the recorded policy never does.
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
        mine, theirs, next_ = policy(before), recorded(before), policy(after)
        done = jax.nn.one_hot(action, space.n, dtype=float)
        over = jnp.asarray(step.terminated)
        ahead = jnp.where(over, 0.0, block(after, next_))
        # Behind an end nobody acts.
        next_ = jnp.where(over, 1.0 / space.n, next_)
        parts = block(before, done), ahead, block(before, mine)
        return reward(step), mine, theirs, next_, *parts

    each = jax.jit(jax.vmap(jax.vmap(one)))
    paid, mine, theirs, next_, features, ahead, first = (
        np.asarray(part, dtype=float) for part in each(episodes.transition)
    )
    made = (np.asarray(episodes.weight) > 0) & np.asarray(episodes.present)
    if len(made) == 0 or not made[:, 0].all():
        which = int(np.argmin(made[:, 0])) if len(made) else 0
        raise ValueError(f"episode {which} has no first step: leave it out.")
    check_whole(episodes, "episode")
    for who, chances in (
        ("policy", mine),
        ("recorded policy", theirs),
        ("policy, in the state after it,", next_),
    ):
        _check_chances(made, chances, space.n, who)
    _refuse(
        made & ~np.isfinite(paid), lambda where: f"is paid {paid[where]}", "the reward"
    )
    action = np.asarray(episodes.transition.action).astype(int)
    action = np.where(made, action, 0)[..., None]
    of_done = lambda chances: np.take_along_axis(chances, action, axis=2)[..., 0]
    _check(made, of_done(theirs))
    ratio = np.divide(
        of_done(mine), of_done(theirs), out=np.ones_like(paid), where=made
    )
    outside = np.where(theirs > 0.0, 0.0, mine).sum(axis=2)
    last = np.asarray(episodes.transition.terminated)[:, -1].astype(bool)
    return Logged(
        np.where(made, paid, 0.0),
        made,
        ratio,
        np.where(made[:, :, None], features, 0.0),
        np.where(made[:, :, None], ahead, 0.0),
        first[:, 0],
        float(jnp.asarray(env.discount)),
        last,
        np.where(made, outside, 0.0),
        _doubt(theirs[made], action[..., 0][made]),
    )


def _check_chances(
    made: np.ndarray, chances: np.ndarray, n_actions: int, who: str
) -> None:
    """Refuse what are no probabilities where a step was made."""
    if chances.shape[2:] != (n_actions,):
        raise ValueError(
            f"the {who} gives probabilities of shape {chances.shape[2:]}, where the "
            f"world has {n_actions} actions: give one for each."
        )
    right = np.isfinite(chances).all(axis=2) & (chances >= -SUM).all(axis=2)
    right &= np.abs(chances.sum(axis=2) - 1.0) <= SUM
    _refuse(
        made & ~right,
        lambda where: f"has {np.round(chances[where], 6).tolist()} for its actions",
        f"the probabilities of the {who}, at least 0 and summing to 1",
    )


def _refuse(wrong: np.ndarray, what: Callable[[tuple], str], give: str) -> None:
    if wrong.any():
        where = tuple(int(number) for number in np.argwhere(wrong)[0])
        raise ValueError(
            f"step {where[1]} of episode {where[0]} {what(where)}: give {give}."
        )


def _doubt(theirs: np.ndarray, action: np.ndarray) -> str:
    """Why records are not of the policy that is said to have acted; mostly nothing.

    How often each action should have been done is nearly Poisson where it is rare, and
    varies less than that where it is not: so the test is cautious.
    """
    expected = np.clip(theirs, 0.0, None).sum(axis=0)
    seen = np.bincount(action, minlength=len(expected))
    chance = np.minimum(
        stats.poisson.cdf(seen, expected), stats.poisson.sf(seen - 1, expected)
    )
    if not (2.0 * len(seen) * chance < UNLIKELY).any():
        return ""
    which = int(np.argmin(chance))
    return (
        f"the records do action {which} in {seen[which]} of {len(action)} steps, where "
        f"the recorded policy would do it in {expected[which]:.3g}: give the policy "
        "that acted"
    )


def _check(made: np.ndarray, theirs: np.ndarray) -> None:
    never = made & ~(theirs > 0.0)
    if never.any():
        episode, step = (int(number) for number in np.argwhere(never)[0])
        raise ValueError(
            f"step {step} of episode {episode} is something that the recorded policy "
            "never does: give the policy that acted."
        )
