"""`study.toml`."""

import pytest

from volition.store import InputError
from volition.study import Config, read_config

CONFIG = Config("delivery", "plain", 7, ("b", 'odd "name"', "ü"))


def test_a_configuration_comes_back(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(CONFIG.to_toml())
    assert read_config(path) == CONFIG


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match="'other'"):
        Config("delivery", "other", 0, ())


@pytest.mark.parametrize(
    "content",
    [
        b"study = ",
        b"\xff\xfe",
        b'study = "delivery"\nmodel = "plain"\nseed = 0\n',
        b'study = "delivery"\nmodel = "other"\nseed = 0\ngroups = []\n',
        b'study = "delivery"\nmodel = "plain"\nseed = 0\ngroups = 3\n',
        None,
    ],
    ids=["no TOML", "no text", "no groups", "unknown model", "a number", "no file"],
)
def test_what_is_no_configuration_is_refused(tmp_path, content):
    path = tmp_path / "study.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"study\.toml is not .*: give another folder"):
        read_config(path)
