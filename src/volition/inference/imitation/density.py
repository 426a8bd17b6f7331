"""A reward that is high where demonstrations are dense."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PyTree

from volition.env import AbstractEnvironment, Discrete, Transition
from volition.inference.expected import expect_behaviour
from volition.inference.irl.steps import demonstrated, spread_of
from volition.policy import Segment
from volition.reward import AbstractReward


class AbstractKernel(eqx.Module):
    """How near something is to each of those that were demonstrated."""

    @abc.abstractmethod
    def log_weights(self, seen: PyTree) -> Float[Array, " step"]:
        """Log-density, or log-probability, of one thing around each of them."""


class Bell(AbstractKernel):
    """A Gaussian around each, of real numbers.

    Args:
        rows: the demonstrated ones, `[step, number]`.
        widths: standard deviation of the Gaussian in each number, `[number]`.
        bandwidth: the same in standard deviations of the demonstrations. In these the
            density is per unit, so that its log does not depend on the unit of what is
            seen: a constant for every step would make long episodes better or worse.
    """

    rows: Float[Array, "step number"]
    widths: Float[Array, " number"]
    bandwidth: Float[Array, ""]

    def log_weights(self, seen: PyTree) -> Float[Array, " step"]:
        """`-|(x - row) / widths|^2 / 2`, and what makes it integrate to 1."""
        here = jnp.ravel(jnp.asarray(seen)).astype(float)
        away = (here[None] - self.rows) / self.widths[None]
        volume = here.size * (jnp.log(self.bandwidth) + 0.5 * np.log(2.0 * np.pi))
        return -0.5 * jnp.sum(away**2, axis=-1) - volume


class Same(AbstractKernel):
    """The same number, or with a small probability another, all alike.

    Args:
        numbers: the demonstrated ones, `[step]`.
        n: how many there are.
        slack: probability of the others together.

    Source: J. Aitchison, C. Aitken, "Multivariate binary discrimination by the kernel
    method", Biometrika 63 (1976), 413-420.
    """

    numbers: Int[Array, " step"]
    n: int = eqx.field(static=True)
    slack: Float[Array, ""]

    def log_weights(self, seen: PyTree) -> Float[Array, " step"]:
        """`log(1 - slack)`, or `log(slack / (n - 1))`."""
        other = self.slack / max(self.n - 1, 1)
        same = self.numbers == jnp.asarray(seen)
        return jnp.log(jnp.where(same, 1.0 - self.slack, other))


class Density(AbstractReward):
    """The log of how dense demonstrations are where a step is made.

    Args:
        env: the world, by whose `observe` states are seen.
        state: how near an observation is to each of those demonstrated.
        action: the same of the action; None where it does not count.
    """

    env: AbstractEnvironment
    state: AbstractKernel
    action: AbstractKernel | None

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """Of one transition, nats."""
        logs = self.state.log_weights(self.env.observe(transition.state))
        if self.action is not None:
            logs = logs + self.action.log_weights(transition.action)
        return jax.nn.logsumexp(logs) - np.log(logs.shape[0])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it looks at states."""
        return ()

    def learned(self) -> PyTree[bool]:
        """Nothing: demonstrations are what they are."""
        return jax.tree.map(lambda leaf: False, self)


def density(
    env: AbstractEnvironment,
    demonstrations: Segment,
    *,
    takes_action: bool = True,
    bandwidth: ArrayLike | None = None,
    slack: ArrayLike = 0.1,
) -> Density:
    """A reward that is high where demonstrations are dense: the log of their density.

    `r(s, a) = log of mean over demonstrated steps i of K(s; s_i) L(a; a_i)`

    with a Gaussian `K` of observations that are real numbers, as wide in each as that
    varies over the demonstrations, and one that allows for a little of all others where
    they are numbers of states, as `L` does of actions. It is to be
    optimised, by `plan` or `learn`. The simplest of baselines: it says what was usual,
    not what was wanted. It is mostly below 0, so where episodes end early that is worth
    more than going on: compare it in worlds without such ends, or pay for each step.

    Args:
        env: the world, whose actions are numbered.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        takes_action: whether the action counts, or the state alone.
        bandwidth: of real numbers, in their standard deviations, above 0; Scott's rule,
            `n_steps ** (-1 / (4 + n_numbers))`, if left out.
        slack: probability in `(0, 1)` of another number than was demonstrated.

    Raises:
        ValueError: where demonstrations are none of this world, or a number is out of
            range.

    Example:
        >>> from volition import env, policy, value
        >>> world = env.gridworld(["S..."], discount=0.9)
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Always(3), n_episodes=2, time_limit=8
        ... )
        >>> best = value.plan(world, density(world, made)).policy
        >>> jnp.argmax(best.probabilities, axis=1).tolist()
        [3, 3, 3, 3]

    Source: the baseline "density" of A. Gleave et al., "imitation: Clean Imitation
    Learning Implementations", arXiv 2211.11972, section 2; the bandwidth, D. W. Scott,
    "Multivariate Density Estimation", 1992. Differs: kernels for numbers.
    """
    expect_behaviour(env, demonstrations, "density")
    width = None if bandwidth is None else float(np.asarray(bandwidth))
    if width is not None and not (np.isfinite(width) and width > 0.0):
        raise ValueError(f"bandwidth = {width} must be above 0.")
    if not 0.0 < float(np.asarray(slack)) < 1.0:
        raise ValueError(f"slack = {slack} is a probability, in (0, 1).")
    told = demonstrated(env, demonstrations)
    slack = jnp.asarray(slack, dtype=float)
    acting = Same(jnp.asarray(told.action), told.n_actions, slack)
    space = env.observation_space
    if isinstance(space, Discrete):
        numbers = jnp.asarray(np.asarray(told.observation), dtype=jnp.int32)
        state = Same(numbers, space.n, slack)
    else:
        rows = np.asarray(told.observation, dtype=float).reshape(len(told.action), -1)
        if width is None:
            width = rows.shape[0] ** (-1.0 / (4 + rows.shape[1]))
        # What never varied is as it was, or far away.
        spread = spread_of(rows)
        state = Bell(
            jnp.asarray(rows),
            jnp.asarray(width * spread),
            jnp.asarray(width, dtype=float),
        )
    return Density(env, state, acting if takes_action else None)
