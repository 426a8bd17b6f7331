"""Where segments come from: replay, disturbed and best policies, imagination."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world
from volition import ask, query
from volition.env import Transition
from volition.env.mdp import Index
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Normal, fit
from volition.policy import Always, Random, rollout
from volition.reward import Linear, Tabular
from volition.value import plan

WORLD = featured_world(2, terminal=(1,))
BELIEF = fit(
    Linear(WORLD.feature_names),
    Boltzmann(choice=BradleyTerry()),
    Dataset.empty(),
    prior=Normal(1.0),
)
seeds = pytest.mark.parametrize("seed", [1])


def recorded():
    """Ten steps: an outcome ends the first four, a time limit the next three."""
    number = jnp.arange(10, dtype=jnp.int32)
    steps = Transition(
        Index(number),
        number,
        Index(number + 100),
        1.0 + number[:, None].astype(float),
        number == 3,
    )
    return steps, (number == 3) | (number == 6)


@seeds
def test_a_replayed_segment_stays_in_its_episode(seed):
    steps, over = recorded()
    found = query.replayed(jax.random.key(seed), steps, over, n_segments=200, length=4)
    starts = set()
    for row in range(200):
        one = jax.tree.map(lambda leaf, row=row: np.asarray(leaf)[row], found)
        start = int(one.transition.state.index[0])
        starts.add(start)
        last = min(end for end in (3, 6, 99) if end >= start)
        made = np.arange(start, start + 4) <= last
        assert one.weight.tolist() == made.tolist()
        features = np.where(made, 1.0 + np.arange(start, start + 4), 0.0)
        assert one.transition.features[:, 0].tolist() == features.tolist()
        # Behind an outcome it is absorbing, behind a time limit padding.
        assert one.present.tolist() == (made | (last == 3)).tolist()
        assert bool(one.ended) == (start <= 3 <= start + 3)
        end = min(last, start + 3)
        assert one.transition.next_state.index[-1] == end + 100
    assert starts == set(range(7))
    with pytest.raises(ValueError, match=r"hold no segment of 11 steps\.$"):
        query.replayed(jax.random.key(0), steps, over, n_segments=1, length=11)


@seeds
def test_a_disturbed_policy_does_something_else_as_often_as_it_should(seed):
    def actions(rate):
        found = query.perturbed(
            jax.random.key(seed),
            WORLD,
            Always(2),
            n_segments=300,
            length=3,
            rate=rate,
        )
        first = np.asarray(found.transition.action)[:, 0]
        return np.mean(first == 2)

    assert actions(0.0) == 1.0
    # Two of three other actions: 0.6 * 2 / 3 of the steps differ.
    assert abs(actions(0.6) - 0.6) < 4 * np.sqrt(0.6 * 0.4 / 300)
    with pytest.raises(ValueError, match=r"^rate = 1.5 must be in \[0, 1\]\.$"):
        actions(1.5)


@seeds
def test_best_policies_differ_as_the_belief_does(seed):
    planned = []

    def policy_fn(key, reward):
        del key
        planned.append(np.asarray(reward.weights))
        return plan(WORLD, reward).policy

    found = query.optimised(
        jax.random.key(seed),
        BELIEF,
        WORLD,
        policy_fn,
        n_policies=3,
        n_segments=2,
        length=4,
    )
    assert found.weight.shape == (6, 4)
    assert len(planned) == 3
    assert np.std(planned, axis=0).min() > 0.01
    # Each is worth most to the reward it is best for, from where it begins.
    action = np.asarray(found.transition.action)
    state = np.asarray(found.transition.state.index)
    for row, weights in enumerate(planned):
        best = plan(WORLD, Linear(WORLD.feature_names, weights)).policy.probabilities
        for segment in (2 * row, 2 * row + 1):
            there = np.asarray(found.weight)[segment] > 0
            chosen = np.asarray(best)[state[segment], action[segment]]
            assert (chosen[there] == 1.0).all()


@seeds
def test_what_is_imagined_tells_more_than_what_was_driven(seed):
    pool = rollout(jax.random.key(seed), WORLD, Random(3), n_segments=20, length=4)
    made = query.imagined(jax.random.key(seed), BELIEF, pool, n_pairs=4, n_steps=60)
    features = np.asarray(made.segments.transition.features)
    there = np.asarray(pool.weight) > 0
    seen = np.asarray(pool.transition.features)[there]
    assert (features >= seen.min(axis=0) - 1e-9).all()
    assert (features <= seen.max(axis=0) + 1e-9).all()
    gain = np.asarray(query.scores(jax.random.key(9), BELIEF, made))
    driven = np.asarray(query.scores(jax.random.key(9), BELIEF, query.pairs(pool)))
    assert gain.max() > driven.max()
    assert gain.min() > np.median(driven)
    question = ask(jax.random.key(0), BELIEF, made)
    assert Dataset.of(jax.tree.map(lambda leaf: leaf[None], question)).capacity == 64
    table = Tabular(jnp.zeros((WORLD.n_states, WORLD.n_actions)))
    plain = fit(table, Boltzmann(), Dataset.empty())
    with pytest.raises(ValueError, match=r"reads the state itself"):
        query.imagined(jax.random.key(0), plain, pool)
