"""What people did: demonstrations, and the state that they left the world in."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.feedback.answer import (
    NOBODY,
    UNANSWERED,
    UNNUMBERED,
    AbstractAnswer,
    AbstractJudge,
    draw,
    marks,
    time,
    whole,
)
from volition.policy import Segment, check_whole


class Demonstration(AbstractAnswer):
    """What a person did, step by step, or a batch of demonstrations.

    At each step the options are the actions. Boltzmann in the soft value of each, a
    path of a deterministic world has the probability of a choice among all paths. What
    was done must be a whole episode, as windows over-represent long ones; a question
    may begin anywhere.

    Args:
        done: the segment, `[time]`; its actions were chosen.
        given: whether it was demonstrated; False for a question: only where it begins
            and how long it is counts then.
        person: number of who demonstrated; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long it took; NaN where that is not known.

    Source: B. D. Ziebart et al., "Maximum entropy inverse reinforcement learning",
    AAAI 2008; as one row of Jeon et al., arXiv 2002.04833, table 1.
    """

    done: Segment
    given: Bool[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of each action in each state."""
        return judge.act(self.done)

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The action at each step that was made."""
        made = jnp.asarray(self.given) & (self.done.weight > 0)
        return marks(jnp.where(made, self.done.transition.action, -1), n_choices)

    def check_evidence(self) -> None:
        """Refuse demonstrations that are windows of episodes.

        Raises:
            ValueError: for the first, see `volition.policy.check_whole`.
        """
        given = jnp.asarray(self.given)
        if isinstance(given, Tracer) or isinstance(self.done.weight, Tracer):
            return
        weight = np.asarray(self.done.weight) * np.asarray(given)[..., None]
        check_whole(eqx.tree_at(lambda done: done.weight, self.done, weight))

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "Demonstration":
        """Demonstrated by a simulated person, from the same state."""
        done = judge.demonstrate(key, self.done)
        given = jnp.ones_like(jnp.asarray(self.given))
        return eqx.tree_at(lambda one: (one.done, one.given), self, (done, given))


def demonstration(
    done: Segment,
    given: bool = True,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> Demonstration:
    """A demonstration, checked.

    Args:
        done: a single whole episode, leaves `[time]`; for a question any segment.
        given: False for a question: "show me what you would do from here".
        person: number of who demonstrated.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: for more than one segment, or for a window of an episode where
            something was demonstrated.

    Example:
        >>> import jax
        >>> from volition import env, human, policy, reward
        >>> world = env.delivery()
        >>> path = policy.episode(jax.random.key(1), world, policy.Random(4), 3)
        >>> person = human.Boltzmann(acting=human.SoftOptimal(world))
        >>> judge = person.judge(reward.delivery_true())
        >>> bool(judge.log_prob(demonstration(path)) < 0)
        True
    """
    if jnp.ndim(done.weight) != 1:
        raise ValueError(
            "a demonstration is one segment, [time], not an array of shape "
            f"{jnp.shape(done.weight)}."
        )
    made = Demonstration(
        done=done,
        given=jnp.asarray(given),
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )
    made.check_evidence()
    return made


class WorldState(AbstractAnswer):
    """The state in which people left a finite world, or a batch of such states.

    A vase that stands whole where people walked for an hour says that they went around
    it. The options are all states in which the world could stand now.

    Args:
        state: number of the state that is seen, or `UNANSWERED`.
        initial: probability of each state `n_steps` ago, `[state]`.
        person: number of who acted; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: NaN.
        n_steps: for how long people acted, at least 1.

    Source: R. Shah et al., "Preferences implicit in the state of the world", ICLR 2019,
    equation 1.
    """

    state: Int[ArrayLike, "*batch"]
    initial: Float[ArrayLike, "*batch state"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]
    n_steps: int = eqx.field(static=True)

    def said(self) -> tuple[str, int]:
        """The state, of as many as there are."""
        return "state", jnp.shape(self.initial)[-1]

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of each state: one stage."""
        return judge.arrive(jnp.asarray(self.initial), self.n_steps)[None]

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The state."""
        return marks(self.state, n_choices)[None]

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "WorldState":
        """Where a simulated person leaves the world."""
        state = draw(key, self.stages(judge)[0])
        return eqx.tree_at(lambda answer: answer.state, self, state)


def world_state(
    initial: Float[ArrayLike, " state"],
    n_steps: int,
    state: int = UNANSWERED,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
) -> WorldState:
    """The state of a finite world, checked.

    Args:
        initial: probability of each state `n_steps` ago, `[state]`.
        n_steps: for how long people acted, at least 1.
        state: number of the state that is seen now.
        person: number of who acted.
        question: number of the question; a data set numbers it if left out.

    Raises:
        ValueError: for a state that there is not, or no step.

    Example:
        >>> import jax
        >>> from volition import env, human, reward
        >>> world = env.delivery()
        >>> person = human.Boltzmann(acting=human.SoftOptimal(world))
        >>> judge = person.judge(reward.delivery_true())
        >>> begun = jax.nn.one_hot(69, world.n_states)  # two steps above the goal
        >>> seen = judge.log_probs(world_state(begun, 2))
        >>> int(jnp.argmax(seen))
        89
    """
    initial = jnp.asarray(initial, dtype=float)
    if n_steps < 1 or not UNANSWERED <= state < initial.shape[0]:
        raise ValueError(
            f"state {state} after {n_steps} steps: give a state in 0 to "
            f"{initial.shape[0] - 1}, and at least one step."
        )
    return WorldState(
        state=whole(state),
        initial=initial,
        n_steps=n_steps,
        person=whole(person),
        question=whole(question),
        seconds=time(jnp.nan),
    )
