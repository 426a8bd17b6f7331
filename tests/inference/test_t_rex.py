"""Rewards from ranked demonstrations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, sums
from volition.env import Transition
from volition.env.mdp import Index
from volition.inference import MAP, Ensemble, Normal
from volition.inference.irl import ranked_comparisons, t_rex
from volition.policy import Random, Segment, episodes, epsilon_greedy
from volition.reward import FeatureInputs, Linear, Network
from volition.value import plan

WORLD = featured_world(3)
TRUTH = Linear(WORLD.feature_names, jnp.array([1.0, -0.6, 0.0]))


def numbered(n_steps, length=9):
    """Demonstrations whose features are their number and the step, the first has 0."""
    n = len(n_steps)
    made = np.arange(length)[None] < np.array(n_steps)[:, None]
    number = np.broadcast_to(np.arange(n)[:, None], (n, length))
    time = np.broadcast_to(np.arange(length)[None], (n, length))
    index = Index(jnp.asarray(time, dtype=jnp.int32))
    features = jnp.asarray(np.stack([number, time], -1) * made[..., None], dtype=float)
    ended = jnp.asarray(time >= np.array(n_steps)[:, None] - 1)
    return Segment(
        Transition(index, index.index, index, features, ended),
        jnp.asarray(made, dtype=float),
        jnp.ones((n, length), dtype=bool),
        True,
    )


def test_the_better_one_is_chosen_and_begins_later():
    told = numbered([9, 7, 4, 9, 2])
    ranks = np.array([3, 1, 1, 2, 0])
    said = ranked_comparisons(
        jax.random.key(0), told, ranks, n_comparisons=2000, length=3
    )
    features, weight = (np.asarray(a) for a in _told(said))
    demonstration, start = features[:, :, 0, 0].astype(int), features[:, :, 0, 1]
    row, choice = np.arange(2000), np.asarray(said.choice)
    better, worse = demonstration[row, choice], demonstration[row, 1 - choice]
    assert (ranks[better] > ranks[worse]).all()
    assert (start[row, choice] >= start[row, 1 - choice]).all()
    # Windows are whole, in order; only the one of two steps ends inside.
    short = demonstration == 4
    assert (weight.sum(axis=2) == np.where(short, 2, 3)).all()
    assert (features[~short][..., 1] - start[~short][:, None] == np.arange(3)).all()
    # All 9 pairs of different rank alike, and either place.
    pairs, counts = np.unique(np.stack([worse, better]), axis=1, return_counts=True)
    error = np.sqrt(1 / 9 * 8 / 9 / 2000)
    assert pairs.shape[1] == 9
    assert (np.abs(counts / 2000 - 1 / 9) < 4 * error).all()
    assert abs(choice.mean() - 0.5) < 4 * np.sqrt(0.25 / 2000)
    question = np.asarray(said.question)
    assert len(set(zip(question, worse, better, strict=True))) == 9


def _told(said):
    return said.options.transition.features, said.options.weight


@pytest.mark.slow
def test_it_is_the_papers_loss_and_does_better_than_all_demonstrations():
    best = plan(WORLD, TRUTH)
    policies = [epsilon_greedy(best.q, share) for share in (1.0, 0.8, 0.6)]
    told = [
        episodes(jax.random.key(n), WORLD, policy, n_episodes=8, time_limit=12)
        for n, policy in enumerate(policies)
    ]
    told = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *told)
    weights = np.asarray(TRUTH.weights)
    returns = np.asarray(told.transition.features).sum(axis=1) @ weights
    found = t_rex(
        jax.random.key(4),
        told,
        Linear(WORLD.feature_names),
        np.argsort(np.argsort(returns)),
        n_comparisons=500,
        length=12,
        prior=Normal(3.0),
    )
    answers = found.problem.answers.answers()
    worth = sums(answers.options) @ np.asarray(found.mean.weights)
    choice = np.asarray(answers.choice)[:, None]
    chosen = np.take_along_axis(worth, choice, axis=1)[:, 0]
    loss = np.mean(np.logaddexp(worth[:, 0], worth[:, 1]) - chosen)
    assert float(found.neg_log_likelihood()) == pytest.approx(loss, rel=1e-9)
    # Acting by it, for as long from anywhere, earns more than the best demonstrated.
    acted = episodes(
        jax.random.key(5),
        WORLD,
        plan(WORLD, found.mean).policy,
        n_episodes=40,
        time_limit=12,
    )
    earned = np.asarray(acted.transition.features).sum(axis=1) @ weights
    error = earned.std() / np.sqrt(40)
    assert earned.mean() - 4 * error > returns.max()


def test_wrong_input_is_refused_in_a_sentence():
    key, told = jax.random.key(0), numbered([9, 4])
    draw = lambda told, **given: ranked_comparisons(key, told, **given)
    with pytest.raises(ValueError, match="no demonstration is ranked above another"):
        draw(told, ranks=np.array([1, 1]), length=3)
    with pytest.raises(ValueError, match="one for each of 2 demonstrations"):
        draw(told, ranks=np.array([1, 1, 2]), length=3)
    with pytest.raises(ValueError, match="n_comparisons and length"):
        draw(told, length=0)
    with pytest.raises(ValueError, match="demonstration 1 has no step"):
        draw(numbered([9, 0]), length=3)
    with pytest.raises(ValueError, match="give a batch of segments"):
        draw(jax.tree.map(lambda leaf: leaf[0], told), length=3)
    endless = eqx.tree_at(
        lambda one: one.transition.terminated, told, jnp.zeros((2, 9), dtype=bool)
    )
    with pytest.raises(ValueError, match="demonstration 1 has 4 steps and no end"):
        draw(endless, length=5)


@pytest.mark.slow
def test_a_network_learns_what_no_line_says():
    told = episodes(jax.random.key(6), WORLD, Random(3), n_episodes=60, time_limit=10)
    # Best is a middle, 0 to either side of which is worse.
    earned = lambda made: (
        -np.square(np.asarray(made.transition.features)[..., 0]).sum(axis=1)
    )
    ranks = np.argsort(np.argsort(earned(told)))
    inputs = FeatureInputs.over(WORLD.feature_names, told.transition.features)
    forms = {
        "network": (Network(inputs, (16, 16)), Ensemble(3, n_steps=600)),
        "line": (Linear(WORLD.feature_names), MAP()),
    }
    gain = {}
    for name, (form, method) in forms.items():
        prior = Normal(form.prior_scale()) if name == "network" else Normal(3.0)
        found = t_rex(
            jax.random.key(7), told, form, ranks, length=10, method=method, prior=prior
        )
        acted = episodes(
            jax.random.key(8),
            WORLD,
            plan(WORLD, found.mean).policy,
            n_episodes=200,
            time_limit=10,
        )
        gain[name] = earned(acted)
    difference = gain["network"] - gain["line"]
    assert difference.mean() > 4 * difference.std() / np.sqrt(200)
    # And it does far better than who acted at random, whom it was learned from.
    error = np.hypot(gain["network"].std() / 14, earned(told).std() / 7)
    assert gain["network"].mean() - earned(told).mean() > 4 * error
