"""Sequential Monte Carlo: against a fine grid, and what it says of itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, one, pairs, rows, sums
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import NUTS, Laplace, Normal, Sequential, fit
from volition.reward import AbstractReward, Linear

HUMAN = Boltzmann(choice=BradleyTerry())
SCALE, N_ANSWERS = 2.0, 12
seeds = pytest.mark.parametrize("seed", [3])


def case(seed):
    """A world of two features, and answers that favour large ones: a skewed belief."""
    world = featured_world(seed, n_features=2, terminal=(1, 4))
    options = pairs(seed, world, N_ANSWERS, 3)
    ahead = sums(options)[:, 0] - sums(options)[:, 1]
    truth = np.array([1.5, -1.0])
    choices = np.where(ahead @ truth > 0, 0, 1)
    return world, answered(options, choices), ahead, choices


def infer(world, answers, method, seed, **arguments):
    arguments = {"prior": Normal(SCALE)} | arguments
    reward, key = Linear(world.feature_names), jax.random.key(seed)
    return fit(reward, HUMAN, answers, method, key=key, **arguments)


def on_grid(ahead, choices):
    """Mean, standard deviation and third central moment of each weight."""
    line = np.linspace(-6 * SCALE, 6 * SCALE, 241)
    weights = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    log_density = -0.5 * np.sum((weights / SCALE) ** 2, axis=1)
    for row, choice in zip(ahead, choices, strict=True):
        better = weights @ row if choice == 0 else -weights @ row
        log_density -= np.logaddexp(0.0, -better)
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    mean = density @ weights
    sd = np.sqrt(density @ (weights - mean) ** 2)
    return mean, sd, density @ (weights - mean) ** 3


def check_against_grid(belief, ahead, choices):
    mean, sd, third = on_grid(ahead, choices)
    n_effective = belief.result.diagnostics["n_effective"]
    draws = np.asarray(belief.belief.draws)
    error = sd / np.sqrt(n_effective)
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * error).all()
    # Of a variance, with a kurtosis of at most 5: 4 sd^4 / n.
    assert (np.abs(draws.var(axis=0) - sd**2) < 8 * sd**2 / np.sqrt(n_effective)).all()
    # The Gaussian around the maximum would be wrong by more than that.
    return mean, error, third


@seeds
def test_it_begins_where_a_fine_grid_says(seed):
    world, answers, ahead, choices = case(seed)
    belief = infer(world, Dataset.of(answers), Sequential(), seed)
    mean, error, third = check_against_grid(belief, ahead, choices)
    assert belief.result.diagnostics["n_effective"] > 1000
    laplace = infer(world, Dataset.of(answers), Laplace(), seed)
    assert (np.abs(np.asarray(laplace.mode) - mean) > 4 * error).any()
    draws = np.asarray(belief.belief.draws)
    skew = ((draws - draws.mean(axis=0)) ** 3).mean(axis=0)
    assert (np.sign(skew) == np.sign(third)).all()


@seeds
def test_an_answer_at_a_time_it_goes_where_a_fine_grid_says(seed):
    world, answers, ahead, choices = case(seed)
    belief = infer(world, Dataset.empty(), Sequential(), seed)
    known = Dataset.empty()
    for number in range(N_ANSWERS):
        known = known.append(one(answers, number))
        belief = infer(world, known, Sequential(belief), 100 * seed + number)
    check_against_grid(belief, ahead, choices)
    assert belief.result.diagnostics["n_effective"] > 1000


@seeds
def test_several_answers_of_which_one_surprises(seed):
    """The last posterior and the next hardly overlap: several bridges."""
    world, answers, ahead, choices = case(seed)
    before = infer(world, Dataset.empty(), Sequential(), seed)
    belief = infer(world, Dataset.of(answers), Sequential(before), seed)
    assert belief.result.diagnostics["n_bridges"] > 1
    check_against_grid(belief, ahead, choices)


@seeds
def test_it_goes_on_from_draws_of_another_sampler(seed):
    world, answers, ahead, choices = case(seed)
    part = Dataset.of(rows(answers, slice(N_ANSWERS - 1)))
    before = infer(world, part, NUTS(n_draws=2000), seed)
    after = part.append(one(answers, N_ANSWERS - 1))
    belief = infer(world, after, Sequential(before, n_draws=1500), seed)
    assert belief.belief.draws.shape == (1500, 2)
    check_against_grid(belief, ahead, choices)


@seeds
def test_the_effective_draws_are_as_many_as_it_says(seed):
    """Means of runs with other keys vary as that many independent draws would."""
    world, answers, ahead, choices = case(seed)
    mean, sd, _ = on_grid(ahead, choices)
    part = Dataset.of(rows(answers, slice(N_ANSWERS - 1)))
    after = part.append(one(answers, N_ANSWERS - 1))
    means, effective = [], []
    for number in range(40):
        before = infer(world, part, Sequential(n_draws=200), 1000 + number)
        belief = infer(world, after, Sequential(before, n_draws=200), 2000 + number)
        means.append(np.asarray(belief.belief.draws).mean(axis=0))
        effective.append(belief.result.diagnostics["n_effective"])
    distance = np.mean(np.sum(((np.array(means) - mean) / sd) ** 2, axis=1))
    claimed = 2.0 / np.mean(effective)
    # 80 squares of about unit variance, if the two weights were independent.
    assert distance < claimed * (1.0 + 4.0 * np.sqrt(2.0 / 40.0))
    assert np.mean(effective) > 100


@seeds
def test_the_same_key_gives_the_same_bits(seed):
    world, answers, _, _ = case(seed)
    part = Dataset.of(rows(answers, slice(5)))
    before = infer(world, part, Sequential(n_draws=200), seed)
    after = part.append(one(answers, 5))
    here, there, other = (
        np.asarray(infer(world, after, Sequential(before, 200), key).belief.draws)
        for key in (1, 1, 2)
    )
    assert here.tobytes() == there.tobytes()
    assert (here != other).any()


class Broken(AbstractReward):
    """A number only where its weights are what they were first."""

    weights: jax.Array

    def __call__(self, transition):
        value = jnp.dot(transition.features, self.weights)
        return jnp.where(jnp.max(jnp.abs(self.weights)) > 1e-9, jnp.nan, value)

    @property
    def feature_names(self):
        return ("f0", "alive")


@seeds
def test_it_says_so_where_it_fails(seed):
    _, answers, _, _ = case(seed)
    reward, key = Broken(jnp.zeros(2)), jax.random.key(seed)
    found = fit(reward, HUMAN, Dataset.of(answers), Sequential(), key=key, throw=False)
    assert not found.result.converged
    with pytest.raises(RuntimeError, match="inference did not converge"):
        fit(reward, HUMAN, Dataset.of(answers), Sequential(), key=key)


@seeds
def test_what_it_cannot_go_on_from_is_refused(seed):
    world, answers, _, _ = case(seed)
    whole, part = Dataset.of(answers), Dataset.of(rows(answers, slice(5)))
    belief = infer(world, whole, Sequential(n_draws=200), seed)
    with pytest.raises(ValueError, match=r"not the first of these: begin anew\.$"):
        infer(world, part, Sequential(belief), seed)
    swapped = Dataset.of(rows(answers, np.arange(N_ANSWERS)[::-1]))
    with pytest.raises(ValueError, match=r"not the first of these: begin anew\.$"):
        infer(world, swapped, Sequential(belief), seed)
    with pytest.raises(ValueError, match=r"another prior: begin anew\.$"):
        infer(world, whole, Sequential(belief), seed, prior=Normal(1.0))
    laplace = infer(world, whole, Laplace(), seed)
    with pytest.raises(ValueError, match=r"holds no draws to go on from"):
        Sequential(laplace)
    with pytest.raises(ValueError, match=r"n_draws = 99 must be at least 100\.$"):
        Sequential(n_draws=99)
