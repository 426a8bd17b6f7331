"""What a policy is found to do becomes a question."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import over_optimisation, refine
from volition.env import gridworld
from volition.evaluation import Estimate
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Laplace, Normal
from volition.policy import Always
from volition.probes import Rule
from volition.reward import Linear
from volition.study import Findings, Rounds, answered_by, forks, learn_from_answers
from volition.study.findings import _pairs
from volition.study.preferences import _questions
from volition.value.deep import PQN, Passes, Rollout

KEY = jax.random.key(3)
UP, DOWN, LEFT, RIGHT = range(4)
# To the right lies a pit, four steps away.
WORLD = gridworld(["S...X..G"], time_limit=12)
NAMES = WORLD.feature_names
PIT = Rule("out of the pit", "pit", most=0.0)
FINDINGS = Findings(
    (WORLD,), (PIT,), length=3, n_steps=8, n_episodes=6, share=0.5, lead=2
)
HUMAN = Boltzmann(choice=BradleyTerry())
PERSON = answered_by(HUMAN.judge(Linear(NAMES, jnp.array([-0.1, 1.0, -2.0]))))
LEARNER = PQN(64, rollout=Rollout(4, 8), passes=Passes(1, 1), n_stretches=1)
WORDS = {"n_episodes": 6, "length": 3, "n_steps": 8, "lead": 2}


def ask(finder_fn=None):
    found = learn_from_answers(
        KEY,
        WORLD,
        Linear(NAMES),
        HUMAN,
        PERSON,
        learner=LEARNER,
        rounds=Rounds((6, 6), 3, n_steps=8),
        method=Laplace(),
        prior=Normal(1.0),
        finder_fn=finder_fn,
    )
    return found, found.answers.answers()


def test_ways_part_before_the_breach_and_hold_their_action():
    seen = forks(KEY, WORLD, Always(RIGHT), (PIT,), **WORDS)
    state = np.asarray(seen.ways.transition.state.index)
    action = np.asarray(seen.ways.transition.action)
    # The fourth step falls into the pit: two before it is the one from column 1.
    assert (state[:, :, 0] == 1).all()
    assert (action[:, 0] == RIGHT).all()
    for held in range(4):
        assert (action[:, 1 + held] == held).all()
    # What was done falls, and so does the same action held; nothing else does.
    assert (np.asarray(seen.broken) == [True, False, False, False, True]).all()
    assert np.asarray(seen.ways.transition.features)[:, 0, 2, 2].tolist() == [1] * 6


def test_ways_part_anywhere_where_no_rule_is_broken():
    seen = forks(KEY, WORLD, Always(UP), (PIT,), **WORDS)
    assert not np.asarray(seen.broken)[:, :4].any()
    assert (np.asarray(seen.ways.present)).all()


def test_what_was_done_is_one_side_of_every_pair():
    seen = forks(KEY, WORLD, Always(RIGHT), (PIT,), **WORDS)
    members = np.asarray(_pairs(KEY, [seen, seen]).members)
    assert members.shape == (2 * 6 * 4, 2)
    done = members % 5 == 0
    assert (done.sum(axis=1) == 1).all()
    assert 0 < done[:, 0].sum() < len(members)
    assert (members // 5 == (members // 5)[:, :1]).all()


def test_what_is_found_is_asked_and_all_before_is_the_same():
    gave = []

    def finder(key, belief, policy, n_questions):
        gave.append(FINDINGS(key, belief, policy, n_questions))
        return gave[-1]

    found, said = ask(finder)
    (pairs,) = gave
    assert pairs.weight.shape == (3, 2, 3)
    # The first round asks as ever, the second what was found, and then as ever.
    first, asked = (
        jax.tree.map(lambda leaf, part=part: leaf[part], said.options)
        for part in (slice(6), slice(6, 9))
    )
    assert eqx.tree_equal(asked, pairs)
    _, without = ask()
    before = jax.tree.map(lambda leaf: leaf[:6], without.options)
    assert eqx.tree_equal(first, before)
    assert said.question.tolist() == list(range(12))
    assert (np.asarray(said.choice) >= 0).all()
    again, _ = ask(FINDINGS)
    assert eqx.tree_equal(found.policy, again.policy)
    assert eqx.tree_equal(found.posterior.mean, again.posterior.mean)


def test_a_finder_may_ask_all_but_no_more():
    ways = forks(KEY, WORLD, Always(RIGHT), (PIT,), **WORDS).ways
    found = jax.tree.map(lambda leaf: leaf[:2, :2], ways)
    pool = jax.tree.map(lambda leaf: leaf[1], ways)
    rounds = Rounds((2,), 3)
    four = jax.tree.map(lambda leaf: leaf[:4], pool)
    asked = _questions(four, rounds, None, KEY, 7, found)
    assert eqx.tree_equal(asked.options, found)
    assert asked.question.tolist() == [7, 8]
    two = jax.tree.map(lambda leaf: leaf[:2], pool)
    with pytest.raises(ValueError, match="gives 2 questions for a round of 1"):
        _questions(two, rounds, None, KEY, 7, found)


@pytest.mark.parametrize(
    "arguments, what",
    [
        ({"length": 9, "n_steps": 8}, "hold no segment of 9"),
        ({"n_episodes": 0}, "one episode for each"),
        ({"share": 0.0}, r"must be in \(0, 1\]"),
        ({"lead": -1}, "at least 0"),
    ],
)
def test_findings_that_cannot_be_are_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        Findings((WORLD,), (PIT,), **arguments)


def rising(noise=0.0):
    """Without: the logarithm of the number of answers; with: of twice as many."""
    counts = (8, 16, 32, 64)
    logs = np.log2(np.array(counts, dtype=float))[None, :, None]
    shift = np.array([0.0, 1.0])[:, None, None]
    drawn = noise * np.random.default_rng(0).normal(size=(2, 4, 10))
    return logs + shift + drawn, counts


def test_the_saving_is_how_far_two_curves_are_apart():
    found = refine.saving(*rising())
    assert found.value == pytest.approx(0.5)
    assert not found.has_interval  # all seeds are the same
    swapped, counts = rising()
    assert refine.saving(swapped[::-1], counts).value == pytest.approx(-1.0)
    noisy = refine.saving(*rising(0.3))
    assert noisy.low < 0.5 < noisy.high < 1.0
    flat = np.zeros((2, 4, 3))
    assert np.isnan(refine.saving(flat, counts).value)


def test_only_seeds_with_every_run_are_compared():
    rows = [
        {"seed": seed, "n_answers": n, "arm": arm, "returns": seed + n}
        for seed in (1, 2)
        for n in (16, 8)
        for arm in refine.ARMS
    ]
    values, counts = refine.table(rows[:-1], "returns")
    assert counts == (8, 16)
    assert values.tolist() == [[[9.0], [17.0]]] * 3


def test_runs_that_are_kept_are_reported_and_not_run_again(tmp_path, capsys):
    """All of them are kept here, so that nothing is learned."""
    weights = [0.0] * 14
    weights[0] = 1.0  # of speed
    kept = tmp_path / "rows"
    rows = [
        {
            "seed": refine.FIRST_SEED + seed,
            "n_answers": n,
            "arm": arm,
            "n_steps": 64,
            "returns": float(np.log2(n) + (arm == refine.WITH) + 0.1 * seed),
            "collisions": 9.0 if arm == refine.WITH else 10.0 + seed,
            "hours": 1.0,
            "weights": weights,
        }
        for seed in range(3)
        for n in (8, 16, 32)
        for arm in refine.ARMS
    ]
    kept.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = f"--seeds 3 --answers 8,16,32 --steps 64 --rows {kept} --json"
    refine.main(words.split())
    out = capsys.readouterr().out
    told = json.loads(out.splitlines()[-1])
    for name in (refine.WITHOUT, refine.MORE):
        beside = told[f"with findings, beside {name}"]
        assert beside["answers saved"]["value"] == pytest.approx(0.5)
        assert beside["collisions an hour, fewer"]["value"] == pytest.approx(2.0)
        assert beside["return, more"]["value"] == pytest.approx(1.0)
        assert beside["agreement, more"]["value"] == 0.0
    assert told["verdict"].count("pays: the same true return takes 50%") == 2
    assert 0.1 < told["8 answers, with"]["agreement"]["value"] < 1.0
    assert len(kept.read_text().splitlines()) == len(rows)


@pytest.mark.parametrize(
    "saved, words",
    [
        (Estimate(0.0, -0.4, 0.3, 10, ""), "is not shown to pay"),
        (Estimate(0.4, 0.1, 0.6, 10, ""), "as far as these seeds tell"),
        (Estimate(0.4, 0.3, 0.6, 10, ""), "questions pays: "),
    ],
)
def test_what_does_not_pay_is_said_so(saved, words):
    nothing = Estimate(0.0, -0.4, 0.3, 10, "")
    one = {
        "answers saved": saved,
        "answers saved at the same agreement": saved,
        "collisions an hour, fewer": nothing,
    }
    others = (refine.WITHOUT, refine.MORE)
    found = {f"with findings, beside {name}": one for name in others}
    assert refine.verdict(found).count(words) == 2


def test_the_curves_are_drawn(tmp_path):
    values = np.random.default_rng(0).normal(size=(2, 3))
    picture = tmp_path / "curve.png"
    over_optimisation.draw(picture, (1, 2, 4), {"few": (values, values)})
    assert picture.read_bytes().startswith(b"\x89PNG")
