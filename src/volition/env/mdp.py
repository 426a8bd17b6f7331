"""Finite Markov decision processes with sparse successors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, PyTree

from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.leaf import count
from volition.env.spaces import Discrete
from volition.env.table import check_table, sparse_table

NO_TIME_LIMIT = 2**31 - 1  # the largest int32: no episode gets there


class Index(eqx.Module):
    """A state that is nothing but its number."""

    index: Int[ArrayLike, "*batch"]

    def __str__(self) -> str:
        return f"state {self.index}"


class MDPState(eqx.Module):
    """Where an episode in a finite MDP is: its state's number, and the steps made."""

    index: Int[ArrayLike, "*batch"]
    time: Int[ArrayLike, "*batch"]


class FiniteMDP(AbstractEnvironment):
    """A finite MDP: for every state and action a short list of possible successors.

    `P(s' | s, a) = sum over b of probability[s, a, b] * (successor[s, a, b] == s')`.
    Memory grows with states x actions x successors, so a million states fit. A terminal
    state is absorbing: nothing that is done there has features or a reward.

    Args:
        successor: number of the successor, `[state, action, branch]`, in `0 .. S - 1`.
        probability: its probability, same shape; sums to 1 over the branches.
        terminal: which states end the episode, `[state]`.
        initial: distribution of the first state, `[state]`, sums to 1.
        features: the named features of each transition,
            `[state, action, branch, feature]`; none when left out. Branches of one
            state and action that lead to the same state must have the same ones, as a
            step is told by where it leads.
        goal: which terminal states the task names as its goal, `[state]`; all False
            when the task names none.
        states: what a reward sees as the state: a pytree whose leaves have a leading
            axis `[state]`, with a field `index`. Default: `Index`.
        discount: in `[0, 1]`, per step.
        time_limit: steps after which an episode is truncated.
        feature_info: name, unit and meaning of each feature.
        action_names: a word for each action.
        board: rows of text to draw the world from, if it is one.

    Raises:
        ValueError: where two shapes do not fit together, there is no state or action, a
            successor is no state, probabilities are not in `[0, 1]` or do not sum to 1,
            or the discount is out of range, as far as the numbers are known (not inside
            of `jit`); `volition.testing.check_finite_mdp` looks at the features, too.

    Example:
        >>> mdp = FiniteMDP(
        ...     successor=np.array([[[1], [0]], [[1], [1]]]),
        ...     probability=np.ones((2, 2, 1)),
        ...     terminal=np.array([False, True]),
        ...     initial=np.array([1.0, 0.0]),
        ...     discount=0.9,
        ... )
        >>> mdp.n_states, mdp.n_actions
        (2, 2)
    """

    successor: Int[Array, "state action branch"]
    probability: Float[Array, "state action branch"]
    terminal: Bool[Array, " state"]
    initial: Float[Array, " state"]
    features: Float[Array, "state action branch feature"]
    goal: Bool[Array, " state"]
    states: PyTree
    discount: Float[Array, ""]
    time_limit: Int[Array, ""]
    _feature_info: tuple[Feature, ...] = eqx.field(static=True)
    action_names: tuple[str, ...] = eqx.field(static=True)
    board: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        successor: ArrayLike,
        probability: ArrayLike,
        *,
        terminal: ArrayLike,
        initial: ArrayLike,
        discount: ArrayLike,
        features: ArrayLike | None = None,
        goal: ArrayLike | None = None,
        states: PyTree = None,
        time_limit: int = NO_TIME_LIMIT,
        feature_info: tuple[Feature, ...] = (),
        action_names: tuple[str, ...] = (),
        board: tuple[str, ...] = (),
    ):
        if jnp.ndim(successor) != 3 or jnp.shape(successor) != jnp.shape(probability):
            raise ValueError(
                "successor and probability must both be [state, action, branch], not "
                f"{jnp.shape(successor)} and {jnp.shape(probability)}."
            )
        n_states, n_actions, n_branches = jnp.shape(successor)
        if 0 in (n_states, n_actions, n_branches):
            raise ValueError(
                f"a world of {n_states} states, {n_actions} actions and {n_branches} "
                "branches has nothing to do: give at least one of each."
            )
        if jnp.shape(initial) == (n_states,):  # else the shape is refused below
            check_table(successor, probability, initial, discount)
        self.successor = jnp.asarray(successor, dtype=jnp.int32)
        self.probability = jnp.asarray(probability, dtype=float)
        self.terminal = jnp.asarray(terminal, dtype=bool)
        self.initial = jnp.asarray(initial, dtype=float)
        if features is None:
            # In NumPy, as XLA compiles ten seconds for an empty array of this shape.
            shape = (n_states, n_actions, n_branches, len(feature_info))
            features = np.zeros(shape, dtype=jnp.result_type(float))
        self.features = jnp.asarray(features, dtype=float)
        if goal is None:
            goal = jnp.zeros(n_states, dtype=bool)
        self.goal = jnp.asarray(goal, dtype=bool)
        if states is None:
            states = Index(jnp.arange(n_states, dtype=jnp.int32))
        self.states = jax.tree.map(jnp.asarray, states)
        self.discount = jnp.asarray(discount, dtype=float)
        self.time_limit = jnp.asarray(time_limit, dtype=jnp.int32)
        self._feature_info = feature_info
        self.action_names = action_names or tuple(
            f"action {action}" for action in range(n_actions)
        )
        self.board = board

    def __check_init__(self):
        n_states, n_actions, n_branches = self.successor.shape
        expected = {
            "terminal": (n_states,),
            "initial": (n_states,),
            "goal": (n_states,),
            "features": (n_states, n_actions, n_branches, len(self._feature_info)),
        }
        for name, shape in expected.items():
            actual = getattr(self, name).shape
            if actual != shape:
                raise ValueError(f"{name} must have the shape {shape}, not {actual}.")
        if len(self.action_names) != n_actions:
            raise ValueError(
                f"{n_actions} actions need as many names, not {self.action_names}."
            )

    @classmethod
    def from_dense(
        cls,
        transitions: ArrayLike,
        *,
        terminal: ArrayLike,
        initial: ArrayLike,
        discount: ArrayLike,
        features: ArrayLike | None = None,
        goal: ArrayLike | None = None,
        states: PyTree = None,
        time_limit: int = NO_TIME_LIMIT,
        feature_info: tuple[Feature, ...] = (),
        action_names: tuple[str, ...] = (),
        board: tuple[str, ...] = (),
    ) -> "FiniteMDP":
        """A finite MDP from a dense array of transition probabilities `P[s, a, s']`.

        The same numbers, none rounded: the successors of probability 0 are left out.

        Args:
            transitions: `P(s' | s, a)`, `[state, action, next state]`; each row sums
                to 1, but for those of terminal states, which are not looked at.
            terminal: which states end the episode, `[state]`.
            initial: distribution of the first state, `[state]`, sums to 1.
            discount: in `[0, 1]`, per step.
            features: of each transition, `[state, action, next state, feature]`; none
                when left out.
            goal: as of `FiniteMDP`, and so are all others.
            states: what a reward sees as the state.
            time_limit: steps after which an episode is truncated.
            feature_info: name, unit and meaning of each feature.
            action_names: a word for each action.
            board: rows of text to draw the world from, if it is one.

        Raises:
            ValueError: as `FiniteMDP`.

        Example:
            >>> chain = np.array([[[0.2, 0.8]], [[0.0, 1.0]]])
            >>> mdp = FiniteMDP.from_dense(
            ...     chain,
            ...     terminal=np.array([False, True]),
            ...     initial=np.array([1.0, 0.0]),
            ...     discount=0.9,
            ... )
            >>> mdp.successor.tolist(), mdp.probability[0, 0].tolist()
            ([[[0, 1]], [[1, 1]]], [0.2, 0.8])
        """
        successor, probability, by_branch = sparse_table(
            np.asarray(transitions),
            np.asarray(terminal, dtype=bool),
            None if features is None else np.asarray(features),
        )
        return cls(
            successor,
            probability,
            terminal=terminal,
            initial=initial,
            discount=discount,
            features=by_branch,
            goal=goal,
            states=states,
            time_limit=time_limit,
            feature_info=feature_info,
            action_names=action_names,
            board=board,
        )

    @property
    def n_states(self) -> int:
        """How many states there are."""
        return self.successor.shape[0]

    @property
    def n_actions(self) -> int:
        """How many actions there are in every state."""
        return self.successor.shape[1]

    @property
    def action_space(self) -> Discrete:
        """The actions, by number."""
        return Discrete(self.n_actions)

    @property
    def observation_space(self) -> Discrete:
        """The states, by number."""
        return Discrete(self.n_states)

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """Name, unit and meaning of each feature."""
        return self._feature_info

    def reset(self, key: PRNGKeyArray) -> MDPState:
        """Draw the first state from `initial`."""
        index = draw(self.initial, jax.random.uniform(key))
        return MDPState(index, jnp.zeros((), dtype=jnp.int32))

    def step(
        self, key: PRNGKeyArray, state: MDPState, action: Int[ArrayLike, ""]
    ) -> MDPState:
        """Draw a successor; a terminal state stays."""
        here, action = count(state.index), count(action)
        branch = draw(self.probability[here, action], jax.random.uniform(key))
        index = jnp.where(
            self.terminal[here], here, self.successor[here, action, branch]
        )
        return MDPState(index, count(state.time) + 1)

    def observe(self, state: PyTree) -> Int[ArrayLike, ""]:
        """The state's number, also of a state as transitions hold it."""
        return state.index

    def terminated(self, state: MDPState) -> Bool[Array, ""]:
        """Whether the state is terminal."""
        return self.terminal[state.index]

    def truncated(self, state: MDPState) -> Bool[Array, ""]:
        """Whether the time limit is reached in a state that is not terminal."""
        return ~self.terminal[state.index] & (state.time >= self.time_limit)

    def transition(
        self, state: MDPState, action: Int[ArrayLike, ""], next_state: MDPState
    ) -> Transition:
        """Describe a step; its features are those of the branch that leads there."""
        here, action = count(state.index), count(action)
        leads_there = self.successor[here, action] == count(next_state.index)
        # The likeliest, so that padding of probability 0 is never taken for it.
        probability = self.probability[here, action]
        branch = jnp.argmax(jnp.where(leads_there, probability, -1.0))
        return self.branch_transition(here, action, branch)

    def branch_transition(
        self,
        index: Int[ArrayLike, ""],
        action: Int[ArrayLike, ""],
        branch: Int[ArrayLike, ""],
    ) -> Transition:
        """Describe the step that takes one branch, by numbers."""
        # Of one type, as the oldest JAX that is taken mixes none in an index.
        index, action, branch = count(index), count(action), count(branch)
        ended = self.terminal[index]
        successor = jnp.where(ended, index, self.successor[index, action, branch])
        features = jnp.where(ended, 0.0, self.features[index, action, branch])
        return Transition(
            state=self.state(index),
            action=action,
            next_state=self.state(successor),
            features=features,
            terminated=self.terminal[successor],
        )

    def state(self, index: Int[ArrayLike, ""]) -> PyTree:
        """What a reward sees of the state with this number."""
        return jax.tree.map(lambda leaf: leaf[index], self.states)

    def describe(self, index: int) -> str:
        """The state in words."""
        return str(jax.tree.map(np.asarray, self.state(index)))

    def scene(self, state: MDPState) -> PyTree:
        """The state in the environment's own terms; draw it over `board`."""
        return self.state(state.index)


def draw(
    probabilities: Float[Array, " outcome"], uniform: Float[ArrayLike, ""]
) -> Int[Array, ""]:
    """The outcome that a uniform number in `[0, 1)` picks: inversion of the cdf.

    Example:
        >>> int(draw(jnp.array([0.2, 0.8]), 0.5))
        1
    """
    if probabilities.shape[0] == 1:
        return jnp.zeros((), dtype=jnp.int32)
    cumulative = jnp.cumsum(probabilities)
    # The last outcome that can happen and whose stretch of the cdf begins at or below
    # the draw. One of probability 0 is never taken: not even where rounding, which
    # depends on the order of a parallel sum, gives it a stretch of its own.
    begun = cumulative - probabilities <= uniform * cumulative[-1]
    outcome = jnp.arange(probabilities.shape[0], dtype=jnp.int32)
    return jnp.max(jnp.where(begun & (probabilities > 0), outcome, 0))
