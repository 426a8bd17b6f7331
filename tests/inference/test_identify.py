"""What the answers leave open is named."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs, rows, sums
from volition.env import Feature, FiniteMDP
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry, Davidson
from volition.inference import (
    MAP,
    Normal,
    Problem,
    fisher_information,
    fit,
    unidentified,
)
from volition.reward import Linear, Shaped, Tabular

SEED = 3
N = 80


NAMES = ("speed", "rain", "tilt", "wind")
DRAWN = np.random.default_rng(SEED).normal(size=(8, 3, 1, 4))


def open_directions(features, human=None, scale=3.0):
    made = featured_world(SEED)
    world = FiniteMDP(
        made.successor,
        made.probability,
        terminal=made.terminal,
        initial=made.initial,
        features=features,
        feature_info=tuple(Feature(name, "1", "made up") for name in NAMES),
        discount=0.9,
    )
    options = pairs(SEED, world, N, 3)
    choices = np.random.default_rng(SEED).integers(0, 2, N)
    answers = Dataset.of(answered(options, choices))
    human = Boltzmann(choice=BradleyTerry()) if human is None else human
    problem = Problem(Linear(NAMES), human, answers, Normal(np.broadcast_to(scale, 4)))
    return unidentified(problem, problem.start), sums(options)


@pytest.mark.parametrize(
    "human", [None, Boltzmann(choice=Davidson())], ids=["Bradley-Terry", "Davidson"]
)
def test_nothing_is_named_where_everything_is_told(human):
    assert open_directions(DRAWN, human)[0] == ()


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_feature_that_never_varies_is_named(constant):
    # Paths are equally long, so one that is always 1 differs between them no more than
    # one that is always 0.
    features = DRAWN.copy()
    features[..., 1] = constant
    found, _ = open_directions(features)
    assert len(found) == 1
    np.testing.assert_allclose(np.abs(found[0].weights), [0, 1, 0, 0], atol=1e-7)
    assert found[0].shrinkage == pytest.approx(1.0, abs=1e-9)
    assert found[0].sentence == (
        "the answers say nothing about rain: its posterior is as wide as 100% of its "
        "prior."
    )


def test_what_never_varies_is_named_one_by_one():
    # Beside two features that are always 0, two that are always the same.
    features = DRAWN.copy()
    features[..., [0, 2]] = 0.0
    features[..., 3] = features[..., 1]
    found, _ = open_directions(features)
    said = [direction.sentence.split(":")[0] for direction in found]
    assert said[:2] == [
        "the answers say nothing about speed",
        "the answers say nothing about tilt",
    ]
    assert "nothing about the combination" in said[2]
    assert len(said) == 3


@pytest.mark.parametrize("scales, part", [((3, 3, 3, 3), 0.71), ((3, 3, 1, 3), 0.32)])
def test_a_combination_that_never_varies_is_named(scales, part):
    # rain - tilt is 0 everywhere, so weights (w + x, w' - x) cannot be told from
    # (w, w'); in units of the prior that is (x / 3, -x / 3), or (x / 3, -x / 1).
    features = DRAWN.copy()
    features[..., 2] = features[..., 1]
    found, _ = open_directions(features, scale=np.array(scales, dtype=float))
    assert len(found) == 1
    said = found[0].sentence.split(":")[0]
    assert "nothing about the combination" in said
    assert [name in said for name in NAMES] == [False, True, True, False]
    weights = np.asarray(found[0].weights)
    assert min(abs(weights[1]), abs(weights[2])) == pytest.approx(part, abs=0.01)
    assert np.sign(weights[1]) == -np.sign(weights[2])
    np.testing.assert_allclose(weights[[0, 3]], 0.0, atol=1e-7)


def test_little_is_said_about_what_hardly_varies():
    features = DRAWN.copy()
    features[..., 3] *= 0.05
    found, total = open_directions(features, scale=1.0)
    assert len(found) == 1
    assert "the answers say little about wind" in found[0].sentence
    # At weights 0, P = 1/2: information d^2 / 4 for each answer; the others are known
    # so well that they cost the last one little.
    ahead = total[:, 0] - total[:, 1]
    information = ahead.T @ ahead / 4
    rest = np.linalg.solve(information[:3, :3], information[:3, 3])
    left = information[3, 3] - information[3, :3] @ rest
    assert found[0].shrinkage == pytest.approx(1 / np.sqrt(1 + left), rel=0.01)


def test_what_is_not_known_of_the_person_is_not_known_of_the_reward():
    # The posterior of the reward with the person left open is a block of the inverse of
    # the whole precision; its widths in units of the prior are what is reported.
    world = featured_world(SEED)
    answers = Dataset.of(answered(pairs(SEED, world, 4, 3), [0, 1, 2, 0]))
    human, prior = Boltzmann(choice=Davidson()), Normal(0.4)
    problem = Problem(Linear(world.feature_names), human, answers, prior)
    free = jnp.array([1.5, -1.0, 0.5, 0.3])
    scale = np.asarray(problem.prior_scale())
    whole = np.asarray(fisher_information(problem, free)) * np.outer(scale, scale)
    widths = np.sqrt(np.linalg.eigvalsh(np.linalg.inv(whole + np.eye(4))[:3, :3]))
    known = np.sqrt(np.linalg.eigvalsh(np.linalg.inv(whole[:3, :3] + np.eye(3))))
    assert np.abs(widths - known).max() > 1e-3  # it does matter here
    found = [direction.shrinkage for direction in unidentified(problem, free)]
    expected = sorted(widths[widths > np.sqrt(0.5)], reverse=True)
    assert len(found) > 1
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_without_answers_everything_is_open():
    problem = Problem(
        Linear(("a", "b")), Boltzmann(), Dataset.empty(), Normal(jnp.array([1.0, 5.0]))
    )
    found = unidentified(problem, problem.start)
    assert [direction.shrinkage for direction in found] == [1.0, 1.0]
    assert all("nothing" in direction.sentence for direction in found)


def test_a_table_over_states_is_fitted_and_unvisited_states_are_named():
    world = featured_world(SEED)
    options = pairs(SEED, world, N, 2)
    seen = np.zeros((N, 2, 8))
    for path in np.ndindex(N, 2):
        for state in np.asarray(options.transition.state.index)[path]:
            seen[(*path, state)] += 1.0
    # Keep the questions that never touch states 1 and 6.
    keep = seen[..., [1, 6]].sum(axis=(1, 2)) == 0
    assert 5 < keep.sum() < N
    truth = np.array([2.0, 0.0, -1.0, 0.5, 3.0, -2.0, 0.0, 1.0])
    better = np.where((seen @ truth)[:, 0] > (seen @ truth)[:, 1], 0, 1)[keep]
    answers = answered(rows(options, keep), better)
    belief = fit(
        Tabular(jnp.zeros(8)),
        Boltzmann(choice=BradleyTerry()),
        Dataset.of(answers),
        MAP(),
        prior=Normal(2.0),
    )
    values = np.asarray(belief.mean.values)
    np.testing.assert_allclose(values[[1, 6]], 0.0, atol=1e-6)
    told = (seen[keep] @ values)[:, 0] > (seen[keep] @ values)[:, 1]
    assert np.mean(told == (better == 0)) > 0.9
    sentences = [direction.sentence for direction in belief.unidentified()]
    for state in (1, 6):
        assert any(f"nothing about parameter {state}:" in said for said in sentences)
    # Two steps each: a constant is no difference, but a combination of all others.
    constant = np.where(np.isin(np.arange(8), [1, 6]), 0.0, 1.0)
    constant /= np.linalg.norm(constant)
    span = np.array([d.weights for d in belief.unidentified() if d.shrinkage > 0.999])
    np.testing.assert_allclose(np.linalg.norm(span @ constant), 1.0, atol=1e-6)


def test_parameters_without_a_name_have_a_number():
    reward = Shaped(Linear(("a", "b")), jnp.zeros(8), 0.9)
    problem = Problem(reward, Boltzmann(), Dataset.empty(), Normal())
    assert len(problem.names()) == problem.n_reward == 2 + 8 + 1
    assert len(unidentified(problem, problem.start)) == 11
