"""Questions about short paths, in worlds whose features are drawn at random."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from volition.env import Feature, FiniteMDP, Transition
from volition.env.mdp import Index
from volition.feedback import NOBODY, Comparison, Segment, follow
from volition.human import Boltzmann, Judge
from volition.reward import Linear


def featured_world(
    seed: int,
    n_states: int = 8,
    n_actions: int = 3,
    n_features: int = 3,
    *,
    discount: float = 0.9,
    terminal: tuple[int, ...] = (),
) -> FiniteMDP:
    """A deterministic world; its last feature is `alive`, 1 for every step."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_states, n_actions, 1, n_features))
    features[..., -1] = 1.0
    names = [f"f{number}" for number in range(n_features - 1)] + ["alive"]
    return FiniteMDP(
        generator.integers(0, n_states, (n_states, n_actions, 1)),
        np.ones((n_states, n_actions, 1)),
        terminal=np.isin(np.arange(n_states), terminal),
        initial=np.full(n_states, 1.0 / n_states),
        features=features,
        feature_info=tuple(Feature(name, "1", "drawn at random") for name in names),
        discount=discount,
    )


@eqx.filter_jit
def follow_all(world: FiniteMDP, starts, actions) -> Segment:
    """Segments `[question, option, time]`."""
    return jax.vmap(jax.vmap(follow, (None, 0, 0)), (None, 0, 0))(
        world, starts, actions
    )


def pairs(seed: int, world: FiniteMDP, n_questions: int, length: int) -> Segment:
    """Random pairs of random paths, `[question, 2, time]`."""
    generator = np.random.default_rng(seed)
    may_begin = np.flatnonzero(np.asarray(world.initial) > 0)
    starts = generator.choice(may_begin, (n_questions, 2))
    actions = generator.integers(0, world.n_actions, (n_questions, 2, length))
    return follow_all(
        world, starts.astype(np.int32), jnp.asarray(actions, dtype=jnp.int32)
    )


def answered(options: Segment, choices) -> Comparison:
    """A batch of answers by nobody in particular, each to its own question."""
    n_answers = len(choices)
    return Comparison(
        options=options,
        choice=jnp.asarray(choices, dtype=jnp.int32),
        person=jnp.full(n_answers, NOBODY, dtype=jnp.int32),
        question=jnp.arange(n_answers, dtype=jnp.int32),
        seconds=jnp.full(n_answers, jnp.nan),
    )


def one(batch, row: int):
    """One entry of a batch."""
    return rows(batch, row)


def rows(batch, keep):
    """Some entries of a batch; by NumPy, which compiles nothing."""
    return jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf)[keep], batch))


def sums(options: Segment) -> np.ndarray:
    """Summed features of each option, `[question, option, feature]`."""
    steps = np.asarray(options.weight)[..., None] * np.asarray(
        options.transition.features
    )
    return steps.sum(axis=-2)


def segments(features) -> Segment:
    """Of the features of each step, `[..., time, feature]`."""
    features = jnp.asarray(features)
    whole = jnp.zeros(features.shape[:-1], dtype=jnp.int32)
    steps = Transition(Index(whole), whole, Index(whole), features, whole > 0)
    return Segment(steps, jnp.ones(whole.shape), whole == 0)


def valued(worths) -> Segment:
    """Segments of one step that are worth what is given, `[option, 1]`."""
    worths = jnp.asarray(worths, dtype=float)
    index = Index(jnp.zeros((*worths.shape, 1), dtype=jnp.int32))
    steps = Transition(
        index,
        index.index,
        index,
        worths[..., None, None],
        jnp.zeros((*worths.shape, 1), dtype=bool),
    )
    return Segment(
        steps,
        jnp.ones((*worths.shape, 1)),
        jnp.ones((*worths.shape, 1), dtype=bool),
        True,
    )


def judge_of_worths(choice) -> Judge:
    """One to whom such segments are worth just that."""
    return Boltzmann(choice=choice).judge(Linear(("worth",), [1.0]))
