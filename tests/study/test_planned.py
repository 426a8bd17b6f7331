"""Learning in a table by asking: where it lands, and that the key decides."""

import jax
import numpy as np
import pytest

from volition.env import gridworld
from volition.human import Boltzmann, BradleyTerry
from volition.reward import Linear, Scaled
from volition.study import answered_by, learn_by_planning
from volition.testing.controls.grids import LANE_FEATURES, LANE_LEGEND
from volition.value import plan

WORLD = gridworld(
    ["Sww.G", ".....", "....."], LANE_LEGEND, LANE_FEATURES, discount=0.95
)
TRUTH = Linear(WORLD.feature_names, [-1.0, 20.0, -20.0, -5.0])
PERSON = Boltzmann(choice=BradleyTerry())


def learned(seed: int, n_answers: int = 40):
    return learn_by_planning(
        jax.random.key(seed),
        WORLD,
        Linear(WORLD.feature_names),
        PERSON,
        answered_by(PERSON.judge(Scaled(TRUTH, 2.0))),
        n_answers=n_answers,
        n_rounds=4,
        length=8,
        n_steps=20,
    )


@pytest.mark.slow
def test_it_comes_to_the_dry_way_and_the_key_decides():
    found, again = learned(0), learned(0)
    assert len(found.problem.answers) == 40
    np.testing.assert_array_equal(
        np.asarray(found.mean.weights), np.asarray(again.mean.weights)
    )
    best, own = plan(WORLD, TRUTH).policy, plan(WORLD, found.mean).policy
    # From the start on: down, right four times, up.
    for state in (0, 5, 6, 7, 8, 9):
        taken = [np.argmax(each.probabilities[state]) for each in (best, own)]
        assert taken[0] == taken[1], state


def test_answers_come_in_equal_rounds():
    with pytest.raises(ValueError, match="30 answers cannot be asked for in 4 equal"):
        learned(0, n_answers=30)
