"""The benchmarks at tiny size: what they compute, never how long it takes."""

import dataclasses
import importlib.util
import json
import sys
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import (
    active,
    adversarial,
    cartpole,
    cartpole_volition,
    peers,
    planning,
    preferences,
    q_learning,
    q_learning_loops as loops,
    tabular as learners,
    tabular_loops,
    transfer,
)
from benchmarks.measure import Measurement, measurement, ratio, report
from volition import feedback, human, inference, reward, value

N_STEPS = 2_000
KEY = jax.random.key(5)
HAS_NUMBA = importlib.util.find_spec("numba") is not None


def replayed_by(loop):
    successors, paid, terminal, _ = q_learning.table()
    first, *drawn = q_learning.draws(N_STEPS, KEY)
    return loop(successors, paid, terminal, first, *drawn, q_learning.STEP_SIZE, 1.0)


def test_the_python_loop_learns_our_table_from_our_numbers():
    expected = q_learning.ours(N_STEPS)(KEY).q
    np.testing.assert_allclose(replayed_by(loops.replayed), expected, atol=1e-12)
    assert np.abs(expected).max() > 1.0


@pytest.mark.skipif(not HAS_NUMBA, reason="numba is absent: pip install numba.")
def test_the_numba_loop_learns_our_table_from_our_numbers():
    expected = q_learning.ours(N_STEPS)(KEY).q
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's, about NumPy
        found = replayed_by(loops.compiled(loops.replayed))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_every_loop_finds_the_way_along_the_cliff():
    """Its first move is up, and 13 steps are needed: no value is above -13."""
    successors, paid, terminal, start = q_learning.table()
    settings = (20_000, q_learning.STEP_SIZE, q_learning.EXPLORATION, 1.0)
    lists = (successors.tolist(), paid.tolist(), terminal.tolist(), start)
    found = {
        "python, table": loops.textbook_on_table(*lists, *settings),
        "arrays": loops.drawing(successors, paid, terminal, start, *settings),
        "python, gymnasium": loops.textbook_on_gymnasium("CliffWalking-v1", *settings),
    }
    assert {name: max(q[start]) for name, q in found.items()} == dict.fromkeys(
        found, -13.0
    )


@pytest.mark.parametrize("name", learners.LEARNERS)
def test_each_learners_loop_learns_our_table_from_our_numbers(name):
    """In a world with chance, and with an end.

    Of few steps: where two values are nearly equal, rounding decides in the end.
    """
    world, paid = learners.garnet(7)
    ends = jnp.arange(7) == 3
    world = eqx.tree_at(lambda world: world.terminal, world, ends)
    method = learners.method(name, 120, n_stretches=2)
    found = value.learn(KEY, world, paid, method)
    given = learners.numbers(KEY, world, paid, method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's, about NumPy
        theirs = learners.peer(name, learners.arrays(world, paid), 120, given=given)
    np.testing.assert_allclose(theirs, found.q, rtol=1e-12, atol=1e-12)
    assert np.abs(theirs).max() > 1.0
    assert int(found.curve.n_episodes.sum()) > 1


def test_every_learner_has_a_loop():
    public = {kind.__name__ for kind in learners.LEARNERS.values()}
    assert len(public) == len(tabular_loops.LOOPS) == 13
    assert learners.LEARNERS.keys() == tabular_loops.LOOPS.keys()


def test_a_loop_that_draws_learns_the_way_along_the_cliff():
    """13 steps are needed: no value at the start is above -13."""
    world = learners.arrays(*learners.cliff())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's, about NumPy
        found = learners.peer("Q-learning", world, 20_000)
    assert found[world.start].max() == -13.0


def test_a_missing_peer_is_named_with_its_remedy():
    with pytest.raises(SystemExit, match="pip install nosuchmodule"):
        loops.needed("nosuchmodule.part")


def test_taxi_is_solved():
    found, best, _ = q_learning.taxi(600_000)
    assert found == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    "world",
    [planning.garnet(40), planning.garnet(700), planning.maze(28, 0.1, 0.999)],
    ids=["random, dense", "random, sparse", "maze, sparse"],
)
def test_both_planners_agree(world):
    mdp, reward = world
    peer = planning.Sparse(mdp, np.asarray(value.expected_reward(mdp, reward)))
    ours = np.asarray(value.plan(mdp, reward).value)
    assert peer.residual(ours) <= planning.RESIDUAL
    theirs = peer.solve(1e-8)
    assert peer.residual(theirs) <= 1e-8
    # Two values with small residuals differ by at most their sum / (1 - discount).
    left = peer.residual(ours) + peer.residual(theirs)
    gap = left / (1.0 - float(mdp.discount))
    np.testing.assert_allclose(ours, theirs, atol=1.01 * gap, rtol=0)


def test_a_large_world_reports_its_residual():
    found = planning.large(700)
    assert found["residual"] <= planning.RESIDUAL
    assert set(found) == {"build", "total", "peak", "residual"}


def test_the_report_ends_in_one_json_line_each(capsys):
    lines = [
        measurement("walk", "volition", "hot", "s", [1.0, 2.0, 6.0]),
        ratio("walk", "hot", [1.0, 2.0], [4.0, 4.0]),
        Measurement("walk", "peer", "hot", "s", 3.0, 3.0, 3.0, 1, recorded=True),
    ]
    report(lines, as_json=True)
    printed = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in printed[3:]] == [
        dataclasses.asdict(line) for line in lines
    ]
    assert (lines[0].median, lines[0].low, lines[0].high) == (2.0, 1.0, 6.0)
    assert (lines[1].low, lines[1].high) == (2.0, 4.0)
    assert "recorded" in printed[2]


@pytest.mark.parametrize("case", cartpole.CASES["volition"])
def test_a_run_on_cart_pole_ends_where_it_is_good_enough(case):
    learner = cartpole_volition.method(case)
    key, each = jax.random.key(0), learner.n_steps
    first = cartpole_volition.learn(key, learner, 10 * each, 5.0)
    assert first.steps == each
    assert 5.0 <= first.mean <= 500.0
    assert first.taken > 0.0
    longest = cartpole_volition.learn(key, learner, 2 * each, 501.0)
    assert longest.steps == 2 * each


def test_the_figures_of_cart_pole_have_their_names():
    told = [{"hot": hot, "total": 5.0 + hot, "steps": 100} for hot in (3.0, 1.0, 2.0)]
    found = {
        (who, case): cartpole.lines(who, case, told)
        for who, cases in cartpole.CASES.items()
        for case in cases
    }
    named = cartpole.keys(found)
    assert set(named) == {
        f"{who}{case}_{metric}_s"
        for who, case in [
            ("", "pqn"),
            ("", "dqn"),
            ("rejax_", "pqn"),
            ("rejax_", "dqn"),
            ("sb3_", "dqn"),
        ]
        for metric in ("hot", "total")
    }
    assert (named["pqn_hot_s"], named["sb3_dqn_total_s"]) == (2.0, 7.0)


def test_every_peer_has_its_recorded_figures():
    for who in cartpole.NEEDS:
        for case in cartpole.CASES[who]:
            assert len(cartpole.recorded(who, case)) == 3


def test_a_peer_is_asked_by_one_line_of_json(tmp_path):
    script = tmp_path / "peer.py"
    script.write_text(
        "import json, sys; print('noise'); print(json.dumps(sys.argv[1:]))"
    )
    assert peers.ask(sys.executable, script, "dqn", 3) == ["dqn", "3"]


def test_an_environment_that_is_there_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLITION_CACHE", str(tmp_path))
    place = tmp_path / "peers" / "one"
    place.mkdir(parents=True)
    (place / "complete.json").write_text('["a==1", "b==2"]')
    assert peers.environment("one", ["b==2", "a==1"]) == place / "bin" / "python"


def test_asking_well_learns_faster_than_asking_at_random():
    """Of ten people, after six questions: the means are far apart."""
    likeness = {
        name: np.asarray(active.interviews(1, active.RULES[name], 10, 6))
        for name in ("random", "information gain")
    }
    assert all(each.shape == (10, 6) for each in likeness.values())
    gap = likeness["information gain"][:, -1] - likeness["random"][:, -1]
    assert gap.mean() > 2 * gap.std(ddof=1) / 10**0.5
    lines = active.lines("information gain", np.repeat(likeness["random"], 5, axis=1))
    assert [line.recorded for line in lines[:2]] == [False, True]
    assert lines[0].low < lines[0].median < lines[0].high


def test_the_posterior_that_is_timed_is_one():
    person = human.Boltzmann(choice=preferences.CHOICES["without ties"])
    known = feedback.Dataset.of(preferences.answers(0, 4, person))
    assert len(known) == preferences.N_ANSWERS
    belief = preferences.believed(4, person, known, inference.Laplace())
    assert belief.result.converged
    # A person of length 5, as its prior says on average.
    assert 1.0 < float(jnp.linalg.norm(belief.mean.weights)) < 15.0


def test_the_way_is_as_long_as_counted_before_and_after_the_wall_moves():
    """From the top left corner: down, across and up again, or across and down."""
    worlds = transfer.mazes()
    truth = np.zeros(30)
    truth[transfer.PRIZE[0] * transfer.N_COLUMNS + transfer.PRIZE[1]] = 1.0
    goal = reward.Tabular(jnp.asarray(truth))
    found = [value.plan(world, goal).value[0] for world in (worlds[1], worlds[2])]
    # A prize n steps away, paid for ever, is worth 0.9^n / (1 - 0.9).
    np.testing.assert_allclose(found, [0.9 ** (4 + 5 + 2) * 10, 0.9 ** (5 + 2) * 10])
    assert transfer.score(worlds.after, goal) == pytest.approx(1.0)
    acting = transfer.expert(worlds.shown)
    assert (
        transfer.score(worlds.after, acting)
        < 0.1
        < transfer.score(worlds.before, acting)
    )


@pytest.mark.slow
def test_a_reward_of_the_state_goes_where_one_of_actions_and_a_clone_do_not():
    worlds, settings = transfer.mazes(), {"clone of the policy": (0.1,)}
    of = lambda what: f"AIRL, reward of {what}"
    settings |= dict.fromkeys([of("the state"), of("state and action")], (0.0, 0.03))
    found = {
        name: transfer.transferred(0, worlds, name, setting)
        for name, setting in settings.items()
    }
    assert all(one["before"] > 0.8 for one in found.values())
    assert found[of("the state")]["after"] >= 0.9
    assert found[of("state and action")]["after"] < 0.3
    assert found["clone of the policy"]["after"] < 0.1


@pytest.mark.slow
def test_every_method_is_tuned_by_as_many_settings():
    assert {len(settings) for _, settings in transfer.METHODS.values()} == {9}
    found = transfer.tried("clone of the policy", transfer.mazes())
    assert set(found[0]) == {"setting", "likelihood", "before", "after"}
    # Too much prior belief is as likely as chance would have it; a little is best.
    likely = [one["likelihood"] for one in found]
    assert np.log(0.25) < likely[-1] < max(likely[1:-1])


TOLD = [
    {
        "total": 3.0 + seed,
        "taken": 0.5,
        "steps": 8192,
        "mean": 480.0,
        "fresh": 490.0,
        "anew_steps": 16384,
        "anew_fresh": 470.0,
    }
    for seed in range(3)
]


def test_the_figures_of_a_contest_have_their_names():
    found = {case: adversarial.lines(case, TOLD, None) for case in adversarial.CASES}
    named = adversarial.keys(found)
    assert set(named) == {
        f"{kind}{case}{unit}"
        for case in ("airl", "gail")
        for kind, unit in [
            ("", "_s"),
            ("", "_hot_s"),
            ("ratio_", ""),
            ("imitation_", "_s"),
        ]
    }
    assert (named["airl_s"], named["gail_hot_s"]) == (4.0, 0.5)
    assert named["ratio_airl"] == pytest.approx(186.0 / 4.0)
    shown = [(line.metric, line.recorded) for line in found["airl"]]
    assert shown[3:6] == [
        ("return", False),
        ("return of fresh episodes", False),
        ("seconds", True),
    ]
    assert len(shown) == len(found["gail"]) + 2


@pytest.mark.slow
def test_a_contest_is_won_and_told_of():
    told = adversarial.runs("volition", "airl", 1)
    assert set(told[0]) == set(TOLD[0])
    assert 475.0 <= told[0]["mean"] <= 500.0
    assert told[0]["anew_steps"] < 200_000  # of the reward alone, true returns of 475
    shown, made_up = (adversarial.lines("airl", one, None) for one in (told, TOLD))
    assert len(shown) == len(made_up)
