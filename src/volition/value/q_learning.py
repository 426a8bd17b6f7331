"""Tabular Q-learning."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key, PRNGKeyArray

from volition.env import FiniteMDP
from volition.env.mdp import draw
from volition.policy import Tabular, greedy
from volition.reward import AbstractReward
from volition.value.bellman import branch_reward, target
from volition.value.schedule import AbstractSchedule, Constant


class Curve(eqx.Module):
    """How learning went, in equal stretches of steps.

    Args:
        step: steps made at the end of each stretch, `[stretch]`.
        mean_return: mean undiscounted return of the episodes that ended in it, reward
            units; NaN where none ended, `[stretch]`.
        n_episodes: how many ended in it, `[stretch]`.
    """

    step: Int[Array, " stretch"]
    mean_return: Float[Array, " stretch"]
    n_episodes: Int[Array, " stretch"]


class Learned(eqx.Module):
    """What a value learner found.

    Args:
        q: value of each action, reward units, `[state, action]`.
        policy: greedy in `q`.
        curve: how it got there.
    """

    q: Float[Array, "state action"]
    policy: Tabular
    curve: Curve


class Draws(eqx.Module):
    """The random numbers of one stretch of learning, one entry for each step.

    Args:
        explore: whether a random action is taken.
        action: which one it would be.
        branch: uniform in `[0, 1)`: picks the successor.
        restart: the state in which a new episode would begin.
    """

    explore: Bool[Array, " step"]
    action: Int[Array, " step"]
    branch: Float[Array, " step"]
    restart: Int[Array, " step"]


class QLearning(eqx.Module):
    """Tabular Q-learning with an epsilon-greedy learner.

    `q(s,a) += step_size * (r + discount max_b q(s',b) - q(s,a))`, the future cut where
    the episode terminated. A time limit ends an episode but cuts nothing off.

    Args:
        n_steps: environment steps to learn from.
        step_size: a number in `(0, 1]`, or a schedule over steps.
        exploration: probability of a random action, or a schedule over steps.
        initial_value: what the table begins with, reward units.
        n_stretches: points of the learning curve; divides `n_steps`.

    Source: C. J. C. H. Watkins, PhD thesis, 1989; R. S. Sutton, A. G. Barto, 2nd ed.,
    equation 6.8. Differs: terminal rows are never written, and ties between actions go
    to the first.
    """

    n_steps: int = eqx.field(static=True)
    step_size: AbstractSchedule
    exploration: AbstractSchedule
    initial_value: Float[Array, ""]
    n_stretches: int = eqx.field(static=True)

    def __init__(
        self,
        n_steps: int,
        *,
        step_size: ArrayLike | AbstractSchedule = 0.1,
        exploration: ArrayLike | AbstractSchedule = 0.1,
        initial_value: ArrayLike = 0.0,
        n_stretches: int = 100,
    ):
        self.n_steps = n_steps
        self.step_size = _schedule(step_size)
        self.exploration = _schedule(exploration)
        self.initial_value = jnp.asarray(initial_value, dtype=float)
        self.n_stretches = n_stretches

    def __check_init__(self):
        if self.n_stretches < 1 or self.n_steps % self.n_stretches != 0:
            raise ValueError(
                f"n_steps = {self.n_steps} must be a multiple of n_stretches = "
                f"{self.n_stretches}."
            )

    def draws(
        self, key: PRNGKeyArray, mdp: FiniteMDP, stretch: Int[ArrayLike, ""]
    ) -> Draws:
        """All random numbers of one stretch, so that others can replay it.

        Args:
            key: the key given to `learn`.
            mdp: the world.
            stretch: which one, from 0.
        """
        n_steps = self.n_steps // self.n_stretches
        pair_key, branch_key = jax.random.split(jax.random.fold_in(key, stretch))
        # One number says both whether to explore and, then, which action to take.
        uniform, restart = _uniform_pairs(pair_key, n_steps)
        steps = jnp.asarray(stretch * n_steps + jnp.arange(n_steps, dtype=jnp.int32))
        chance = self.exploration(steps)
        action = (uniform / jnp.maximum(chance, 1e-12) * mdp.n_actions).astype(
            jnp.int32
        )
        branch = jnp.zeros(n_steps)
        if mdp.successor.shape[-1] > 1:
            branch = jax.random.uniform(branch_key, (n_steps,))
        return Draws(
            explore=uniform < chance,
            action=jnp.minimum(action, mdp.n_actions - 1),
            branch=branch,
            restart=_restarts(mdp.initial, restart),
        )

    def first_state(self, key: PRNGKeyArray, mdp: FiniteMDP) -> Int[Array, ""]:
        """The state in which learning begins, so that others can replay it."""
        return jnp.asarray(mdp.reset(jax.random.fold_in(key, self.n_stretches)).index)

    def learn(
        self, key: PRNGKeyArray, mdp: FiniteMDP, reward: Float[Array, "..."]
    ) -> Learned:
        """Learn one chain; pure, so `jax.vmap` runs many seeds or step sizes at once.

        Args:
            key: consumed.
            mdp: the world.
            reward: reward units, `[state, action, branch]`.
        """
        n_steps = self.n_steps // self.n_stretches

        def stretch(carry, number):
            q, state, time, so_far = carry
            draws = self.draws(key, mdp, number)
            steps = number * n_steps + jnp.arange(n_steps, dtype=jnp.int32)
            zero = jnp.zeros((), dtype=q.dtype)
            start = (q, state, time, so_far, zero, jnp.int32(0))
            end, _ = jax.lax.scan(one, start, (draws, self.step_size(steps)))
            q, state, time, so_far, total, n_episodes = end
            mean = total / n_episodes.astype(total.dtype)
            return (q, state, time, so_far), (mean, n_episodes)

        def one(carry, now):
            q, state, time, so_far, total, n_episodes = carry
            draws, step_size = now
            row = q[state]
            best = jnp.argmax(row).astype(jnp.int32)
            action = jnp.where(draws.explore, draws.action, best)
            branch = draw(mdp.probability[state, action], draws.branch)
            paid = reward[state, action, branch]
            successor = mdp.successor[state, action, branch]
            terminated = mdp.terminal[successor]
            aim = target(paid, terminated, jnp.max(q[successor]), mdp.discount)
            q = q.at[state, action].add(step_size * (aim - row[action]))
            so_far, time = so_far + paid, time + 1
            over = terminated | (time >= mdp.time_limit)
            total = jnp.where(over, total + so_far, total)
            n_episodes = jnp.where(over, n_episodes + 1, n_episodes)
            so_far = jnp.where(over, 0.0, so_far)
            time = jnp.where(over, 0, time)
            state = jnp.where(over, draws.restart, successor)
            return (q, state, time, so_far, total, n_episodes), None

        q = jnp.full((mdp.n_states, mdp.n_actions), self.initial_value)
        q = jnp.where(mdp.terminal[:, None], 0.0, q)
        first = self.first_state(key, mdp)
        numbers = jnp.arange(self.n_stretches, dtype=jnp.int32)
        start = (q, first, jnp.int32(0), jnp.zeros((), dtype=q.dtype))
        (q, *_), (mean_return, n_episodes) = jax.lax.scan(stretch, start, numbers)
        curve = Curve((numbers + 1) * n_steps, mean_return, n_episodes)
        return Learned(q, greedy(q), curve)


def _restarts(
    initial: Float[Array, " state"], uniform: Float[Array, " step"]
) -> Int[Array, " step"]:
    """States in which an episode begins, by inversion of the cdf."""
    cumulative = jnp.cumsum(initial)
    place = uniform * cumulative[-1]

    def only() -> Array:
        return jnp.full(uniform.shape, jnp.argmax(initial), dtype=jnp.int32)

    def search() -> Array:
        # Unrolled, it is five times as fast as the loop that is the default.
        found = jnp.searchsorted(
            cumulative, place, side="right", method="scan_unrolled"
        )
        return jnp.minimum(found, initial.shape[0] - 1).astype(jnp.int32)

    # Most worlds begin in one state; a search for it takes a fifth of a step's time.
    return jax.lax.cond(jnp.sum(initial > 0) == 1, only, search)


def _uniform_pairs(key: PRNGKeyArray, n: int) -> tuple[Array, Array]:
    """Twice `n` uniform numbers in `[0, 1)` for the price of `n` doubles.

    The generator makes 64 bits at a time, and 32 of them resolve a probability to
    2e-10; drawing them is most of what a step of learning costs.
    """
    if jnp.result_type(float) == jnp.float64:
        bits = jax.random.bits(key, (n,), dtype=jnp.uint64)
        first = (bits >> jnp.uint64(32)).astype(float)
        second = bits.astype(jnp.uint32).astype(float)
        return first * 2.0**-32, second * 2.0**-32
    pair = jax.random.uniform(key, (2, n))
    return pair[0], pair[1]


def _schedule(value: ArrayLike | AbstractSchedule) -> AbstractSchedule:
    if isinstance(value, AbstractSchedule):
        return value
    return Constant(jnp.asarray(value, dtype=float))


@eqx.filter_jit
def learn(
    key: PRNGKeyArray | Key[Array, " seed"],
    env: FiniteMDP,
    reward: AbstractReward,
    method: QLearning,
) -> Learned:
    """Learn action values from experience alone.

    Give several keys, `jax.random.split(key, n)`, to learn with several seeds at once:
    every leaf of the result then has a leading axis `[seed]`.

    Args:
        key: one key, or an array of them; consumed.
        env: the world, of which only samples are seen.
        reward: what its transitions are worth.
        method: the learner.

    Example:
        >>> from volition import env, reward
        >>> world = env.cliff_walking()
        >>> method = QLearning(20_000, step_size=0.5)
        >>> learned = learn(jax.random.key(0), world, reward.cliff_walking(), method)
        >>> float(learned.q[36].max())  # 13 steps along the edge
        -13.0
    """
    each = branch_reward(env, reward)
    if key.ndim == 0:
        return method.learn(key, env, each)
    # One chain after the other: on a CPU each is a tight loop of its own, while a
    # batch of them would spend its time on gathers.
    return jax.lax.map(lambda one: method.learn(one, env, each), key)
