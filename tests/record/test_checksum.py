"""Damage to a record is found, whatever bit of whichever file it is in."""

import json
import random

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition import record
from volition.reward import Linear, Tabular

REWARD = Linear(("speed", "collision"), [0.5, -2.0])
# What version 0.1 wrote.
OLD = """{
 "class": "volition.reward.linear:Linear",
 "fields": {
  "_feature_names": {"tuple": ["speed", "collision"]},
  "weights": {"stored": "array0"}
 }
}
"""


@pytest.fixture
def path(tmp_path):
    record.save(REWARD, tmp_path / "reward.json")
    return tmp_path / "reward.json"


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_every_single_bit_counts(suffix, path):
    """Or does not matter, such as a blank in the text."""
    file = path.with_suffix(suffix)
    whole = file.read_bytes()
    refused = 0
    for place in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        file.write_bytes(changed)
        try:
            back = record.load(path)
        except ValueError:
            refused += 1
        else:
            assert eqx.tree_equal(back, REWARD, typematch=True)
            assert suffix == ".json"
    assert refused > 0.8 * 8 * len(whole)


def test_any_damage_is_found(path):
    """Several bits, missing and repeated parts, of both files at once."""
    random_numbers = random.Random(0)
    files = [path, path.with_suffix(".safetensors")]
    whole = [file.read_bytes() for file in files]
    for _ in range(500):
        for file, content in zip(files, whole, strict=True):
            changed = bytearray(content)
            for _ in range(random_numbers.randint(0, 3)):
                at = random_numbers.randrange(len(changed))
                if random_numbers.random() < 0.5:
                    changed[at] = random_numbers.randrange(256)
                else:
                    del changed[at : at + random_numbers.randint(1, 9)]
            file.write_bytes(changed)
        try:
            back = record.load(path)
        except ValueError:
            continue
        assert eqx.tree_equal(back, REWARD, typematch=True)


def test_the_arrays_of_another_record_are_not_taken(path):
    """As after a break between the two files."""
    other = path.with_name("other.json")
    record.save(Linear(("speed", "collision"), [0.5, 2.0]), other)
    other.with_suffix(".safetensors").replace(path.with_suffix(".safetensors"))
    with pytest.raises(ValueError, match=r"reward\.safetensors is not \(the checksum"):
        record.load(path)


def test_what_is_said_counts_and_not_how_it_is_set_out(path):
    said = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(said.items()))).replace(" ", "\r\n"))
    assert eqx.tree_equal(record.load(path), REWARD, typematch=True)
    said["fields"]["_feature_names"]["tuple"].reverse()
    path.write_text(json.dumps(said))
    with pytest.raises(ValueError, match="the checksum differs"):
        record.load(path)


@pytest.mark.parametrize("checksum", [None, "", 0, "0" * 64, ["0"]])
def test_no_other_checksum_will_do(checksum, path):
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"sha256": checksum}))
    with pytest.raises(ValueError, match="the checksum differs"):
        record.load(path)


@pytest.mark.parametrize("value", [None, True, 3, -0.5, "speed"])
def test_a_plain_value_has_one_too(value, tmp_path):
    path = tmp_path / "plain.json"
    record.save(value, path)
    back = record.load(path)
    assert (type(back), back) == (type(value), value)
    path.write_text(path.read_text().replace('"value"', '"other"'))
    with pytest.raises(ValueError, match="the checksum differs"):
        record.load(path)


def test_a_record_of_version_0_1_is_read_and_said_to_be_unchecked(path):
    path.write_text(OLD)
    with pytest.warns(
        UserWarning, match=r"reward\.json has no checksum.*Save it again"
    ):
        back = record.load(path)
    assert eqx.tree_equal(back, REWARD, typematch=True)
    record.save(back, path)
    assert eqx.tree_equal(record.load(path), REWARD, typematch=True)


def test_the_same_value_makes_the_same_files(path):
    before = [path.with_suffix(each).read_bytes() for each in (".json", ".safetensors")]
    record.save(REWARD, path)
    after = [path.with_suffix(each).read_bytes() for each in (".json", ".safetensors")]
    assert before == after


def test_a_large_record_comes_back(tmp_path):
    table = np.random.default_rng(0).normal(size=(300, 40))
    record.save(Tabular(jnp.asarray(table)), tmp_path / "table.json")
    np.testing.assert_array_equal(record.load(tmp_path / "table.json").values, table)


def test_numbers_that_do_not_fit_into_32_bits_are_refused(tmp_path):
    """Where they came back as others before."""

    path = tmp_path / "value.json"
    for number, fits in (
        (np.int64(2**40), False),
        (np.array(1e300), False),
        (np.int64(7), True),
        (np.array(0.1), True),
    ):
        record.save(number, path)
        with jax.enable_x64(False):
            if fits:
                assert float(record.load(path)) == float(np.float32(number))
            else:
                with pytest.raises(ValueError, match="does not fit into 32 bits"):
                    record.load(path)
