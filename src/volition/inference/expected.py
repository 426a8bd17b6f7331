"""What a fit is made of, at the door of a verb."""

from typing import Any

import jax
import numpy as np

from volition.env import HostEnv
from volition.env.expected import expect_env, expect_finite
from volition.expect import expect, expect_key
from volition.human import AbstractHuman
from volition.inference.map import AbstractMethod
from volition.inference.prior import AbstractPrior
from volition.policy import Segment
from volition.reward import AbstractReward, expect_reward

ORDER = "the reward comes first, then the human, then the answers"


def expect_problem(
    reward: Any, human: Any, method: Any = None, prior: Any = None
) -> None:
    """Raise where what is to be fitted, or how, is of another kind.

    Args:
        reward: its form.
        human: how the person answers.
        method: of inference; None for the default.
        prior: over the parameters; None for the default.

    Raises:
        TypeError: naming what was given, and the remedy.
    """
    swapped = isinstance(reward, AbstractHuman) or isinstance(human, AbstractReward)
    expect_reward(reward, remedy=ORDER if swapped else None)
    remedy = ORDER if swapped else "give one, such as vl.human.Boltzmann()"
    expect(human, AbstractHuman, "the human", remedy)
    if method is not None:
        such = "give one, such as vl.inference.Laplace()"
        expect(method, AbstractMethod, "the method", such)
    if prior is not None:
        such = "give one, such as prior=vl.inference.Normal(10.0)"
        expect(prior, AbstractPrior, "the prior", such)


def expect_behaviour(
    env: Any,
    demonstrations: Any,
    verb: str,
    *,
    finite: bool = False,
    host: bool = False,
    key: Any = None,
    reward: Any = None,
) -> None:
    """Raise where what behaviour is inferred from, or in, is of another kind.

    Args:
        env: the world.
        demonstrations: what was done in it; None where none need be given.
        verb: who wants them.
        finite: whether the world must have a table, and arrays will do instead of
            segments.
        host: whether the world may be on the host.
        key: of what is drawn; None where nothing is.
        reward: its form; None for the default.

    Raises:
        TypeError: naming what was given, and the remedy.
    """
    if key is not None:
        expect_key(key)
    if finite:
        expect_finite(env, verb, "elsewhere use vl.inference.irl.airl")
    elif not (host and isinstance(env, HostEnv)):
        on_host = "record its episodes, vl.policy.from_arrays, and use vl.fit or t_rex"
        expect_env(env, verb, on_host)
    arrays = (np.ndarray, jax.Array) if finite else ()
    if demonstrations is not None:
        such = "give segments, such as vl.episodes or vl.policy.from_arrays returns"
        expect(demonstrations, (Segment, *arrays), "what was demonstrated", such)
    if reward is not None:
        expect_reward(reward)
