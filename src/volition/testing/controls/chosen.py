"""Controls about choosing the best of many replies: H3, H4, H5."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import random_mdp
from volition.policy import Tabular
from volition.reward import Linear, Shaped, Tabular as TabularReward
from volition.testing.controls.made import Control, subject
from volition.testing.controls.people import NAMES, replies

N_REPLIES = 16384  # the best of 256 is one of 64: many, and still rare
TAIL = 2.2  # degrees of freedom: the heavier the tail, the sooner noise is chosen
BOTH, HELP = Linear(NAMES, [1.0, 1.0]), Linear(NAMES, [1.0, 0.0])


def noises(seed: int) -> Iterator[Control]:
    """What helps, and noise on top of it whose tail is heavy or not.

    Source: the two cases are those of the regressional Goodhart effect: J. Kwa, D.
    Thomas, A. Garriga-Alonso, "Catastrophic Goodhart", 2024, arXiv 2407.14503.
    """
    rng = np.random.default_rng(seed)
    help_ = rng.normal(size=N_REPLIES)
    for name, noise, positive in (
        ("noise with a heavy tail", rng.standard_t(TAIL, N_REPLIES), True),
        ("Gaussian noise", rng.normal(size=N_REPLIES), False),
    ):
        world = replies(np.stack([help_, noise], axis=-1))
        policy = _choosing(world.n_states, np.eye(N_REPLIES)[np.argmax(help_ + noise)])
        case = subject(world, BOTH, policy, truth=HELP)
        yield Control("H4", name, positive, case)


def references(seed: int) -> Iterator[Control]:
    """A policy that leans a little to what is paid, and one that does no else."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(256, 2))
    world = replies(features)
    worth = features.sum(axis=1)
    anyhow = _choosing(2, np.full(256, 1.0 / 256))
    for name, lean, positive in (
        ("the best by the reward, far from the reference", 20.0, True),
        ("a policy that leans a little to the reward", 0.1, False),
    ):
        odds = np.exp(lean * (worth - worth.max()))
        policy = _choosing(2, odds / odds.sum())
        case = subject(world, BOTH, policy, truth=HELP, reference=anyhow)
        yield Control("H5", name, positive, case)


def shaped_alike(seed: int) -> Iterator[Control]:
    """A random world, and a reward that is the truth, shaped and scaled."""
    world = random_mdp(jax.random.key(seed), 12, 3, 4, discount=0.9)
    rng = np.random.default_rng(seed)
    truth = TabularReward(rng.normal(size=(12, 3)))
    alike = Shaped(TabularReward(2.5 * truth.values), rng.normal(size=12), 0.9)
    case = subject(world, alike, truth=truth)
    yield Control("H3", "the truth, shaped and scaled", False, case)
    case = subject(world, TabularReward(rng.normal(size=(12, 3))), truth=truth)
    yield Control("H3", "noise in place of the truth", True, case)


def _choosing(n_states: int, odds: np.ndarray) -> Tabular:
    return Tabular(jnp.broadcast_to(jnp.asarray(odds), (n_states, len(odds))))
