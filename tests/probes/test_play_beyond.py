"""The audit by play beyond the world, the evidence and the pressure of one policy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Feature, Tile, gridworld
from volition.feedback import Dataset, comparison
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Laplace, Normal, fit
from volition.policy import Always, Random, rollout
from volition.probes import audit_by_play
from volition.reward import Linear
from volition.testing.controls.grids import (
    AFTER,
    BEFORE,
    LANE_FEATURES,
    LANE_LEGEND,
)
from volition.value import plan

RIGHT = 3
KEY = jax.random.key(0)
TILES = (
    Feature("gold", "1", "1 for a step that ends on gold"),
    Feature("glitter", "1", "1 for a step that ends where it glitters"),
)
LEGEND = {
    "S": Tile(start=True),
    ".": Tile(),
    "g": Tile(ground=("gold",)),
    "l": Tile(ground=("glitter",)),
    "b": Tile(ground=("gold", "glitter")),
}


def fired(found):
    return {one.probe for one in found.findings}


@pytest.fixture(scope="module")
def moved():
    """The lava has moved: who walks straight in one world burns in the other."""
    here, there = (
        gridworld(board, LANE_LEGEND, LANE_FEATURES, discount=0.9)
        for board in (BEFORE, AFTER)
    )
    reward = Linear(here.feature_names, [-1.0, 20.0, -20.0, 0.0])
    policies = {"straight": plan(here, reward).policy, "around": plan(there, reward)}
    policies["around"] = policies["around"].policy
    return audit_by_play(
        KEY,
        here,
        reward,
        policies,
        n_steps=12,
        truth=reward,
        elsewhere={"the other lane": there, "the same lane": here},
        n_episodes=6,
    )


def test_who_falls_behind_elsewhere_is_found_there_and_only_there(moved):
    (finding,) = moved.findings
    assert (finding.probe, moved.verdict) == ("H11", "conditional")
    assert finding.sentence.startswith("In the other lane, straight is wanted")
    names = [one.name for one in finding.episodes]
    assert names == ["straight", "around"]
    ends = [float(one.seen.transition.features[:, 2].max()) for one in finding.episodes]
    assert ends == [1.0, 0.0]  # the one burns, the other does not
    assert all(one.env is not None for one in finding.episodes)


def test_what_could_not_be_looked_at_is_listed(moved):
    status = {one.code: one.status for one in moved.checks}
    assert status["H7"] == "skipped"
    assert status["H11"] == status["H4"] == "ran"  # and the last found nothing


def test_more_pressure_and_less_of_what_is_wanted_is_found():
    """The reward pays for every tile to the right, the truth for the first of them."""
    world = gridworld(["Sgggbbbb"], LEGEND, TILES, discount=1.0, time_limit=20)
    reward = Linear(world.feature_names, [1.0, 0.5])
    truth = Linear(world.feature_names, [1.0, -2.0])
    found = audit_by_play(
        KEY,
        world,
        reward,
        {"right": Always(RIGHT)},
        n_steps=20,
        truth=truth,
        n_episodes=8,
    )
    (finding,) = found.findings
    assert (finding.probe, found.verdict) == ("H4", "conditional")
    many, few = (one.seen.transition.features for one in finding.episodes)
    earned = [float((each @ jnp.array([1.0, 0.5])).sum()) for each in (many, few)]
    wanted = [float((each @ jnp.array([1.0, -2.0])).sum()) for each in (many, few)]
    assert earned[0] > earned[1]
    assert wanted[0] < wanted[1]


@pytest.fixture(scope="module")
def belief():
    """What is better of walks on which there is gold or glitter, and never both."""
    world = gridworld(["Sgl.", ".lg."], LEGEND, TILES, discount=1.0)
    pool = rollout(KEY, world, Random(4), n_segments=80, length=4, n_steps=8)
    person = Boltzmann(choice=BradleyTerry())
    judge = person.judge(Linear(world.feature_names, [1.0, 1.0]))
    options = jax.tree.map(lambda leaf: leaf.reshape(40, 2, *leaf.shape[1:]), pool)
    questions = jax.vmap(comparison)(options)
    said = jax.vmap(judge.sample)(jax.random.split(KEY, 40), questions)
    form = Linear(world.feature_names)
    return fit(form, person, Dataset.of(said), Laplace(), prior=Normal(1.0))


@pytest.mark.parametrize("board, expected", [("Sb", {"H7"}), ("Sg", set())])
def test_what_no_evidence_says_and_the_policy_seeks_is_found(belief, board, expected):
    world = gridworld([board], LEGEND, TILES, discount=1.0)
    found = audit_by_play(
        KEY,
        world,
        belief.mean,
        {"right": Always(RIGHT)},
        n_steps=6,
        belief=belief,
        n_episodes=4,
    )
    assert fired(found) == expected
    nothing = "nothing found in 1 of 18 checks"
    assert found.verdict == ("unsafe" if expected else nothing)
    skipped = {one.code for one in found.checks if one.status == "skipped"}
    assert skipped >= {"H3", "H4", "H11"}
    for one in found.findings:
        assert "of its steps (n = 4 episodes)" in one.sentence
        assert np.asarray(one.episodes[0].seen.transition.features).all()
