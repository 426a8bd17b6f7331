"""Recorded traffic is read exactly, and what cannot be read is one sentence."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.reference.traffic import scenario, vehicle, write_queues
from volition.store import InputError, read_recording, read_recordings


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
    "not XML": ("<commonRoad", "1 x is not XML that can be read"),
    "empty": ("", "1 x is not XML that can be read"),
    "another format": ("<osm></osm>", "1 x is about 'osm', not 'commonRoad'"),
    "NaN": (
        GOOD.replace(X, "<x>nan</x>"),
        "its x is 'nan', not a number that can be used (vehicle 7 of bad)",
    ),
    "infinite": (GOOD.replace(X, "<x>inf</x>"), "its x is 'inf', not a number"),
    "a word": (GOOD.replace(X, "<x>two</x>"), "its x is 'two', not a number"),
    "left out": (GOOD.replace(X, ""), "its x is None, not a number"),
    "too far away": (GOOD.replace(X, "<x>1e300</x>"), "its x is '1e300', not a number"),
    "out of order": (
        GOOD.replace("<time><exact>2<", "<time><exact>9<"),
        "the times of its states are not whole numbers that increase (vehicle 7",
    ),
    "a number in words": (GOOD.replace('id="7"', 'id="seven"'), "(vehicle seven of"),
    "an interval": (
        GOOD.replace(
            "<velocity><exact>10.0</exact></velocity>",
            "<velocity><intervalStart>9</intervalStart>"
            "<intervalEnd>11</intervalEnd></velocity>",
        ),
        "its speed is None, not a number",
    ),
    "shorter than nothing": (
        GOOD.replace("<length>5.0<", "<length>-5.0<"),
        "its length or width is not above 0",
    ),
    "no shape": (
        GOOD.replace("rectangle>", "ellipse>"),
        "its shape is no rectangle, polygon or circle",
    ),
    "no time step": (GOOD.replace('timeStepSize="0.1"', ""), "timeStepSize is None"),
    "time step of 0": (GOOD.replace('"0.1"', '"0"'), "timeStepSize is 0.0"),
    "no length": (GOOD.replace("<length>5.0</length>", ""), "its length is None"),
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


def test_what_cannot_be_used_does_not_stop_the_rest(tmp_path):
    good = vehicle(7, 0.0, 0.0, lambda t: 10.0, n_steps=5)
    bad = vehicle(8, 0.0, 3.5, lambda t: 10.0, n_steps=5)
    bad = bad.replace("<length>5.0</length>", "<length>long</length>")
    (tmp_path / "mixed.xml").write_text(scenario([good, bad, good]))
    (tmp_path / "broken.xml").write_text("<commonRoad")
    (tmp_path / "whole.xml").write_text(scenario([good]))
    found = read_recordings(tmp_path)
    tracks = {one.name: [track.vehicle for track in one.tracks] for one in found}
    assert tracks == {"broken": [], "mixed": [7], "whole": [7]}
    said = [(each.what, each.reason) for one in found for each in one.skipped]
    assert said[0][0] == "the file"
    assert said[0][1].startswith("is not XML that can be read")
    assert said[1:] == [
        ("vehicle 8", "its length is 'long', not a number that can be used"),
        ("vehicle 7", "another vehicle has its number"),
    ]


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        write_queues(tmp_path / folder, 1)
    with pytest.raises(InputError, match="two files named 'ROAD_0_T-1'"):
        read_recordings(tmp_path)


def one_track(text: str, *changes: tuple[str, str]):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_recording(text.encode(), "one").tracks


def test_a_state_that_is_repeated_counts_once():
    text = vehicle(7, 0.0, 0.0, lambda t: 10.0, n_steps=5)
    first = text[text.index("<initialState>") + 14 : text.index("</initialState>")]
    twice = text.replace("<trajectory>", f"<trajectory><state>{first}</state>")
    (once,), (again,) = (one_track(scenario([one])) for one in (text, twice))
    np.testing.assert_array_equal(once.x, again.x)


def test_a_vehicle_that_was_out_of_sight_has_a_track_before_and_one_after():
    text = scenario([vehicle(7, 0.0, 0.0, lambda t: 10.0, n_steps=9)])
    for late in range(8, 3, -1):
        text = text.replace(f"<time><exact>{late}<", f"<time><exact>{late + 3}<")
    before, after = one_track(text)
    assert (before.vehicle, before.first, before.n_steps) == (7, 0, 4)
    assert (after.vehicle, after.first, after.n_steps) == (7, 7, 5)
    np.testing.assert_allclose(after.x, 4.0 + np.arange(5))


def test_other_shapes_have_the_size_of_the_rectangle_around_them():
    text = scenario([vehicle(7, 0.0, 0.0, lambda t: 10.0, n_steps=5)])
    old = text[text.index("<rectangle>") : text.index("</shape>")]
    (round_one,) = one_track(text, (old, "<circle><radius>0.35</radius></circle>"))
    assert (round_one.length, round_one.width) == (0.7, 0.7)
    corners = "".join(
        f"<point><x>{x}</x><y>{y}</y></point>" for x, y in ((-3, -1), (3, -1), (0, 1))
    )
    (angular,) = one_track(text, (old, f"<polygon>{corners}</polygon>"))
    assert (angular.length, angular.width) == (6.0, 2.0)


def test_headings_are_read_off_velocities_or_places():
    text = scenario([vehicle(7, 0.0, 0.0, lambda t: 10.0, n_steps=5)])
    old = text[text.index("<orientation>") : text.index("</orientation>") + 14]
    (both,) = one_track(text, (old, "<velocityY><exact>10.0</exact></velocityY>"))
    np.testing.assert_allclose(both.heading, np.pi / 4)
    np.testing.assert_allclose(both.speed, 10.0 * np.sqrt(2.0))
    (placed,) = one_track(text, (old, ""))
    np.testing.assert_allclose(placed.heading, 0.0, atol=1e-12)
    still = scenario([vehicle(7, 0.0, 0.0, lambda t: 0.0, n_steps=5)])
    unseen = read_recording(still.replace(old, "").encode(), "one")
    assert unseen.tracks == ()
    assert "no orientation" in unseen.skipped[0].reason
