"""Experience: where the steps come from that a tabular learner learns from."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Discrete, FiniteMDP, MDPState
from volition.env.mdp import draw
from volition.policy import AbstractPolicy, greedy
from volition.reward import AbstractReward, reading
from volition.value.bellman import branch_reward
from volition.value.faults import finite
from volition.value.tabular.table import State, Table, at
from volition.value.tabular.tiles import GreedyInTiles, TileCoding


class Seen(eqx.Module):
    """One step, as a learner sees it.

    Args:
        state: number of what was observed; with tile coding those of its active tiles.
        action: what was done.
        reward: reward units.
        next_state: that of what was observed next, before any new episode.
        terminated: whether the outcome ended the episode: no future.
        over: whether a new episode begins, for that or for a time limit.
        finite: whether what was observed was; the reward is not asked.
    """

    state: Int[Array, "..."]
    action: Int[Array, "*step"]
    reward: Float[Array, "*step"]
    next_state: Int[Array, "..."]
    terminated: Bool[Array, "*step"]
    over: Bool[Array, "*step"]
    finite: Bool[ArrayLike, "*step"] = True


class AbstractExperience(eqx.Module):
    """A world with a reward and integer observations that begins anew by itself."""

    @property
    @abc.abstractmethod
    def n_states(self) -> int:
        """How many observations there are."""

    @property
    @abc.abstractmethod
    def n_actions(self) -> int:
        """How many actions there are."""

    @property
    def available(self) -> Bool[Array, "state action"] | None:
        """Which actions can be taken upon each observation; None where all can."""
        return None

    @property
    @abc.abstractmethod
    def discount(self) -> Float[ArrayLike, ""]:
        """Of the world."""

    @property
    @abc.abstractmethod
    def terminal(self) -> Bool[Array, " state"]:
        """Observations of which it is known that nothing is done there."""

    @abc.abstractmethod
    def first(self, key: PRNGKeyArray) -> PyTree:
        """Where the first episode begins."""

    @abc.abstractmethod
    def draws(self, key: PRNGKeyArray, n_steps: int) -> PyTree:
        """What chance decides in each of some steps: leaves `[step]`."""

    @abc.abstractmethod
    def observe(self, where: PyTree) -> State:
        """The number of what is observed there; with tile coding several."""

    def greedy(self, q: Table) -> AbstractPolicy:
        """The policy that is greedy in a table of values."""
        return greedy(q)

    @abc.abstractmethod
    def step(
        self, where: PyTree, action: Int[Array, ""], drawn: PyTree
    ) -> tuple[Seen, PyTree]:
        """One step, and where the next one is made: in a new episode after an end."""


class Restart(eqx.Module):
    """What chance decides in a step through a table.

    Args:
        branch: uniform in `[0, 1)`: picks the successor.
        restart: the state in which a new episode would begin.
    """

    branch: Float[Array, " step"]
    restart: Int[Array, " step"]


class TableExperience(AbstractExperience):
    """Steps through the table of a finite MDP.

    Args:
        mdp: the world.
        reward: reward units, `[state, action, branch]`.
    """

    mdp: FiniteMDP
    reward: Float[Array, "state action branch"]

    @property
    def n_states(self) -> int:
        """States of the MDP."""
        return self.mdp.n_states

    @property
    def n_actions(self) -> int:
        """Actions of the MDP."""
        return self.mdp.n_actions

    @property
    def discount(self) -> Float[ArrayLike, ""]:
        """Of the MDP."""
        return self.mdp.discount

    @property
    def terminal(self) -> Bool[Array, " state"]:
        """Its terminal states."""
        return self.mdp.terminal

    def first(self, key: PRNGKeyArray) -> MDPState:
        """As the MDP begins."""
        return self.mdp.reset(key)

    def draws(self, key: PRNGKeyArray, n_steps: int) -> Restart:
        """A branch and a restart for each step."""
        branch_key, restart_key = jax.random.split(key)
        branch = jnp.zeros(n_steps)
        if self.mdp.successor.shape[-1] > 1:
            branch = jax.random.uniform(branch_key, (n_steps,))
        return Restart(branch, _restarts(restart_key, self.mdp.initial, n_steps))

    def observe(self, where: MDPState) -> State:
        """The state's number."""
        return jnp.asarray(where.index)

    def step(
        self, where: MDPState, action: Int[Array, ""], drawn: Restart
    ) -> tuple[Seen, MDPState]:
        """Look up where the branch leads and what it pays."""
        mdp, state = self.mdp, jnp.asarray(where.index)
        branch = draw(at(mdp.probability, state, action), drawn.branch)
        successor = at(mdp.successor, state, action, branch)
        terminated = at(mdp.terminal, successor)
        time = jnp.asarray(where.time) + 1
        over = terminated | (time >= mdp.time_limit)
        reward = at(self.reward, state, action, branch)
        seen = Seen(state, action, reward, successor, terminated, over)
        index = jnp.where(over, drawn.restart, successor)
        return seen, MDPState(index, jnp.where(over, 0, time))


class WorldExperience(AbstractExperience):
    """Steps of any functional environment whose actions are integers.

    Args:
        env: the world.
        reward: what its transitions are worth.
        coding: of its observations; None where they are integers.
    """

    env: AbstractEnvironment
    reward: AbstractReward
    coding: TileCoding | None = None

    @property
    def n_states(self) -> int:
        """Observations of the world, or tiles of the coding."""
        if self.coding is not None:
            return self.coding.n_features
        return _size_of(self.env.observation_space)

    @property
    def n_actions(self) -> int:
        """Actions of the world."""
        return _size_of(self.env.action_space)

    @property
    def available(self) -> Bool[Array, "state action"] | None:
        """As the world says, of observations that are integers."""
        if self.coding is not None:
            return None
        numbers = jnp.arange(self.n_states, dtype=jnp.int32)
        return jax.vmap(self.env.available)(numbers)

    @property
    def discount(self) -> Float[ArrayLike, ""]:
        """Of the world."""
        return self.env.discount

    @property
    def terminal(self) -> Bool[Array, " state"]:
        """None is known to be."""
        return jnp.zeros(self.n_states, dtype=bool)

    def first(self, key: PRNGKeyArray) -> PyTree:
        """As the world begins."""
        return self.env.reset(key)

    def draws(self, key: PRNGKeyArray, n_steps: int) -> PyTree:
        """A key for each step."""
        return jax.random.split(key, n_steps)

    def observe(self, where: PyTree) -> State:
        """The observation, coded if it has to be."""
        observation = jnp.asarray(self.env.observe(where))
        if self.coding is not None:
            return self.coding(observation)
        return observation.astype(jnp.int32)

    def greedy(self, q: Table) -> AbstractPolicy:
        """By the observation's row, or the sum of its tiles' rows."""
        return greedy(q) if self.coding is None else GreedyInTiles(self.coding, q)

    def step(
        self, where: PyTree, action: Int[Array, ""], drawn: PRNGKeyArray
    ) -> tuple[Seen, PyTree]:
        """Step, pay, and reset where the episode is over."""
        env = self.env
        step_key, reset_key = jax.random.split(drawn)
        moved = env.step(step_key, where, action)
        reward = jnp.asarray(self.reward(env.transition(where, action, moved)))
        terminated = env.terminated(moved)
        over = terminated | env.truncated(moved)
        state, successor = self.observe(where), self.observe(moved)
        told = finite((env.observe(where), env.observe(moved)), 0)
        told = True if told is None else told
        seen = Seen(state, action, reward, successor, terminated, over, told)
        anew = env.reset(reset_key)
        after = jax.tree.map(lambda new, on: jnp.where(over, new, on), anew, moved)
        return seen, after


def experience(
    env: AbstractEnvironment, reward: AbstractReward, coding: TileCoding | None = None
) -> AbstractExperience:
    """The experience of a world under a reward; by table where the world is one.

    Raises:
        ValueError: where the world's actions are no integers, its observations are
            none and not coded, it says which actions are available although they are
            coded, or the reward reads features that it does not have.
    """
    reward = reading(reward, env.feature_names)
    if isinstance(env, FiniteMDP) and coding is None:
        return TableExperience(env, branch_reward(env, reward))
    _size_of(env.action_space)
    if coding is None:
        _size_of(env.observation_space)
    else:
        coding.check(env.observation_space)
        if _restricts(env):
            raise ValueError(
                "tiles cannot tell which actions are available, and this world's are "
                "not all: let it take them all, or number its observations."
            )
    return WorldExperience(env, reward, coding)


def _restricts(env: AbstractEnvironment) -> bool:
    """Whether a world says which actions are available."""

    def asked(key: PRNGKeyArray) -> Bool[Array, " action"] | None:
        return env.available(env.observe(env.reset(key)))

    return jax.eval_shape(asked, jax.random.key(0)) is not None


def _size_of(space: object) -> int:
    if not isinstance(space, Discrete):
        raise ValueError(
            f"a table needs numbered observations and actions, not {space}: give a "
            "coding of its observations, or use a learner with function approximation."
        )
    return space.n


def _restarts(
    key: PRNGKeyArray, initial: Float[Array, " state"], n_steps: int
) -> Int[Array, " step"]:
    """States in which an episode begins, by inversion of the cdf."""
    cumulative = jnp.cumsum(initial)

    def only() -> Array:
        return jnp.full(n_steps, jnp.argmax(initial), dtype=jnp.int32)

    def search() -> Array:
        place = jax.random.uniform(key, (n_steps,)) * cumulative[-1]
        # Unrolled, it is five times as fast as the loop that is the default.
        found = jnp.searchsorted(
            cumulative, place, side="right", method="scan_unrolled"
        )
        return jnp.minimum(found, initial.shape[0] - 1).astype(jnp.int32)

    # Most worlds begin in one state, which needs neither a number nor a search.
    return jax.lax.cond(jnp.sum(initial > 0) == 1, only, search)
