"""Those who learn from some drivers, and say what options are worth to others."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from volition.env.driving import NAMES, PRESENT, PUBLISHED
from volition.env.inputs import Scaled
from volition.feedback import Dataset, OneOf
from volition.human import Boltzmann, BradleyTerry, PartialReturn
from volition.inference import (
    AbstractMethod,
    AbstractPrior,
    Ensemble,
    Laplace,
    Normal,
    Posterior,
    fit,
)
from volition.reward import AbstractReward, FeatureInputs, Linear, Network
from volition.study.driver_choices import Choices, choice_answers

PRIOR_SCALE = 3.0  # nats by which a usual spread of a feature may move a choice
PINNED = (-10.0, 0.05)  # the published weight of a collision, and how firmly it is held
WIDTHS = (16, 16)
CLASS_WIDTHS = (32, 32)  # of behaviour cloning, which has three times as many inputs
WHICH = ("faster at the end", "turns left", "turns right")

Learned = tuple[Posterior, Callable[[np.ndarray], np.ndarray]]


def drivers_choose() -> Boltzmann:
    """How drivers choose: in proportion to the exponential of an option's worth."""
    return Boltzmann(PartialReturn(), BradleyTerry())


def spread(
    features: Float[np.ndarray, "moment option time feature"],
) -> Float[np.ndarray, " feature"]:
    """Standard deviation of each feature among the options of one moment."""
    mean = features.mean(axis=2)
    within = mean - mean.mean(axis=1, keepdims=True)
    found = np.sqrt(np.mean(within**2, axis=(0, 1)))
    return np.where(found > 1e-9, found, 1.0)


def _learn(
    reward: AbstractReward,
    features: Float[np.ndarray, "moment option time feature"],
    chosen: np.ndarray,
    choices: Choices,
    seen: np.ndarray,
    method: AbstractMethod,
    prior: AbstractPrior,
    key: Array | None = None,
) -> Learned:
    """The posterior of those who were seen, and what it says options are worth."""
    human = drivers_choose()
    answers = choice_answers(features, chosen, choices.driver)
    keep = np.zeros(answers.capacity, dtype=bool)
    keep[: len(seen)] = seen
    part = answers.subset(jnp.asarray(keep))
    posterior = fit(reward, human, part, method, prior=prior, key=key, throw=False)

    def worth_of(rows: np.ndarray) -> np.ndarray:
        judge = posterior.human.judge(posterior.mean)
        worth = np.asarray(_worths(judge.worth, answers))[: len(rows)][rows]
        return worth[:, : choices.away.shape[1]]

    return posterior, worth_of


@eqx.filter_jit
def _worths(worth_fn: Callable, answers: Dataset) -> Float[Array, "capacity option"]:
    (batch,) = answers.batches
    assert isinstance(batch.answers, OneOf)
    # One moment after the other: a network over all options of all is large.
    return jax.lax.map(jax.vmap(worth_fn), batch.answers.options)


def linear(features: np.ndarray, choices: Choices, seen: np.ndarray) -> Learned:
    """A reward linear in the features, each in its usual spread."""
    mean = features.mean(axis=2, keepdims=True) / spread(features)
    names = NAMES if features.shape[-1] == len(NAMES) else PUBLISHED
    reward = Linear(names, np.zeros(len(names)))
    return _learn(
        reward, mean, choices.chosen, choices, seen, Laplace(), Normal(PRIOR_SCALE)
    )


def published(choices: Choices, seen: np.ndarray) -> Learned:
    """The published features, maximum entropy with the driver's own path in the sum.

    Kept of the published code: the features, the driver's recorded path as one more
    option, and the weight of a collision, which is not learned. Not kept: a normaliser
    that is the last moment's alone, and tests on those who were learned from.
    """
    largest = np.maximum(np.abs(choices.published).max(axis=(0, 1)), 1e-9)
    features = (choices.published / largest)[:, :, None]
    chosen = np.full(len(seen), features.shape[1] - 1)
    mean, scale = np.zeros(len(PUBLISHED)), np.full(len(PUBLISHED), 10.0)
    place = PUBLISHED.index("collision")
    mean[place], scale[place] = PINNED
    reward = Linear(PUBLISHED, mean)
    prior = Normal(scale, mean)
    return _learn(reward, features, chosen, choices, seen, Laplace(), prior)


def network(
    choices: Choices, seen: np.ndarray, n_members: int, n_steps: int, key: Array
) -> Learned:
    """A network over the features of each half second."""
    width = jnp.asarray(spread(choices.features), dtype=jnp.float32)
    inputs = FeatureInputs(NAMES, Scaled(jnp.zeros_like(width), width))
    method = Ensemble(n_members, n_steps=n_steps)
    return _learn(
        Network(inputs, WIDTHS),
        choices.features,
        choices.chosen,
        choices,
        seen,
        method,
        Normal(1.0),
        key,
    )


def cloning(
    choices: Choices, seen: np.ndarray, n_members: int, n_steps: int, key: Array
) -> Learned:
    """Behaviour cloning: which option is chosen, by what is seen, as classes.

    The network is given the option's end speed and lane and the present scene, but none
    of the features of where the option leads.

    Source: D. A. Pomerleau, "Efficient training of artificial neural networks for
    autonomous navigation", Neural Computation 3, 1991. Differs: classes are told by
    three numbers, so that those alike share what is learned of them.
    """
    classes = choices.as_classes
    inputs = FeatureInputs.over(
        (*PRESENT, *WHICH), classes.reshape(-1, classes.shape[-1])
    )
    method = Ensemble(n_members, n_steps=n_steps)
    return _learn(
        Network(inputs, CLASS_WIDTHS),
        classes,
        choices.chosen,
        choices,
        seen,
        method,
        Normal(1.0),
        key,
    )
