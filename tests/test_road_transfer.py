"""The benchmarks of imitation at tiny size: what they compute, never its time."""

import json

import numpy as np
import pytest

from benchmarks import adversarial, road_transfer as roads
from volition.inference.irl import Alternatives


def made_up(returns):
    """A seed in which everybody has these returns, on both roads."""
    who = {
        "true reward": returns[0],
        roads.LEARNED: returns[1],
        "clone": returns[2],
        "AIRL": returns[2] + 0.5,
        "GAIL": returns[2] + 1.0,
        "expert of the highway": returns[2],
    }
    scores = {
        name: {road: {"return": value, "crashes": 0.25} for road in roads.ROADS}
        for name, value in who.items()
    }
    return {"scores": scores, "seconds": {"clone": returns[0]}, "reward": "made up"}


def test_the_table_compares_seed_by_seed():
    rows = [made_up((4.0, 3.0, 1.0)), made_up((6.0, 5.0, 3.5))]
    still = {"always braking": {road: {"return": 1.0} for road in roads.ROADS}}
    told = roads.table(rows, still)
    ahead = told[f"merge, {roads.LEARNED} - clone"]
    # 2 and 1.5: the standard error is 1/4, and of t with 1 degree of freedom 12.706.
    np.testing.assert_allclose(
        ahead, [1.75, 1.75 - 12.706 / 4.0, 1.75 + 12.706 / 4.0], atol=1e-3
    )
    # (3 - 1) / (5 - 1) and (5 - 1) / (5 - 1).
    assert told["highway, closed"][0] == pytest.approx(0.75)
    assert told["highway, GAIL - clone"][0] == pytest.approx(1.0)
    assert told["merge, AIRL"]["crashes"] == 0.25
    assert told["seconds"] == {"clone": 5.0}
    json.dumps(told)


def test_imitation_is_shown_as_measured_or_as_recorded():
    ours = [
        {"total": total, "taken": 1.0, "steps": 8192, "mean": 480.0, "fresh": 470.0}
        for total in (4.0, 6.0)
    ]
    theirs = [
        {"total": total, "steps": 500_000, "mean": mean, "fresh": mean}
        for total, mean in ((100.0, 490.0), (240.0, 300.0))
    ]
    now = adversarial.lines("gail", ours, theirs)
    assert now[-1].metric == "ratio_gail"
    assert (now[-1].low, now[-1].high) == (25.0, 40.0)
    assert [one.median for one in now if one.metric == "seeds that got there"] == [1.0]
    assert not any(one.recorded for one in now)
    anew = [one | {"anew_steps": 8192, "anew_fresh": 470.0} for one in ours]
    before = adversarial.lines("airl", anew, None)
    assert (before[-1].low, before[-1].high) == (31.0, 46.5)
    assert sum(one.recorded for one in before) == 2
    named = adversarial.keys({"gail": now, "airl": before})
    assert (named["imitation_gail_s"], named["imitation_airl_s"]) == (170.0, 186.0)
    assert (named["gail_s"], named["ratio_airl"]) == (5.0, 38.75)


@pytest.mark.slow
def test_one_seed_scores_everybody_on_both_roads():
    sizes = roads.Sizes(
        {"highway": 1024, "merge": 1024},
        contest=1024,
        each_round=1024,
        alternatives=Alternatives(2, 2, length=5),
        n_shown=4,
        n_episodes=8,
    )
    row = roads.one_seed(0, sizes)
    assert set(row["seconds"]) == {"clone", "AIRL", "GAIL", roads.LAST}
    assert set(row["scores"]) >= {"true reward", roads.LEARNED, "clone"}
    for scored in row["scores"].values():
        for figures in scored.values():
            # A crash is the worst there is, and every step is paid at most a half.
            assert -5.0 <= figures["return"] <= 0.5 * 60
            assert 0.0 <= figures["crashes"] <= 1.0
    assert "collision" in row["reward"]
    json.dumps(row)
