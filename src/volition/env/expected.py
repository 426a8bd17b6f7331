"""Environments at the door of a verb: which kinds it takes, and who takes others."""

from typing import Any

from volition.env.environment import AbstractEnvironment
from volition.env.family import Family
from volition.env.host import HostEnv
from volition.env.mdp import FiniteMDP
from volition.expect import described


def expect_env(env: Any, verb: str, on_host: str) -> None:
    """Raise where a value is no functional environment.

    Args:
        env: what was given.
        verb: who wants it, such as "rollout".
        on_host: which verb takes an environment on the host, to end the sentence.

    Raises:
        TypeError: naming what was given, and the remedy.
    """
    if not isinstance(env, AbstractEnvironment):
        raise TypeError(_sentence(env, f"{verb} takes a functional world", on_host))


def expect_finite(env: Any, verb: str, elsewhere: str) -> None:
    """Raise where a value is no finite world.

    Args:
        env: what was given.
        verb: who wants it, such as "plan".
        elsewhere: which verb takes worlds without a table, to end the sentence.

    Raises:
        TypeError: naming what was given, and the remedy.

    Example:
        >>> from volition.env import CartPole
        >>> try:
        ...     expect_finite(CartPole(), "plan", "use vl.learn")
        ... except TypeError as error:
        ...     print(error)
        plan takes a finite world, a table of states, and the environment is a \
CartPole: use vl.learn.
    """
    if not isinstance(env, FiniteMDP):
        wants = f"{verb} takes a finite world, a table of states"
        raise TypeError(_sentence(env, wants, elsewhere))


def _sentence(env: Any, wants: str, elsewhere: str) -> str:
    remedy = elsewhere
    if isinstance(env, Family):
        remedy = "give its tasks one by one, family.train[0]"
    elif isinstance(env, tuple | list):
        remedy = "give its tasks one by one"
    elif not isinstance(env, AbstractEnvironment | HostEnv):
        foreign = all(hasattr(env, name) for name in ("reset", "step", "action_space"))
        remedy = "give an environment, such as vl.env.delivery()"
        if foreign:
            remedy = f"{elsewhere}, wrapped as vl.env.host_env(lambda: env, 1)"
    return f"{wants}, and the environment is {described(env)}: {remedy}."
