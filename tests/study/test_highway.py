"""The highway study at small size: what it says, and that it says it again."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition import record
from volition.env import driving
from volition.policy import AbstractPolicy
from volition.reward import Linear
from volition.store import InputError
from volition.study import HighwayConfig, Progress, highway, run_highway

CONFIG = HighwayConfig(n_seeds=2, n_steps=8192, n_episodes=3, n_real=0, n_answers=0)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("highway")
    told = []
    progress = Progress(
        highway.highway_steps(CONFIG), lambda what, done, n: told.append((done, n))
    )
    return run_highway(CONFIG, folder, progress), folder, told


def test_everybody_drives_everywhere(study):
    result, _, _ = study
    drivers = [*(highway.label(price) for price in highway.PRICES), highway.ENDING]
    assert list(result.scores) == [*drivers, *highway.BASELINES]
    for places in result.scores.values():
        assert set(places) == {"train", "held out", *driving.HELD_OUT}


def test_intervals_are_over_seeds_and_of_baselines_over_episodes(study):
    result, _, _ = study
    own = result.scores[highway.label(highway.PRICES[0])]
    assert own["train"].returns.n == CONFIG.n_seeds
    n_roads = len(driving.Highway.family().train)
    braking = result.scores["always braking"]
    assert braking["train"].returns.n == n_roads * CONFIG.n_episodes
    assert braking["held out"].returns.n == len(driving.HELD_OUT) * CONFIG.n_episodes
    for places in result.scores.values():
        for score in places.values():
            assert score.returns.low <= score.returns.value <= score.returns.high


def test_who_always_brakes_is_slow_and_who_acts_at_random_crashes(study):
    result, _, _ = study
    braking, anything = (result.scores[who]["train"] for who in highway.BASELINES[::2])
    assert braking.speed.value == pytest.approx(20.0, abs=1.5)
    assert braking.collisions.value < anything.collisions.value
    assert anything.crashed.value > 0.3


def test_it_tells_of_as_many_steps_as_it_says(study):
    _, _, told = study
    assert [done for done, _ in told] == list(range(told[0][1]))


def test_the_same_seed_gives_the_same_numbers(study, tmp_path):
    result, folder, _ = study
    again = run_highway(CONFIG, tmp_path, Progress(1))
    assert json.dumps(again.summary()) == json.dumps(result.summary())
    for path in (folder / "runs").iterdir():
        assert path.read_bytes() == (tmp_path / "runs" / path.name).read_bytes()


def test_its_policies_are_kept_one_by_one(study):
    result, folder, _ = study
    for number, policy in enumerate(result.policies.values()):
        for seed in range(CONFIG.n_seeds):
            kept = record.load(folder / "runs" / f"policy-{number}-{seed}.json")
            assert isinstance(kept, AbstractPolicy)
            leaves = zip(jax.tree.leaves(policy), jax.tree.leaves(kept), strict=True)
            for mine, theirs in leaves:
                np.testing.assert_array_equal(mine[seed], theirs)


def test_the_folder_of_another_study_is_left_alone(study):
    _, folder, _ = study
    before = (folder / "study.toml").read_bytes()
    other = dataclasses.replace(CONFIG, seed=CONFIG.seed + 1)
    with pytest.raises(InputError, match="give --out another folder"):
        run_highway(other, folder, Progress(1))
    assert (folder / "study.toml").read_bytes() == before


def test_the_price_of_a_collision_is_what_it_says():
    reward = highway.price_of(30.0)
    assert isinstance(reward, Linear)
    named = dict(zip(reward.feature_names, np.asarray(reward.weights), strict=True))
    speed, collision = named.pop("speed"), named.pop("collision likelihood")
    assert collision / speed == pytest.approx(-30.0)
    assert max(30.0 * speed, -collision) == pytest.approx(1.0)
    assert set(named.values()) == {0.0}


def test_the_bargain_is_a_sentence_with_its_numbers(study):
    result, _, _ = study
    lost = result.lost
    sentence = result.bargain()
    assert f"{lost:.0f} m/s" in sentence
    assert "nan" not in sentence
    # Twenty seconds at the mean speed, at the discount .95.
    speed = result.scores[highway.ENDING]["train"].speed.value
    assert lost == pytest.approx(20.0 * speed)


def test_a_ratio_over_seeds_counts_each_by_its_time():
    rows = {
        "returns": np.ones((2, 3)),
        "seconds": np.array([[10.0, 20.0, 30.0], [30.0, 30.0, 30.0]]),
        "metres": np.array([[200.0, 400.0, 600.0], [900.0, 900.0, 900.0]]),
        "crashes": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    }
    found = highway.score(rows)
    assert found.collisions.value == pytest.approx(3600.0 / 150.0)
    assert found.speed.value == pytest.approx(3900.0 / 150.0)
    assert found.crashed.value == pytest.approx(1.0 / 6.0)


def test_no_crash_at_all_leaves_as_much_doubt_as_the_time_that_was_driven():
    rows = {
        "returns": np.array([[1.0, 2.0], [2.0, 3.0]]),
        "seconds": np.full((2, 2), 30.0),
        "metres": np.full((2, 2), 600.0),
        "crashes": np.zeros((2, 2)),
    }
    found = highway.score(rows)
    hours = 120.0 / 3600.0
    assert found.collisions.low == found.collisions.value == 0.0
    # No event in so long has a probability of 2.5 % at the upper end of the rate.
    assert np.exp(-found.collisions.high * hours) == pytest.approx(0.025)
    assert (1.0 - found.crashed.high) ** 4 == pytest.approx(0.025)


def test_an_interval_of_few_seeds_stays_within_what_is_possible():
    rows = {
        "returns": np.array([[1.0, 2.0], [2.0, 3.0]]),
        "seconds": np.full((2, 2), 30.0),
        "metres": np.full((2, 2), 600.0),
        "crashes": np.array([[1.0, 1.0], [0.0, 0.0]]),
    }
    found = highway.score(rows)
    assert (found.crashed.low, found.crashed.high) == (0.0, 1.0)
    assert found.collisions.low == 0.0
    assert np.isfinite(found.collisions.high)


def test_blind_drivers_do_as_their_shares_say():
    braking = jnp.eye(5, dtype=jnp.float32)[driving.SLOWER]
    keys = jax.random.split(jax.random.key(0), 50)
    actions = jax.vmap(lambda key: highway.Blind(braking)(key, None))(keys)
    assert set(np.asarray(actions)) == {driving.SLOWER}


def test_what_people_answered_is_said_for_each_seed(study, tmp_path):
    """And the others drive as they do without people."""
    without, _, _ = study
    config = dataclasses.replace(CONFIG, n_answers=40)
    told = []
    progress = Progress(
        highway.highway_steps(config), lambda what, done, n: told.append((done, n))
    )
    result = run_highway(config, tmp_path / "study", progress)
    assert [done for done, _ in told] == list(range(told[0][1]))
    drivers = [*(highway.label(price) for price in highway.PRICES), highway.ENDING]
    assert list(result.scores) == [*drivers, highway.PEOPLE, *highway.BASELINES]
    assert len(result.rewards) == CONFIG.n_seeds
    assert len(set(result.rewards)) == CONFIG.n_seeds
    assert all("collision likelihood" in reward for reward in result.rewards)
    own = highway.label(highway.PRICES[0])
    here, there = (one.scores[own]["train"].returns for one in (result, without))
    assert here.value == pytest.approx(there.value, rel=1e-6)


@pytest.mark.parametrize("n_answers", [-4, 6])
def test_answers_are_asked_in_equal_rounds(n_answers):
    with pytest.raises(InputError, match=f"n_answers = {n_answers} is not a multiple"):
        HighwayConfig(n_answers=n_answers)
