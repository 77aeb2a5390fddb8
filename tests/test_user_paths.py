from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.data.find_files import find_files
from dlcx.user_paths import decoder_name, distinct_names, user_path


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


def test_names_tell_files_of_one_name_apart() -> None:
    paths = [Path(text) for text in ("/a/x/img.png", "/b/x/img.png", "/b/y/img.png", "/b/other.png", "/b/y/img.jpg")]
    assert list(distinct_names(paths).values()) == ["a_x_img", "b_x_img", "b_y_img_png", "other", "b_y_img_jpg"]
    assert distinct_names([Path("/c/a_img.png"), Path("/a/img.png"), Path("/b/img.png")]) == {
        Path("/c/a_img.png"): "c_a_img",
        Path("/a/img.png"): "a_img",
        Path("/b/img.png"): "b_img",
    }
    assert distinct_names([]) == {}
