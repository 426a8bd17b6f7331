"""Questions made up to tell the most: options whose features are optimised."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.feedback import Segment
from volition.inference import Posterior
from volition.query.candidates import Pairs
from volition.query.rule import AbstractRule, InformationGain
from volition.query.score import lean, score_one

STEP_SIZE = 0.1  # of Adam on a scale where the whole range is about -3 to 3: 30 steps


def imagined(
    key: PRNGKeyArray,
    belief: Posterior,
    pool: Segment,
    rule: AbstractRule | None = None,
    *,
    n_pairs: int = 20,
    n_steps: int = 100,
    n_samples: int = 100,
) -> Pairs:
    """Pairs of options that nobody drove, with features by which they tell the most.

    Each option is a segment whose steps all have the same features, within the range
    that they have in a pool; its states are those of the pool's first segment, and mean
    nothing. Show the features to the person: there is nothing else to see.

    Args:
        key: consumed.
        belief: over rewards that are functions of features.
        pool: where the ranges are from, `[segment, time]`.
        rule: what is maximised, with a slope; `InformationGain()` if left out.
        n_pairs: how many, from as many random starts.
        n_steps: of the search.
        n_samples: rewards drawn from the belief, at least 2.

    Raises:
        ValueError: for a reward that reads no features.

    Source: D. Sadigh et al., RSS 2017, section IV, where controls are optimised.
    Differs: features, so that no model of the world is needed; whether the world can
    make them is not asked.
    """
    if not belief.problem.reward.feature_names:
        raise ValueError(
            "this reward reads the state itself, not named features: give candidates "
            "that were driven."
        )
    if n_pairs < 1 or n_steps < 1 or n_samples < 2:
        raise ValueError(
            f"n_pairs = {n_pairs} and n_steps = {n_steps} must be at least 1, "
            f"n_samples = {n_samples} at least 2."
        )
    rule = InformationGain() if rule is None else rule
    segments = _imagine(key, lean(belief), pool, rule, n_pairs, n_steps, n_samples)
    return Pairs(segments, _couples(n_pairs), jnp.ones(()))


def _couples(n_pairs: int) -> Int[Array, "candidate option"]:
    return jnp.arange(2 * n_pairs, dtype=jnp.int32).reshape(n_pairs, 2)


@eqx.filter_jit
def _imagine(key, belief, pool: Segment, rule, n_pairs, n_steps, n_samples) -> Segment:
    start_key, draw_key = jax.random.split(key)
    features = jnp.asarray(pool.transition.features)
    there = (pool.weight > 0)[..., None]
    low = jnp.min(jnp.where(there, features, jnp.inf), axis=(0, 1))
    high = jnp.max(jnp.where(there, features, -jnp.inf), axis=(0, 1))
    first = jax.tree.map(lambda leaf: leaf[0], pool)
    judges = belief.sample_judges(draw_key, n_samples)
    judge = belief.human.judge(belief.mean)

    def option(free: Float[Array, " feature"]) -> Segment:
        inside = low + (high - low) * jax.nn.sigmoid(free).astype(low.dtype)
        every = jnp.broadcast_to(inside, features.shape[1:])
        return eqx.tree_at(
            lambda made: (made.transition.features, made.weight, made.present),
            first,
            (every, jnp.ones_like(first.weight), jnp.ones_like(first.present)),
        )

    def score(free: Float[Array, "option feature"]) -> Float[Array, ""]:
        options = jax.vmap(option)(free)
        worth = jax.vmap(lambda judge: jax.vmap(judge.value)(options))(judges)
        return score_one(worth, Pairs(options, _couples(1), jnp.ones(())), rule, judge)

    free = jax.random.normal(start_key, (n_pairs, 2, low.shape[0]), dtype=float)
    free = jax.vmap(lambda one: _climb(score, one, n_steps))(free)
    return jax.vmap(option)(free.reshape(2 * n_pairs, -1))


def _climb(score, free: Float[Array, "option feature"], n_steps: int):
    """Adam, and the best point passed."""
    import optax

    with jax.numpy_dtype_promotion("standard"):
        adam = optax.adam(STEP_SIZE)
        state = adam.init(free)

    def step(carry, _):
        free, state, best, most = carry
        value, slope = jax.value_and_grad(score)(free)
        better = value > most
        best, most = jnp.where(better, free, best), jnp.maximum(value, most)
        with jax.numpy_dtype_promotion("standard"):
            move, state = adam.update(-slope, state)
        return (free + move, state, best, most), None

    begin = (free, state, free, jnp.full((), -jnp.inf, dtype=jnp.float32))
    (_, _, best, _), _ = jax.lax.scan(step, begin, length=n_steps)
    return best
