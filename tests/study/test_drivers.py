"""The study of real drivers, on traffic made up and on some of the real one."""

import dataclasses
import itertools
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.reference.traffic import write_queues
from volition import record
from volition.env.driving import NAMES, moments
from volition.store import InputError, read_recording, read_recordings
from volition.study import (
    DriversConfig,
    Progress,
    drivers,
    drivers_steps,
    run_drivers,
)
from volition.study.driver_choices import driver_choices
from volition.study.driver_predictions import Prediction, measures
from volition.study.run import to_text

CONFIG = DriversConfig(n_folds=3, n_members=0, n_groups=0)
NUMBERS = ("fde5", "fde5_best_of_3", "fde5_constant_velocity", "fde5_idm")


@pytest.fixture(scope="module")
def queues(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queues")
    write_queues(folder)
    return moments(read_recordings(folder))


@pytest.fixture(scope="module")
def study(queues, tmp_path_factory):
    folder, told = tmp_path_factory.mktemp("study"), []
    progress = Progress(
        drivers_steps(CONFIG), lambda what, done, n: told.append((done, n))
    )
    return run_drivers(CONFIG, queues, folder, progress), folder, told


def test_who_joins_the_flow_is_predicted(study):
    result, _, _ = study
    # All come to the speed of those ahead: that can be learned, and is.
    assert result.ahead["constant velocity"].low > 0.0
    assert result.ahead["uniform choice"].low > 0.0
    assert result.weights["flow"].high < 0.0
    loss = result.scores["linear reward"]["neg_log_likelihood"]
    assert loss.high < result.scores["uniform choice"]["neg_log_likelihood"].value
    nearest = result.scores["nearest"]["ade5"].value
    assert nearest <= result.scores["linear reward"]["ade5_best_of_3"].value


def test_what_it_says_and_writes(study):
    result, folder, told = study
    n_steps = drivers_steps(CONFIG)
    assert told == [(number, n_steps) for number in range(n_steps)]
    said = json.loads((folder / "results.json").read_text())
    assert said == json.loads(to_text(result.summary()))
    for name in (*NUMBERS, "fde5_published"):
        value, low, high = said[name]
        assert low < value < high
    assert (said["n_moments"], said["n_vehicles"]) == (108, 36)
    reward = record.load(folder / "runs" / "reward.json")
    assert reward.feature_names == NAMES
    np.testing.assert_array_equal(
        reward.weights, [one.value for one in result.weights.values()]
    )
    # Nobody turned or braked for anybody here: of these there is no price.
    assert set(result.prices) <= set(NAMES) - {"speed"}


def test_the_same_again_and_not_in_anothers_folder(study, queues, tmp_path):
    result, folder, _ = study
    again = run_drivers(CONFIG, queues, tmp_path, Progress(1))
    assert again.summary() == result.summary()
    other = dataclasses.replace(CONFIG, seed=1)
    with pytest.raises(InputError, match="another study's"):
        run_drivers(other, queues, folder, Progress(1))


def test_any_three_are_the_mean_over_all_threes(queues):
    away = driver_choices(queues[:2]).away[:, :7]
    found = measures(Prediction(away, None, np.zeros(2)))
    threes = list(itertools.combinations(range(7), 3))
    for name, each in {
        "fde5_best_of_3": away[..., 9],
        "ade3_best_of_3": away[..., :6].mean(axis=-1),
    }.items():
        slow = np.mean([each[:, three].min(axis=1) for three in threes], axis=0)
        np.testing.assert_allclose(found[name], slow)


def test_nobody_is_predicted_from_himself(queues, tmp_path, monkeypatch):
    seen = []
    linear = drivers.linear

    def listening(features, choices, rows):
        seen.append(rows.copy())
        return linear(features, choices, rows)

    monkeypatch.setattr(drivers, "linear", listening)
    run_drivers(CONFIG, queues, tmp_path, Progress(1))
    vehicle = np.array([one.vehicle for one in queues])
    left_out = [set(vehicle[~rows]) for rows in seen[: CONFIG.n_folds]]
    learned = [set(vehicle[rows]) for rows in seen[: CONFIG.n_folds]]
    for out, inside in zip(left_out, learned, strict=True):
        assert out.isdisjoint(inside)
    assert set.union(*left_out) == set(vehicle)


@pytest.mark.slow
def test_a_network_learns_from_the_same(queues, tmp_path):
    config = dataclasses.replace(CONFIG, n_members=2, n_steps=200)
    result = run_drivers(config, queues, tmp_path, Progress(1))
    loss = result.scores["network reward"]["neg_log_likelihood"]
    assert loss.high < result.scores["uniform choice"]["neg_log_likelihood"].value
    assert "fde5_network" in result.summary()


FEW = ("US101-4_1_T", "US101-6_1_T", "US101-9_1_T")


def test_some_of_the_real_drivers(volition_data):
    recordings = []
    with tarfile.open(volition_data / "ngsim_us101.tar.xz") as archive:
        for member in archive:
            if any(name in member.name for name in FEW):
                inside = archive.extractfile(member)
                assert inside is not None
                text = inside.read()
                recordings.append(read_recording(text, Path(member.name).stem))
    assert len(recordings) == len(FEW)
    seen = moments(recordings, every=5.0)
    assert len({one.vehicle for one in seen}) > 30
    choices = driver_choices(seen)
    # One option of 51 is near what each did: within 2 m after 5 s on average.
    nearest = choices.away[np.arange(len(seen)), choices.chosen]
    assert nearest[:, -1].mean() < 2.0 < choices.constant_velocity[:, -1].mean()
    assert np.isfinite(choices.features).all()
    widths = [abs(left) for one in seen for left in one.centres if left]
    assert 3.0 < np.mean(widths) < 4.2  # m, of an American lane 3.7
