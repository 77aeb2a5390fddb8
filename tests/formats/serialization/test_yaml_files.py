from __future__ import annotations

import math

import pytest
import yaml
from ruamel.yaml import YAML

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import format_yaml, parse_yaml, read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-05", 1e-5),
        ("5E+3", 5000.0),
        ("-.5", -0.5),
        ("007", "007"),
        ("12", 12),
        ("0x1F", 31),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("2020-04-21", "2020-04-21"),
        ("~", None),
        ("", None),
        ("null", None),
        (".inf", math.inf),
        ("'12'", "12"),
        ("e5", "e5"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    got = parse_yaml(f"key: {text}\n", "x")["key"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "value",
    [1e-05, 0.0005, 30, 30.0, True, None, "", "on", "1e-05", "12", "MULTI!", "a: b", "#x", [], {}, [[1], [2.5]], "äö"],
)
def test_what_is_written_is_read_back_by_every_reader(value, tmp_path):
    write_yaml({"key": value, "list": [value]}, tmp_path / "x.yaml")
    data = {"key": value, "list": [value]}
    assert read_yaml(tmp_path / "x.yaml") == data
    assert YAML(typ="safe").load(tmp_path / "x.yaml") == data


def test_floats_are_written_as_deeplabcut_writes_them():
    assert format_yaml({"lr": 1e-05, "p": 0.5, "none": None, "empty": []}) == "lr: 1e-05\np: 0.5\nnone:\nempty: []\n"


def test_long_paths_stay_on_one_line_as_plain_keys():
    path = "/data/" + "a folder/" * 40 + "video.avi"
    text = format_yaml({"video_sets": {path: {"crop": "0, 640, 0, 480"}}})
    assert text == f"video_sets:\n  {path}:\n    crop: 0, 640, 0, 480\n"
    assert yaml.safe_load(text)["video_sets"][path] == {"crop": "0, 640, 0, 480"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb: [1, 2\n", "line 3"),
        ("a: 1\n\tb: 2\n", "line 2"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: not valid YAML: the key 'a' is used twice"),
        ("? [1, 2]\n: 3\n", "line 1"),
        ("a: !!python/object:os.system x\n", "line 1"),
    ],
)
def test_errors_name_file_and_line(text, where, tmp_path):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(DlcxError) as caught:
        read_yaml(tmp_path / "bad.yaml")
    assert str(tmp_path / "bad.yaml") in str(caught.value)
    assert where in str(caught.value)


def test_files_that_hold_no_mapping(tmp_path):
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "latin.yaml").write_bytes("a: \xe4".encode("latin-1"))
    for name, problem in (("list.yaml", "got list"), ("latin.yaml", "UTF-8"), ("none.yaml", "cannot read")):
        with pytest.raises(DlcxError, match=problem):
            read_yaml(tmp_path / name)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "bom.yaml").write_text("a: 1\n", encoding="utf-8-sig")
    assert read_yaml(tmp_path / "bom.yaml") == {"a": 1}
