from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.data.found import find_files
from dlcx.paths import decoder_name, user_path


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/of-a-test")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~/a", "/home/of-a-test/a"),
        ("~", "/home/of-a-test"),
        ("~nobody-of-this-name/a", "~nobody-of-this-name/a"),
        ("~.avi", "~.avi"),
        ("./~", "~"),
        ("a/~", "a/~"),
        (Path("~/a"), "/home/of-a-test/a"),
    ],
)
def test_a_tilde_is_a_home_only_where_a_shell_says_so(text: str | Path, path: str) -> None:
    assert user_path(text) == Path(path)


def test_files_whose_names_begin_with_a_tilde_are_found() -> None:
    Path("~.avi").touch()
    assert find_files(["./~.avi"], (".avi",), "video") == [Path("~.avi")]
    assert find_files(["."], (".avi",), "video") == [Path("~.avi")]


def test_a_decoder_is_given_a_file_not_an_address(tmp_path: Path) -> None:
    assert decoder_name(Path("http:a.avi")) == str(tmp_path / "http:a.avi")
