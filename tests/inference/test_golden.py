"""Answers of real people: fits that others have made, to the third decimal."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import bradley_terry as twin
from tests.reference.paths import sums
from volition.env import delivery
from volition.feedback import TIE, Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import MAP, Normal, fit
from volition.reward import Linear
from volition.store import read_delivery

# Logistic regression on the difference of summed features, no intercept, ties as half,
# penalty 1e-4 |w|^2 added to the mean loss and not counted in what is shown. Answers,
# share of ties and negative log-likelihood come with the data.
GROUPS = {
    "pr-question": (437, 0.20, 0.4976),
    "trained-control": (473, 0.13, 0.4986),
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_plain_fit_is_the_published_one(volition_data, group):
    world = delivery()
    n_answers, ties, expected = GROUPS[group]
    answers = read_delivery(volition_data / "delivery" / f"{group}.npz", world)
    choices = np.asarray(answers.choice)
    assert len(choices) == n_answers
    assert np.mean(choices == TIE) == pytest.approx(ties, abs=0.005)
    # 1e-4 n |w|^2 = |w|^2 / (2 scale^2)
    scale = (2e-4 * n_answers) ** -0.5
    belief = fit(
        Linear(world.feature_names),
        Boltzmann(choice=BradleyTerry()),
        Dataset.of(answers),
        MAP(),
        prior=Normal(scale),
    )
    assert float(belief.neg_log_likelihood()) == pytest.approx(expected, abs=0.002)
    ahead = sums(answers.options)[:, 0] - sums(answers.options)[:, 1]
    newton = twin.mode(ahead, choices, np.full(6, scale))
    np.testing.assert_allclose(belief.mode, newton, atol=1e-4)
    assert jnp.isfinite(belief.result.log_density)
