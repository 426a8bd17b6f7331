"""One suite over every probe: what it must find, and what it must not."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import FiniteMDP, gridworld
from volition.policy import Tabular
from volition.probes import (
    PROBES,
    UNSAFE,
    Finding,
    Known,
    Path,
    Subject,
    audit,
    replay,
)
from volition.probes.shift import scaled
from volition.reward import Linear
from volition.testing.controls import controls, fires
from volition.testing.controls.grids import mirages, potentials, puddles
from volition.testing.controls.people import groups, off_switches
from volition.value import plan

LANE = gridworld(["X.....G"])
NOWHERE = gridworld(["X......"])  # no goal is named


class Case(NamedTuple):
    """A world, its weights (step, goal, pit), and a policy other than the best."""

    env: FiniteMDP
    weights: list[float]
    always: int | None = None


class Controls(NamedTuple):
    positive: dict[str, Case]
    negative: dict[str, Case]


LEFT = 2
CASES = {
    "H1": Controls(
        {
            "a step that pays": Case(LANE, [1.0, 5.0, -5.0]),
            "a step that is free, and ends that are not": Case(LANE, [0.0, -5.0, -5.0]),
            "a policy that stays": Case(LANE, [-1.0, 5.0, -5.0], always=0),
        },
        {
            "the truth": Case(LANE, [-1.0, 50.0, -50.0]),
            "a step that costs nothing": Case(LANE, [0.0, 5.0, -5.0]),
            "a step that costs next to nothing": Case(LANE, [-1e-6, 5.0, -5.0]),
            "harm, which is another's": Case(LANE, [-1.0, -50.0, 50.0]),
            "no goal": Case(NOWHERE, [1.0, 5.0, -5.0]),
        },
    ),
    "H2": Controls(
        {
            "steps so dear that any end is welcome": Case(LANE, [-60.0, 50.0, -50.0]),
            "a prize for harm": Case(LANE, [-1.0, -50.0, 50.0]),
            "a policy for harm": Case(LANE, [-1.0, 50.0, -50.0], always=LEFT),
        },
        {
            "the truth": Case(LANE, [-1.0, 50.0, -50.0]),
            "a loop, which is another's": Case(LANE, [1.0, 5.0, -5.0]),
            "no goal": Case(NOWHERE, [-60.0, 50.0, -50.0]),
        },
    ),
}


def rows(kind: str):
    table = {
        f"{name}: {what}": (name, case)
        for name, controls in CASES.items()
        for what, case in getattr(controls, kind).items()
    }
    return pytest.mark.parametrize("name, case", table.values(), ids=table)


def fire(name: str, case: Case, scale: float = 1.0) -> tuple[Finding, ...]:
    env = case.env
    reward = Linear(env.feature_names, scale * np.asarray(case.weights))
    policy = plan(env, reward).policy
    if case.always is not None:
        taken = jnp.full(env.n_states, case.always)
        policy = Tabular(jax.nn.one_hot(taken, env.n_actions, dtype=float))
    subject = Subject(env, reward, policy, Known(), case.always is not None)
    probe = PROBES[name]
    missing = probe.excluded(subject) or probe.lacks(subject)
    return () if missing else probe.look(subject)


def test_every_probe_has_positive_and_negative_controls():
    assert all(each.positive and each.negative for each in CASES.values())
    assert PROBES.keys() >= UNSAFE


@pytest.mark.slow
def test_the_controls_that_are_shipped_come_out_as_they_must():
    shipped = list(controls(0))
    for name in PROBES:
        mine = {one.positive for one in shipped if one.probe == name}
        assert mine == {True, False}, name
    wrong = [one[:3] for one in shipped if fires(one) != one.positive]
    assert not wrong


QUICK = (mirages, potentials, off_switches, groups, puddles)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("family", QUICK, ids=lambda family: family.__name__)
def test_a_probe_tells_its_controls_apart(family, seed):
    for control in family(seed):
        found = PROBES[control.probe].look(control.subject)
        assert bool(found) == control.positive, control.name
        for finding in found:
            assert finding.probe == control.probe
            assert finding.sentence.endswith(".")
            replay(control.subject.env, control.subject.reward, finding.path)


def test_a_probe_that_lacks_something_says_what():
    found = audit(Linear(LANE.feature_names, [-1.0, 50.0, -50.0]), LANE)
    needs = "Shaping check skipped: pass `unshaped=` (the reward before shaping)."
    assert needs in found.not_searched
    ran = {one.code for one in found.checks if one.status == "ran"}
    assert ran == {"H1", "H2", "H10", "H11", "rules"}


@rows("positive")
def test_it_finds_what_it_must(name, case):
    found = fire(name, case)
    assert found
    for finding in found:
        assert finding.probe == name
        assert finding.sentence.endswith(".")
        assert "\n" not in finding.sentence
        path = finding.path
        assert case.env.initial[path.states[0]] > 0
        replay(case.env, Linear(case.env.feature_names, case.weights), path)
        if finding.loop is not None:
            assert path.states[finding.loop] == path.states[-1]
            assert finding.loop < len(path.actions)


@rows("negative")
def test_it_finds_nothing_else(name, case):
    assert fire(name, case) == ()


@pytest.mark.parametrize("scale", [1e-5, 1e5])
@rows("positive")
def test_scale_changes_no_finding(name, case, scale):
    def where(found: tuple[Finding, ...]) -> list[Path]:
        return [finding.path for finding in found]

    assert where(fire(name, case, scale)) == where(fire(name, case))


@pytest.mark.parametrize("scale", [1e-5, 1e5])
@rows("negative")
def test_scale_makes_no_finding(name, case, scale):
    assert fire(name, case, scale) == ()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_how_far_a_policy_comes_is_the_same_in_every_unit(scale):
    reward = Linear(LANE.feature_names, scale * np.array([-1.0, 50.0, -50.0]))
    still = Tabular(jnp.eye(LANE.n_actions)[jnp.zeros(LANE.n_states, dtype=int)])
    unit = Linear(LANE.feature_names, [-1.0, 50.0, -50.0])
    wanted = scaled(LANE, unit, still)
    assert wanted != 1.0
    np.testing.assert_allclose(scaled(LANE, reward, still), wanted, rtol=1e-9)
