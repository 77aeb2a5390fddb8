from __future__ import annotations

import pytest

from dlcx.errors import AlreadyReported, DlcxError, LostProcess, Stopped, did_you_mean, in_file


def test_messages_are_prefixed_with_the_file_unless_they_name_it() -> None:
    with pytest.raises(DlcxError) as caught, in_file("config.yaml"):
        raise DlcxError("net_type: unknown", hint="Choose another one.")
    assert str(caught.value) == "config.yaml: net_type: unknown"
    assert caught.value.hint == "Choose another one."
    with pytest.raises(DlcxError) as caught, in_file("config.yaml"):
        raise DlcxError("cannot read config.yaml")
    assert str(caught.value) == "cannot read config.yaml"


def test_exit_codes() -> None:
    assert (DlcxError("x").exit_code, Stopped("x").exit_code) == (3, 75)
    assert (AlreadyReported(4).exit_code, LostProcess().exit_code) == (4, 70)


@pytest.mark.parametrize(
    ("word", "options", "hint"),
    [
        ("RESNET50", ["resnet_50", "hrnet_w32"], "Did you mean 'resnet_50'?"),
        ("xyz", ["resnet_50", "hrnet_w32"], "Choose from: resnet_50, hrnet_w32."),
        ("xyz", [], ""),
        ("xyz", [f"option{number}" for number in range(14)], "option10, option11, ...."),
    ],
)
def test_the_most_similar_option_is_suggested(word: str, options: list[str], hint: str) -> None:
    assert did_you_mean(word, options).endswith(hint)
