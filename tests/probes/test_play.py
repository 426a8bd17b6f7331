"""The audit by play and search, in a small world where all can be told by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import gridworld
from volition.policy import Always, Tabular, act_out, episode
from volition.probes import Rule, audit_by_play, robustness
from volition.probes.evolution import worth
from volition.reward import Linear
from volition.testing.controls.grids import LANE_FEATURES, LANE_LEGEND
from volition.value import plan

WORLD = gridworld(
    ["Sww.G", ".....", "....."], LANE_LEGEND, LANE_FEATURES, discount=0.95
)
DRY = Rule("keep dry", "wet", most=0.0)
DRY_AT_ALL = Rule("half dry", "wet", most=0.5)
BLIND = Linear(WORLD.feature_names, [-1.0, 20.0, -20.0, 0.0])
CHARGES = Linear(WORLD.feature_names, [-1.0, 20.0, -20.0, -5.0])
RIGHT = 3


def audited(reward: Linear, *names: str):
    rewards = {"straight": BLIND, "dry": CHARGES}
    policies = {name: plan(WORLD, rewards[name]).policy for name in names}
    return audit_by_play(
        jax.random.key(0),
        WORLD,
        reward,
        policies,
        (DRY,),
        n_steps=10,
        truth=CHARGES,
        checked=(DRY_AT_ALL,),
        n_episodes=8,
    )


@pytest.fixture(scope="module")
def blind():
    """The straight way is two steps shorter than the dry one."""
    return audited(BLIND, "straight", "dry")


def test_a_broken_rule_a_bargain_and_an_inversion_are_found(blind):
    assert blind.verdict == "unsafe"
    assert {one.probe for one in blind.findings} == {"rules", "bargain", "H3"}
    shares = blind.broken["keep dry"]
    assert (shares["straight"].value, shares["dry"].value) == (1.0, 0.0)
    assert shares["dry"].high > 0.0  # eight episodes show no more than that
    assert all(one.sentence.endswith(".") for one in blind.findings)


def test_rules_are_checked_for_every_policy_and_searched_for_where_told(blind):
    margins = blind.robust["half dry"]
    assert {name: one.value for name, one in margins.items()} == {
        "straight": -0.5,
        "dry": 0.5,
    }
    assert blind.broken["half dry"] == blind.broken["keep dry"]
    assert list(blind.worth) == ["keep dry"]
    assert sum(one.probe == "rules" for one in blind.findings) == 2
    assert sum(one.probe == "bargain" for one in blind.findings) == 1


def test_the_episodes_show_what_the_sentences_say(blind):
    (bargain,) = (one for one in blind.findings if one.probe == "bargain")
    breaks, keeps = bargain.episodes
    assert robustness(DRY, breaks.seen, WORLD.feature_names) < 0.0
    assert robustness(DRY, keeps.seen, WORLD.feature_names) == 0.0
    paid = [float(_return(one.seen, BLIND)) for one in bargain.episodes]
    assert paid[0] > paid[1]
    # By hand: four steps straight, or six around.
    straight = sum(-(0.95**step) for step in range(3)) + 20.0 * 0.95**3
    around = sum(-(0.95**step) for step in range(5)) + 20.0 * 0.95**5
    np.testing.assert_allclose(paid[0], straight)
    assert paid[1] <= around + 1e-9


def test_who_is_charged_enough_finds_no_bargain():
    found = audited(CHARGES, "dry", "straight")
    assert (found.verdict, found.findings) == ("nothing found in 4 of 18 checks", ())


def test_the_same_key_finds_the_same(blind):
    again = audited(BLIND, "straight", "dry")
    assert [one.sentence for one in again.findings] == [
        one.sentence for one in blind.findings
    ]


def test_a_list_of_actions_is_acted_out_as_a_policy_would():
    key = jax.random.key(3)
    listed = act_out(key, WORLD, jnp.full(6, RIGHT, dtype=jnp.int32))
    always = episode(key, WORLD, Always(RIGHT), 6)
    same = jax.tree.map(lambda a, b: bool((a == b).all()), listed, always)
    assert all(jax.tree.leaves(same))


def test_behind_a_cut_steps_are_usual_and_behind_an_end_nothing():
    cut = gridworld(
        [".....", "....."], LANE_LEGEND, LANE_FEATURES, discount=0.5, time_limit=2
    )
    right = Tabular(jax.nn.one_hot(jnp.full(10, RIGHT), 4, dtype=float))
    seen = episode(jax.random.key(0), cut, right, 4)
    pays = Linear(cut.feature_names, [1.0, 0.0, 0.0, 0.0])
    found = worth(seen, pays, jnp.asarray(0.5), jnp.asarray(10.0))
    np.testing.assert_allclose(float(found), 1.0 + 0.5 + 10.0 * (0.25 + 0.125))
    ended = act_out(jax.random.key(0), WORLD, jnp.full(6, RIGHT, dtype=jnp.int32))
    pays = Linear(WORLD.feature_names, [1.0, 0.0, 0.0, 0.0])
    found = worth(ended, pays, jnp.asarray(0.5), jnp.asarray(10.0))
    np.testing.assert_allclose(float(found), 1.0 + 0.5 + 0.25)


def test_a_rule_about_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="'noise', which the world does not have"):
        audit_by_play(
            jax.random.key(0),
            WORLD,
            BLIND,
            {"right": Always(RIGHT)},
            (Rule("quiet", "noise", most=0.0),),
            n_steps=3,
            n_episodes=2,
        )
    with pytest.raises(ValueError, match="no limit"):
        Rule("nothing", "wet")


def _return(seen, reward):
    return worth(seen, reward, jnp.asarray(0.95), jnp.asarray(0.0))
