"""One suite over every probe: what it must find, and what it must not."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import FiniteMDP, gridworld
from volition.policy import Tabular
from volition.probes import Finding, Path, replay
from volition.probes.audit import PROBES, UNSAFE
from volition.reward import Linear
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
            "a step that costs nothing": Case(LANE, [0.0, 5.0, -5.0]),
            "a policy that stays": Case(LANE, [-1.0, 5.0, -5.0], always=0),
        },
        {
            "the truth": Case(LANE, [-1.0, 50.0, -50.0]),
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
    return PROBES[name](env, reward, policy)


def test_every_probe_has_positive_and_negative_controls():
    assert CASES.keys() == PROBES.keys()
    assert PROBES.keys() >= UNSAFE
    assert all(each.positive and each.negative for each in CASES.values())


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
