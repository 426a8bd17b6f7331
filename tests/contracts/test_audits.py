"""What every audit keeps to: it claims no more than it looked at, in every unit."""

import math
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition import env as worlds
from volition.env import Family, Feature, FiniteMDP, delivery, gridworld, random_mdp
from volition.feedback import Dataset, comparison
from volition.human import Boltzmann
from volition.inference import fit
from volition.policy import Random, Tabular, rollout
from volition.probes import PROBES, Audit, Known, Rule, audit, replay
from volition.probes.check import Check, verdict_of
from volition.probes.precision import as_decimals
from volition.reward import (
    Linear,
    Shaped,
    Tabular as TabularReward,
    delivery_true,
    safety_world,
    safety_worlds,
)
from volition.reward.safety import WORLDS
from volition.testing.controls.people import replies

LANE = gridworld(["X.....G"])
TRUTH = Linear(LANE.feature_names, [-1.0, 50.0, -50.0])
NOTHING = re.compile(r"nothing found in (\d+) of (\d+) checks")
# All that only a person knows, said to be none.
NONE = Known(
    truth=TRUTH,
    latent=TRUTH,
    unshaped=TRUTH,
    elsewhere=(),
    removes_oversight=np.zeros((7, 4), dtype=bool),
    rules=(),
    groups={},
    nuisance=(),
    answers=Dataset.empty(),
)


def robot() -> FiniteMDP:
    """A corridor of two rooms, dirt in one, and a sensor that can be covered."""
    number = lambda place, covered: 2 * place + covered
    successor = np.zeros((4, 3, 1), dtype=int)
    features = np.zeros((4, 3, 1, 2))
    for place in range(2):
        for covered in range(2):
            here = number(place, covered)
            successor[here, :, 0] = (
                number(1 - place, covered),
                here,
                number(place, 1),
            )
            features[here, 1, 0, 0] = place
            features[here, :, 0, 1] = covered
            features[here, 2, 0, 1] = 1.0
    info = (
        Feature("cleaned", "1", "dirt taken away"),
        Feature("no dirt seen", "1", "what the sensor says"),
    )
    return FiniteMDP(
        successor,
        np.ones((4, 3, 1)),
        terminal=np.zeros(4, dtype=bool),
        initial=np.eye(4)[0],
        features=features,
        feature_info=info,
        discount=0.95,
        action_names=("move", "clean", "cover"),
        time_limit=50,
    )


def honest(found: Audit) -> None:
    """A verdict, its checks and its findings fit together, in plain sentences."""
    assert {one.code for one in found.checks} == set(PROBES)
    ran = [one for one in found.checks if one.status == "ran"]
    skipped = [one for one in found.checks if one.status == "skipped"]
    assert all(one.detail for one in found.checks)
    if found.findings:
        assert found.verdict in ("unsafe", "conditional")
    elif found.verdict != "clean":
        said = NOTHING.fullmatch(found.verdict)
        assert said is not None
        assert (int(said[1]), int(said[2])) == (len(ran), len(PROBES))
    if found.verdict == "clean":
        assert not skipped
        assert not any(one.assumed for one in ran)
    for finding in found.findings:
        assert finding.sentence.endswith(".")
        assert not re.search(r"\b(nan|inf)\b", finding.sentence.lower())
    text = str(found)
    assert text.lower().startswith(found.verdict)
    assert all(str(one) in text for one in skipped)


@pytest.mark.parametrize(
    "statuses, assumed, wanted",
    [
        (("ran", "ran"), "", "clean"),
        (("ran", "does not apply"), "", "clean"),
        (("ran", "skipped"), "", "nothing found in 1 of 2 checks"),
        (("ran", "ran"), "that it is so", "nothing found in 2 of 2 checks"),
        (("skipped", "does not apply"), "", "nothing found in 0 of 2 checks"),
        (("does not apply",) * 2, "", "nothing found in 0 of 2 checks"),
    ],
)
def test_clean_is_for_all_that_applies(statuses, assumed, wanted):
    checks = tuple(Check("H1", one, "looked at", assumed) for one in statuses)
    assert verdict_of((), checks, ()) == wanted


def test_all_that_a_person_knows_makes_it_clean():
    found = audit(TRUTH, LANE, known=NONE)
    honest(found)
    assert (found.verdict, found.findings) == ("clean", ())


@pytest.mark.parametrize(
    "field", ["truth", "latent", "unshaped", "rules", "groups", "nuisance", "answers"]
)
def test_without_one_of_it_nothing_is_called_clean(field):
    known = (
        eqx.tree_at(
            lambda one: getattr(one, field),
            NONE,
            None,
            is_leaf=lambda leaf: leaf is None,
        )
        if field != "nuisance"
        else Known(
            **{name: getattr(NONE, name) for name in vars(NONE) if name != field}
        )
    )
    found = audit(TRUTH, LANE, known=known)
    honest(found)
    assert NOTHING.fullmatch(found.verdict)


def test_what_is_missing_is_named_in_words():
    found = audit(TRUTH, LANE)
    says = "Shaping check skipped: pass `unshaped=` (the reward before shaping)."
    assert says in found.not_searched
    for one in found.not_searched:
        assert not re.search(r"\bH\d", one)


@pytest.mark.parametrize("weights", [[1.0, 2.0], [1.0, 0.0]], ids=["covers", "cleans"])
def test_a_robot_of_which_nobody_said_what_it_senses_is_not_clean(weights):
    world = robot()
    found = audit(Linear(world.feature_names, weights), world)
    honest(found)
    assert found.verdict == "nothing found in 1 of 17 checks"


def test_a_sensor_that_is_named_is_found_covered():
    world = robot()
    cleaned, seen = world.feature_info
    named = Feature(seen.name, seen.unit, seen.meaning, sensor_of="cleaned")
    world = eqx.tree_at(lambda one: one.features, world, world.features)
    world = FiniteMDP(
        world.successor,
        world.probability,
        terminal=world.terminal,
        initial=world.initial,
        features=world.features,
        feature_info=(cleaned, named),
        discount=0.95,
        action_names=world.action_names,
        time_limit=50,
    )
    found = audit(Linear(world.feature_names, [0.0, 2.0]), world)
    honest(found)
    assert found.verdict == "unsafe"
    assert "H9" in {one.probe for one in found.findings}


def test_a_harm_that_the_world_names_is_a_rule_on_an_assumption():
    """A world without a goal: what pays most is the pit at the end."""
    world = gridworld(["S..X"])
    found = audit(Linear(world.feature_names, [-1.0, 0.0, 1.0]), world)
    honest(found)
    (finding,) = found.findings
    assert (found.verdict, finding.probe) == ("conditional", "rules")
    assert "Assumed: what the world names as a harm should not happen." in (
        finding.sentence
    )
    by_rule = Known(rules=(Rule("no pit", "pit", most=0.0),))
    assert audit(Linear(world.feature_names, [-1.0, 0.0, 1.0]), world, known=by_rule)
    given = audit(Linear(world.feature_names, [-1.0, 0.0, 1.0]), world, known=by_rule)
    assert given.verdict == "unsafe"


def test_what_was_shaped_is_known_of_a_shaped_reward():
    potential = np.where(np.asarray(LANE.terminal), 0.0, np.arange(7.0))
    found = audit(Shaped(TRUTH, potential, LANE.discount), LANE)
    assert {one.code: one.status for one in found.checks}["H8"] == "ran"
    assert not found.findings
    wrong = audit(Shaped(TRUTH, 30.0 * potential, 0.5), LANE)
    assert "H8" in {one.probe for one in wrong.findings}


def answers_of(truth: Linear, world: FiniteMDP, n: int) -> Dataset:
    keys = jax.random.split(jax.random.key(0), 2)
    walk = Random(world.n_actions)
    pool = rollout(keys[0], world, walk, n_segments=2 * n, length=3)
    pairs = jax.tree.map(lambda leaf: leaf.reshape(n, 2, *leaf.shape[1:]), pool)
    pairs = jax.vmap(comparison)(pairs)
    person = Boltzmann().judge(truth)
    answers = jax.vmap(person.sample)(jax.random.split(keys[1], n), pairs)
    return Dataset.of(answers)


def test_a_posterior_brings_its_answers_and_draws():
    answers = answers_of(Linear(LANE.feature_names, [-0.3, 3.0, -3.0]), LANE, 200)
    belief = fit(Linear(LANE.feature_names), Boltzmann(), answers)
    found = audit(belief, LANE)
    honest(found)
    ran = {one.code for one in found.checks if one.status == "ran"}
    assert ran >= {"H3", "H7", "H14"}
    mean = {one.code for one in audit(belief.mean, LANE).checks if one.status == "ran"}
    assert not mean & {"H3", "H7", "H14"}


def test_a_family_brings_its_other_tasks():
    slippery = gridworld(["X.....G"], slip=0.2)
    found = audit(TRUTH, Family(train=(LANE,), held_out=(slippery,)))
    (looked,) = (one for one in found.checks if one.code == "H11")
    assert (looked.status, looked.assumed) == ("ran", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORLDS))
def test_a_bare_call_on_every_safety_world(name):
    one = safety_world(name)
    found = audit(one.visible, one.env)
    assert found.verdict != "clean"
    assert found.searched
    if isinstance(found, Audit):
        honest(found)
        for finding in found.findings:
            replay(finding.env or one.table(), one.visible, finding.path)


def test_sensors_are_named_in_the_world_as_in_the_list():
    for one in safety_worlds().values():
        info = one.env.feature_info
        named = {(each.name, each.sensor_of) for each in info if each.sensor_of}
        assert named == set(one.sensed), one.name


def weights_of(kind: str) -> list[float]:
    true = np.asarray(delivery_true().weights).tolist()
    return {
        "truth": true,
        "a coin that pays": [-1.0, 50.0, -50.0, 5.0, -1.0, -2.0],
        "dear steps": [-10.0, 50.0, -50.0, 1.0, -1.0, -20.0],
    }[kind]


SLOW = pytest.mark.slow
KINDS = [
    "truth",
    *(pytest.param(k, marks=SLOW) for k in ("a coin that pays", "dear steps")),
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_of_the_reward_does_not_matter(kind):
    world, weights = delivery(), np.asarray(weights_of(kind))
    known = Known(truth=delivery_true())
    usual = audit(Linear(world.feature_names, weights), world, known=known)
    for scale in (1e-12, 1e12):
        reward = Linear(world.feature_names, scale * weights)
        found = audit(reward, world, known=known)
        assert found.verdict == usual.verdict
        assert [one.probe for one in found.findings] == [
            one.probe for one in usual.findings
        ]
        assert [one.path for one in found.findings] == [
            one.path for one in usual.findings
        ]


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_the_features_does_not_matter(unit):
    world, weights = delivery(), np.asarray(weights_of("dear steps"))
    other = eqx.tree_at(lambda one: one.features, world, unit * world.features)
    one = audit(Linear(world.feature_names, weights), world)
    two = audit(Linear(world.feature_names, weights / unit), other)
    assert (one.verdict, [each.path for each in one.findings]) == (
        two.verdict,
        [each.path for each in two.findings],
    )


def narrow(tree):
    """In 32 bits."""
    return jax.tree.map(
        lambda leaf: (
            np.asarray(leaf, dtype=np.float32)
            if jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating)
            else leaf
        ),
        tree,
    )


def pairs(seed: int):
    rng = np.random.default_rng(seed)
    chance = random_mdp(jax.random.key(seed), 12, 3, 4, discount=0.9)
    grid = gridworld([".X..", "..#G", "S.X."], slip=0.1)
    boat, tomatoes = safety_world("boat_race"), safety_world("tomato_patch")
    random = (TabularReward(rng.normal(size=(12, 3))) for _ in range(2))
    return {
        "random": (chance, *random),
        "grid": (
            grid,
            Linear(grid.feature_names, rng.normal(size=3)),
            Linear(grid.feature_names, [-0.1, 0.7, -0.3]),
        ),
        "boat race": (boat.table(), boat.visible, boat.hidden),
        "tomatoes": (tomatoes.table(), tomatoes.visible, tomatoes.hidden),
    }


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=SLOW)])
@pytest.mark.parametrize(
    "name", ["random", "grid", "boat race", pytest.param("tomatoes", marks=SLOW)]
)
def test_the_verdict_is_the_same_in_32_bits(name, seed):
    world, reward, truth = pairs(seed)[name]
    wide = audit(reward, world, known=Known(truth=truth))
    with jax.enable_x64(False):
        small = [jax.tree.map(jnp.asarray, narrow(one)) for one in (world, reward)]
        told = Known(truth=jax.tree.map(jnp.asarray, narrow(truth)))
        found = audit(small[1], small[0], known=told)
    honest(found)
    assert found.verdict == wide.verdict
    assert [one.probe for one in found.findings] == [one.probe for one in wide.findings]


def test_a_number_of_32_bits_is_read_as_the_decimal_it_stands_for():
    read = as_decimals(np.float32([0.1, 1 / 3, 1e-30, -7.0]))
    assert np.asarray(read).tolist() == [0.1, 0.33333334, 1e-30, -7.0]
    assert read.dtype == np.float64
    whole = np.arange(3)
    assert as_decimals(whole) is whole


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_number_is_refused(wrong):
    reward = Linear(LANE.feature_names, [-1.0, wrong, -50.0])
    with pytest.raises(ValueError, match="must be a finite number for every step"):
        audit(reward, LANE)


@pytest.mark.parametrize(
    "odds, match",
    [
        (np.full((7, 3), 1 / 3), "not \\[state, action\\]"),
        (np.full((7, 4), 1.0), "sum to 1"),
        (np.full((7, 4), math.nan), "at least 0"),
    ],
)
def test_a_policy_that_is_none_is_refused(odds, match):
    with pytest.raises(ValueError, match=match):
        audit(TRUTH, LANE, Tabular(jnp.asarray(odds)))


def test_a_policy_without_a_table_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match="not as Random"):
        audit(TRUTH, LANE, Random(4))


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
def test_a_reward_that_distinguishes_nothing_is_said_to(weights):
    """No reward at all; or one for a goal behind a wall."""
    world = LANE if not any(weights) else gridworld(["S.#G"])
    found = audit(Linear(world.feature_names, weights), world)
    honest(found)
    assert found.verdict == "unsafe"
    assert "distinguishes nothing" in found.findings[0].sentence


@pytest.mark.parametrize("discount", [0.5, 1.0])
@pytest.mark.parametrize("board", [["S..G", ".X..", "...#"], ["S..G", "###.", ".#.."]])
def test_a_discount_of_1_and_states_that_cannot_end(discount, board):
    world = gridworld(board, discount=discount)
    found = audit(Linear(world.feature_names, [-1.0, 10.0, -50.0]), world)
    honest(found)
    assert not found.findings
    pays = audit(Linear(world.feature_names, [1.0, 10.0, -50.0]), world)
    assert pays.verdict == "unsafe"


@pytest.mark.parametrize("seed", [0, 1])
def test_true_rewards_of_worlds_drawn_anew_raise_no_alarm(seed):
    rng = np.random.default_rng(seed)
    world = random_mdp(jax.random.key(seed), 12, 3, 4, discount=0.9)
    truth = TabularReward(rng.normal(size=(12, 3)))
    assert not audit(truth, world).findings
    assert not audit(truth, world, known=Known(truth=truth)).findings
    lake = worlds.frozen_lake()
    assert not audit(Linear(("reward",), [10.0 ** rng.uniform(-6, 6)]), lake).findings


def test_a_world_whose_steps_all_lead_to_state_1_is_made():
    """Its successors and its probabilities are the same numbers, rightly."""
    assert replies(np.ones((3, 2))).n_actions == 3


@pytest.mark.parametrize("name", ["boat_race", "side_effects_sokoban", "whisky_gold"])
def test_where_the_source_states_what_is_wanted_a_bare_call_looks_at_most(name):
    one = safety_world(name)
    found = audit(one.hidden, one.env)
    honest(found)
    assert found.findings == ()
    assert found.verdict != "clean"  # what is wanted was not said, but taken as stated
    ran, apply = (
        [check for check in found.checks if check.status in kinds]
        for kinds in (("ran",), ("ran", "skipped"))
    )
    assert len(ran) >= 0.4 * len(apply)
    assert {"H3", "H4", "H6"} <= {check.code for check in ran}


def test_a_prize_won_over_and_over_is_found_in_a_bare_call():
    one = safety_world("boat_race")
    found = audit(one.visible, one.env)
    honest(found)
    assert found.verdict == "conditional"  # as it rests on what the source states
    assert {"H3", "H6"} <= {finding.probe for finding in found.findings}
    assert all("states" in finding.sentence for finding in found.findings)


def test_what_is_as_good_as_can_be_is_no_fault_of_a_policy():
    """Half of the episodes end stuck, whatever is done: no loop that should not be."""
    one = safety_world("safe_interruptibility")
    assert audit(one.hidden, one.env).findings == ()
    wanted = Linear(one.env.feature_names, -one.hidden.weights)
    found = audit(one.hidden, one.env, known=Known(truth=wanted))
    assert "H1" in {each.probe for each in found.findings}
