"""Recorded traffic is read exactly, and what cannot be read is one sentence."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.reference.traffic import scenario, vehicle, write_queues
from volition.store import InputError, read_recordings


def fields(recordings) -> list:
    return [
        (one.name, track.vehicle, track.x.tolist(), track.speed.tolist())
        for one in recordings
        for track in one.tracks
    ]


def test_what_was_written_is_read(tmp_path):
    text = scenario([vehicle(7, 1.25, 3.5, lambda t: 10.0 + t, n_steps=4, length=6.5)])
    (tmp_path / "one.xml").write_text(text)
    (one,) = read_recordings(tmp_path)
    assert (one.name, one.time_step) == ("one", 0.1)
    (track,) = one.tracks
    assert (track.vehicle, track.first, track.length, track.width) == (7, 0, 6.5, 2.0)
    np.testing.assert_allclose(track.speed, [10.0, 10.1, 10.2, 10.3])
    np.testing.assert_allclose(track.x, [1.25, 2.25, 3.26, 4.28])
    np.testing.assert_array_equal(track.y, 3.5)
    assert sorted(one.lanelets) == ["0", "1"]
    np.testing.assert_allclose(one.lanelets["1"].centre[:, 1], 3.5)


def test_a_folder_its_archive_and_a_folder_of_archives_are_the_same(tmp_path):
    write_queues(tmp_path / "loose")
    (tmp_path / "packed").mkdir()
    archive = tmp_path / "packed" / "all.tar.xz"
    with tarfile.open(archive, "w:xz") as packed:
        packed.add(tmp_path / "loose", "deep/inside")
    loose = fields(read_recordings(tmp_path / "loose"))
    assert len(loose) == 36
    assert fields(read_recordings(archive)) == loose
    assert fields(read_recordings(tmp_path / "packed")) == loose


def test_left_out_accelerations_are_slopes_of_the_speed(tmp_path):
    text = scenario([vehicle(1, 0.0, 0.0, lambda t: 3.0 * t, n_steps=6)])
    text = text.replace("<acceleration><exact>0.0</exact></acceleration>", "", 1)
    (tmp_path / "one.xml").write_text(text)
    ((track,),) = [one.tracks for one in read_recordings(tmp_path)]
    np.testing.assert_allclose(track.acceleration, 3.0)


def test_files_without_tracks_are_left_out(tmp_path):
    write_queues(tmp_path, 1)
    (tmp_path / "AREA_S-1.xml").write_text(scenario([]))
    assert [one.name for one in read_recordings(tmp_path)] == ["ROAD_0_T-1"]


GOOD = scenario([vehicle(7, 0.0, 0.0, lambda t: 10.0, n_steps=5)])
X = "<x>2.0</x>"
BAD = {
    "no tracks": (scenario([]), "none of its 1 XML files has a vehicle's trajectory"),
    "not XML": ("<commonRoad", "bad is not XML that can be read"),
    "empty": ("", "bad is not XML that can be read"),
    "another format": ("<osm></osm>", "bad is about 'osm', not 'commonRoad'"),
    "NaN": (GOOD.replace(X, "<x>nan</x>"), "x of the vehicle 7 at 2 is 'nan'"),
    "infinite": (GOOD.replace(X, "<x>inf</x>"), "x of the vehicle 7 at 2 is 'inf'"),
    "a word": (GOOD.replace(X, "<x>two</x>"), "x of the vehicle 7 at 2 is 'two'"),
    "left out": (GOOD.replace(X, ""), "x of the vehicle 7 at 2 is None"),
    "a gap": (
        GOOD.replace("<time><exact>2<", "<time><exact>9<"),
        "states of the vehicle 7 are not one step after the other",
    ),
    "no time step": (GOOD.replace('timeStepSize="0.1"', ""), "timeStepSize is None"),
    "time step of 0": (GOOD.replace('"0.1"', '"0"'), "timeStepSize is 0.0"),
    "no length": (GOOD.replace("<length>5.0</length>", ""), "the length of"),
    "a bound too short": (
        GOOD.replace("<point><x>-50.0</x><y>1.75</y></point>", "", 1),
        "the lanelet 0 has 9 points on its left and 10 on its right",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_file_is_one_sentence(tmp_path, kind):
    text, said = BAD[kind]
    assert text != GOOD
    (tmp_path / "bad.xml").write_text(text)
    with pytest.raises(InputError) as error:
        read_recordings(tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def an_empty_folder(path: Path) -> Path:
    return path


def nothing(path: Path) -> Path:
    return path / "nowhere"


def no_archive(path: Path) -> Path:
    (path / "noise.tar.xz").write_bytes(b"no archive, only noise" * 40)
    return path / "noise.tar.xz"


def half_an_archive(path: Path) -> Path:
    (path / "one.xml").write_text(GOOD * 50)
    with tarfile.open(path / "half.tar.xz", "w:xz") as packed:
        packed.add(path / "one.xml")
    whole = (path / "half.tar.xz").read_bytes()
    (path / "half.tar.xz").write_bytes(whole[: len(whole) // 2])
    return path / "half.tar.xz"


@pytest.mark.parametrize(
    "make, said",
    [
        (an_empty_folder, "holds no *.xml file"),
        (nothing, "does not exist"),
        (no_archive, "cannot be read as a tar archive"),
        (half_an_archive, "cannot be read as a tar archive"),
    ],
)
def test_a_wrong_place_is_one_sentence(tmp_path, make, said):
    with pytest.raises(InputError, match=said.replace("*", r"\*")) as error:
        read_recordings(make(tmp_path))
    assert "\n" not in str(error.value)


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    write_queues(tmp_path, 1)
    monkeypatch.setattr("volition.store.commonroad.MAX_BYTES", 1000)
    with pytest.raises(
        InputError, match="more than the 1000 that such a file may have"
    ):
        read_recordings(tmp_path)
