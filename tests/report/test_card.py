"""Reward cards: what is printed is identified, and enough to foresee the reward."""

import dataclasses
import json
import re

import jax
import numpy as np
import pytest

from tests.evaluation.test_exchange import NAMES, believed
from tests.reference.paths import pairs, sums
from volition.env import Feature, delivery, gridworld
from volition.evaluation import (
    Estimate,
    cross_validate,
    influence,
    pair_agreement,
    short_form,
)
from volition.feedback import Dataset
from volition.inference import Laplace, Normal, Posterior, Signed, fit
from volition.policy import Random, rollout
from volition.probes import Audit, Check, Finding, Path, audit, replay
from volition.report.card import _went, card_record, reward_card
from volition.report.card_text import card_markdown, in_words
from volition.reward import Linear, delivery_true
from volition.study.simulated import person, simulate

FEATURES = (
    Feature("speed", "m/s", "along the lane"),
    Feature("crash", "1", "1 for the step that crashes"),
    Feature("rain", "1", "1 for a step in the rain"),
)
LANE = gridworld(["X.....G"])
FOUND = Finding("H1", "A loop pays.", Path((1, 2, 1), (3, 2)), 0)
CHECKS = (Check("H1", "ran", "every loop"), Check("H3", "skipped", "pass `truth=`"))


@pytest.fixture(scope="module")
def belief():
    differences = np.random.default_rng(3).normal(size=(64, 3)) * [1.0, 1.0, 0.0]
    return believed(differences, [2.0, -3.0, -1.0], Signed([1, -1, -1], 10.0))


@pytest.fixture(scope="module")
def card(belief):
    return reward_card(
        belief,
        FEATURES,
        "speed",
        jax.random.key(0),
        title="Drives",
        audit=Audit((FOUND,), CHECKS),
        env=LANE,
        reproduce="volition label drives",
    )


def test_it_says_what_is_known_and_what_is_not(card):
    text = card_markdown(card)
    rate = card.rates.rates["crash"]
    # The ends in words are sizes: a cost of 1.2 to 1.9, not of -1.9 to -1.2.
    assert (
        f"one crash costs {-rate.value:.3g} [{-rate.high:.3g}, {-rate.low:.3g}] m/s of "
        "speed" in text
    )
    assert "the answers say nothing about rain" in text
    assert "one rain" not in text  # no rate, as its sign is the prior's alone
    assert "64 of the kind Comparison; people not known" in text
    assert "has not seen is not known" in text
    assert "Verdict: **unsafe**" in text
    assert (
        "- Paying loop check: A loop pays. To be replayed: states [1, 2, 1], actions "
        "[3, 2]." in text
    )
    assert "- Hackability check skipped: pass `truth=`." in text
    assert text.endswith("    volition label drives\n")


def test_the_same_is_in_the_record(card):
    record = json.loads(json.dumps(card_record(card)))
    assert record["rates"].keys() == {"crash"}
    assert record["rates"]["crash"]["n"] == 64
    assert record["notes"].keys() == {"rain"}
    assert record["audit"]["findings"][0]["path"].startswith(LANE.describe(1))
    assert record["short_form"] is None
    assert record["evidence"] == {"Comparison": 64}


def test_rates_in_words_say_which_way_they_go():
    minute = Feature("time", "s", "on the way")
    crash, speed = FEATURES[1], FEATURES[0]
    rate, back = Estimate(3.0, 2.0, 4.0, 9, ""), Estimate(-3.0, -4.0, -2.0, 9, "")
    said = [
        in_words(crash, minute, rate, False),
        in_words(speed, minute, back, False),
        in_words(crash, speed, back, True),
        in_words(minute, crash, rate, True),
    ]
    assert said == [
        "one crash is as bad as 3 [2, 4] s of time",
        "1 m/s of speed makes up for 3 [2, 4] s of time",
        "one crash costs 3 [2, 4] m/s of speed",
        "1 s of time is as good as 3 [2, 4] crash",
    ]


def test_wrong_input_is_refused_in_a_sentence(belief):
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="give those of its world"):
        reward_card(belief, FEATURES[:2], NAMES[0], key)
    with pytest.raises(ValueError, match="give the world that was audited"):
        reward_card(belief, FEATURES, NAMES[0], key, audit=Audit((FOUND,), CHECKS))


def read_weights(text: str) -> dict[str, float]:
    """What a reader sees in the table of a card, and nothing else."""
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| (-?[\d.e+-]+) \[", text, re.MULTILINE)
    return {name: float(weight) for name, weight in rows}


@pytest.mark.slow
def test_who_has_read_the_card_foresees_the_reward_of_deliveries():
    world, keys = delivery(), jax.random.split(jax.random.key(4), 4)
    said = simulate(keys[0], world, delivery_true(), 1000)
    answers, form = Dataset.of(said), Linear(world.feature_names)
    believed = fit(form, person(), answers, prior=Normal(10.0))
    mean = believed.mean
    seen = rollout(keys[1], world, Random(4), n_segments=200, length=5)
    card = reward_card(
        believed,
        world.feature_info,
        "mud",
        keys[2],
        title="Deliveries",
        score=cross_validate(
            form, person(), answers, Laplace(), prior=Normal(10.0), n_folds=3
        ),
        short=short_form(mean, world.feature_names, seen, world=world),
        movers=influence(believed),
        audit=audit(mean, world),
        env=world,
    )
    text = card_markdown(card)
    json.dumps(card_record(card))
    for heading in ("Evidence", "In short", "What moved it", "Audit", "Again"):
        assert f"## {heading}" in text
    # Of what is so bad that nobody chose it, the interval lies far from the truth (25
    # mud), and is not told; what is told is right.
    weights = dict(zip(world.feature_names, delivery_true().weights, strict=True))
    assert "sheep" not in card.rates.rates
    assert "on one side only" in card.rates.notes["sheep"]
    assert len(card.rates.rates) >= 1
    for name, rate in card.rates.rates.items():
        true = float(weights[name] / weights["mud"])
        width = rate.high - rate.low
        assert rate.low - 0.5 * width < true < rate.high + 0.5 * width, name
    # 50 pairs that nobody was asked about, foreseen from the text alone.
    fresh = pairs(9, world, 50, 3)
    told = read_weights(text)
    assert tuple(told) == world.feature_names
    total = sums(fresh)
    foreseen = total @ np.array(list(told.values()))
    model = total @ np.asarray(mean.weights)
    ahead = (foreseen[:, 0] - foreseen[:, 1]) * (model[:, 0] - model[:, 1])
    decided = model[:, 0] != model[:, 1]
    assert (ahead[decided] > 0).mean() >= 0.85
    assert pair_agreement(model.ravel(), foreseen.ravel()).value >= 0.95
    assert card.audit is not None
    for finding in card.audit.findings:
        replay(world, mean, finding.path)


def test_a_posterior_that_did_not_converge_is_flagged(belief):
    assert _went(belief) == belief.result.message
    lost = dataclasses.replace(belief.result, converged=False)
    flagged = _went(Posterior(belief.problem, belief.mode, belief.belief, lost))
    assert flagged.startswith("NOT CONVERGED")
    assert flagged.endswith(belief.result.message)
