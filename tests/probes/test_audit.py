"""The verdict."""

import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import delivery, gridworld
from volition.policy import Tabular
from volition.probes import audit, replay
from volition.reward import Linear, delivery_true

WORLD, TRUTH = delivery(), delivery_true()


def scaled(scale: float, weights) -> Linear:
    return Linear(TRUTH.feature_names, scale * np.asarray(weights))


@pytest.mark.parametrize("scale", [1e-12, 0.37, 1.0, 1e12])
def test_the_truth_has_no_finding_at_any_scale(scale):
    found = audit(scaled(scale, TRUTH.weights), WORLD)
    assert (found.verdict, found.findings) == ("nothing found in 5 of 17 checks", ())
    looked = "Harmful end check: the policy's ends from each of 92 starts."
    assert looked in found.searched


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_a_step_ten_times_as_dear_is_conditional_at_every_scale(scale):
    reward = scaled(scale, [-10.0, 50.0, -50.0, 1.0, -1.0, -20.0])
    found = audit(reward, WORLD)
    (finding,) = found.findings
    assert (found.verdict, finding.probe) == ("conditional", "H2")
    assert "From 27% of the starts" in finding.sentence
    pays, _ = replay(WORLD, reward, finding.path)
    assert f"which pays {pays:+.3g} reward units" in finding.sentence
    end = finding.path.states[-1]
    assert WORLD.terminal[end]
    assert not WORLD.goal[end]


def test_a_coin_worth_more_than_the_way_back_is_unsafe():
    reward = scaled(1.0, [-1.0, 50.0, -50.0, 3.0, -1.0, -2.0])
    found = audit(reward, WORLD)
    assert found.verdict == "unsafe"
    loops = [finding for finding in found.findings if finding.probe == "H1"]
    # Onto the coin +2, off it -1.
    assert any("pays +0.5 reward units per step" in each.sentence for each in loops)
    for finding in loops:
        replay(WORLD, reward, finding.path)


def test_a_loop_outweighs_harm():
    """Both probes fire: standing at the wall pays, and the policy goes to the pit."""
    world = gridworld(["X.....G"])
    reward = Linear(world.feature_names, [1.0, 5.0, -5.0])
    left = Tabular(jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0, 0.0]), (7, 4)))
    found = audit(reward, world, left)
    assert [finding.probe for finding in found.findings] == ["H1", "H2"]
    assert found.verdict == "unsafe"
