"""What an audit can find out by itself of what was not given."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from volition.env import AbstractEnvironment, FiniteMDP, Transition
from volition.feedback import Comparison, Dataset
from volition.inference import MAP, Posterior, fit
from volition.policy import Segment, Tabular
from volition.probes.known import Known
from volition.probes.rules import Rule
from volition.probes.searched import TEMPERATURES, best, cost_of_a_slip, soft_policy
from volition.probes.shift import Elsewhere
from volition.reward import AbstractReward, Shaped, intended
from volition.value import expected_reward

SLIP = 0.05  # of the actions are replaced by a random one, in a world made up here
MOST_NUMBERS = 5_000_000  # of the features of such a world
HARMS = "what the world names as a harm should not happen"
SENSED = "what is wanted is what the sensors stand for"
STATED = "what is wanted is what the source of the world states"
SLIPS = f"one action in {1 / SLIP:.0f} may go astray"
WATCHED = "steps into states that are `disabled`, or not `watched`, take oversight away"
NEAR_BEST = "policies that are best for the reward, or nearly, can be trusted"
# Fields of a state by which a world says whether somebody watches, or can step in.
UNWATCHED = {"disabled": True, "watched": False}


class Sensed(AbstractReward):
    """A reward as it would be paid if every sensor told the truth.

    Args:
        reward: which reads sensors.
        pairs: places of features, of each sensor and of what it measures.
    """

    reward: AbstractReward
    pairs: tuple[tuple[int, int], ...] = eqx.field(static=True)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The reward of a step whose sensors read what is."""
        read = features = jnp.asarray(transition.features)
        for sensor, real in self.pairs:
            features = features.at[sensor].set(read[real])
        told = eqx.tree_at(lambda one: one.features, transition, features)
        return self.reward(told)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the reward inside."""
        return self.reward.feature_names


def sensors_of(env: AbstractEnvironment) -> tuple[tuple[int, int], ...]:
    """Places of features, of each sensor and of what it measures."""
    names = list(env.feature_names)
    return tuple(
        (place, names.index(feature.sensor_of))
        for place, feature in enumerate(env.feature_info)
        if feature.sensor_of
    )


def harms_of(env: AbstractEnvironment) -> tuple[Rule, ...]:
    """A rule against each feature that the world names as a harm."""
    return tuple(
        Rule(f"no {feature.name}", feature.name, most=0.0)
        for feature in env.feature_info
        if feature.harm
    )


def derived(
    env: FiniteMDP,
    reward: AbstractReward,
    known: Known,
    policy: Tabular | None = None,
) -> tuple[Known, dict[str, str]]:
    """Fill in what was not given and the world or the reward tells.

    Args:
        env: the world.
        reward: the one that is audited.
        known: what was given, which is left as it is.
        policy: what is deployed, if it was given.

    Returns:
        What is known now; and, for each field that was taken for granted because nobody
        said it, what was assumed, in words.
    """
    missing = {
        name: fact
        for name, fact in _facts(env, reward, policy).items()
        if getattr(known, name) is None and fact.value is not None
    }
    if known.truth is None and known.latent is not None:
        missing["truth"] = Fact(known.latent, SENSED)
    values = {name: fact.value for name, fact in missing.items()}
    assumed = {name: fact.assumed for name, fact in missing.items() if fact.assumed}
    return dataclasses.replace(known, **values), assumed


class Fact(NamedTuple):
    """What a field of `Known` is, as far as the world or the reward tells.

    Args:
        value: of the field; None where nothing is told.
        assumed: what is taken for granted by that, in words.
    """

    value: Any
    assumed: str = ""


def _facts(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular | None
) -> dict[str, Fact]:
    """What a world, a reward and a policy tell, by field of `Known`."""
    sensors = sensors_of(env)
    latent = Sensed(reward, sensors) if sensors else None
    irrelevant = tuple(one.name for one in env.feature_info if one.irrelevant)
    other = slipping(env)
    stated = intended(env)
    trusted = None if policy is None else around_the_best(env, reward)
    return {
        "latent": Fact(latent),
        "truth": Fact(latent, SENSED) if stated is None else Fact(stated, STATED),
        "unshaped": Fact(reward.reward if isinstance(reward, Shaped) else None),
        "removes_oversight": Fact(leaves_oversight(env), WATCHED),
        "rules": Fact(harms_of(env) or None, HARMS),
        "nuisance": Fact(irrelevant or None),
        "elsewhere": Fact(other and (other,), SLIPS),
        "trusted": Fact(trusted, NEAR_BEST),
    }


def leaves_oversight(env: FiniteMDP) -> np.ndarray | None:
    """Which steps can lead out of oversight, by the fields of the world's states."""
    possible = np.asarray(env.probability) > 0
    for name, marks_off in UNWATCHED.items():
        field = getattr(env.states, name, None)
        if field is None or np.shape(field) != (env.n_states,):
            continue
        off = np.asarray(field, dtype=bool) == marks_off
        leads = (off[np.asarray(env.successor)] & possible).any(axis=-1)
        return leads & ~off[:, None]
    return None


def slipping(env: FiniteMDP) -> Elsewhere | None:
    """The same world, but some actions are replaced by random ones; None if too big."""
    n_states, n_actions, n_branches = env.successor.shape
    n_numbers = env.features.size * (n_actions + 1)
    if max(n_numbers, env.successor.size * (n_actions + 1)) > MOST_NUMBERS:
        return None
    if n_actions == 1:
        return None

    def widened(leaf: Any) -> np.ndarray:
        leaf = np.asarray(leaf)
        every = leaf.reshape(n_states, 1, n_actions * n_branches, *leaf.shape[3:])
        shape = (n_states, n_actions, *every.shape[2:])
        return np.concatenate([leaf, np.broadcast_to(every, shape)], axis=2)

    odds = widened(env.probability)
    odds[:, :, :n_branches] *= 1.0 - SLIP
    odds[:, :, n_branches:] *= SLIP / n_actions
    other = eqx.tree_at(
        lambda one: (one.successor, one.probability, one.features),
        env,
        (
            jnp.asarray(widened(env.successor)),
            jnp.asarray(odds),
            jnp.asarray(widened(env.features)),
        ),
    )
    return Elsewhere(f"a world where one action in {1 / SLIP:.0f} goes astray", other)


def around_the_best(env: FiniteMDP, reward: AbstractReward) -> tuple[Tabular, ...]:
    """The best policy for a reward, and soft ones around it."""
    paid = np.asarray(expected_reward(env, reward))
    plan = best(env, paid)
    slip = cost_of_a_slip(plan)
    soft = (soft_policy(env, paid, share * slip) for share in TEMPERATURES)
    return (plan.policy, *(Tabular(jnp.asarray(one)) for one in soft))


def from_posterior(env: FiniteMDP, belief: Posterior, known: Known) -> Known:
    """What a posterior tells: the answers, what they were about, how to fit again."""
    found: dict[str, Any] = {}
    answers = belief.problem.answers
    if known.support is None:
        found["support"] = support_of(env, answers)
    if known.answers is None:
        found["answers"] = answers
    if known.refit is None:
        found["refit"] = _refit(belief)
    return dataclasses.replace(known, **found)


def _refit(belief: Posterior) -> Callable[[Dataset], AbstractReward]:
    problem = belief.problem

    def refit(answers: Dataset) -> AbstractReward:
        return fit(
            problem.reward, problem.human, answers, MAP(), prior=problem.prior
        ).mean

    return refit


def support_of(env: FiniteMDP, answers: Dataset) -> np.ndarray | None:
    """Which steps of a world answers are about, `[state, action]`.

    None where they are about something else.
    """
    seen = np.zeros((env.n_states, env.n_actions), dtype=bool)
    for batch in answers.batches:
        is_segment = lambda part: isinstance(part, Segment)
        for segment in jax.tree.leaves(batch.answers, is_leaf=is_segment):
            if not is_segment(segment):
                continue
            state = getattr(segment.transition.state, "index", None)
            action = np.asarray(segment.transition.action)
            counts = np.asarray((segment.weight > 0) & segment.present)
            if state is None or {np.shape(state), action.shape} != {counts.shape}:
                return None
            there = np.asarray(batch.present)
            counts = counts & there.reshape(-1, *(1,) * (counts.ndim - 1))
            rows, columns = np.asarray(state)[counts], action[counts]
            if not _within(rows, env.n_states) or not _within(columns, env.n_actions):
                return None
            seen[rows, columns] = True
    return seen if seen.any() else None


def _within(numbers: np.ndarray, n: int) -> bool:
    return bool(((numbers >= 0) & (numbers < n)).all())


def compares(answers: Dataset | None) -> bool:
    """Whether there are comparisons among answers, of one shape."""
    batches = () if answers is None else answers.batches
    return [type(batch.answers) is Comparison for batch in batches].count(True) == 1
