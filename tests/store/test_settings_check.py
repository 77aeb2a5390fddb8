"""Settings that differ from those of a store are named; a renamed video is the same video."""

from __future__ import annotations

from typing import Any

import pytest

from dlcx.errors import DlcxError
from dlcx.store.settings_check import CONFIG, check_settings

VIDEO = {"name": "a.avi", "frames": 40, "bytes": 7}
SETTINGS: dict[str, Any] = {"video": VIDEO, "--batch-size": 8, CONFIG: "ab"}


def test_equal_settings_and_a_renamed_video_are_accepted() -> None:
    check_settings("v.dlcx", SETTINGS, dict(SETTINGS))
    check_settings("v.dlcx", SETTINGS, SETTINGS | {"video": VIDEO | {"name": "b.avi"}})


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (
            {"--batch-size": 4},
            "v.dlcx was made with other settings: --batch-size: 8 stored, 4 requested",
            "Use the same",
        ),
        ({"crop": [1]}, "v.dlcx was made with other settings: crop: None stored, [1] requested", "Use the same"),
        (
            {CONFIG: "cd"},
            f"v.dlcx was made with other settings: {CONFIG}: changed since, by hand or by prune-skeleton",
            "Add --overwrite to analyze again with the current network",
        ),
        (
            {"video": {"name": "b.avi", "frames": 41, "bytes": 8}, "--batch-size": 4},
            "v.dlcx is the analysis of another video: of a.avi (40 frames, 7 bytes); "
            "this one is b.avi (41 frames, 8 bytes)",
            "Add --overwrite to analyze this video in its place",
        ),
        (
            {"video": VIDEO | {"digest": "x"}},
            "v.dlcx is the analysis of another video: of a.avi (40 frames, 7 bytes); "
            "this one is another a.avi (40 frames, 7 bytes)",
            "Add --overwrite to analyze this video in its place",
        ),
        (
            {"video": None},
            "v.dlcx is the analysis of another video: of a.avi (40 frames, 7 bytes); this one is an unknown one",
            "Add --overwrite",
        ),
    ],
    ids=["changed", "added", "configuration", "video", "video of the same name", "no video"],
)
def test_differences_are_named(change: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(DlcxError) as caught:
        check_settings("v.dlcx", SETTINGS, SETTINGS | change)
    assert str(caught.value) == message
    assert caught.value.hint.startswith(hint)


def test_several_differences_are_all_named() -> None:
    with pytest.raises(
        DlcxError, match=r"--batch-size: 8 stored, 4 requested; crop: None stored, 1 requested"
    ) as caught:
        check_settings("v.dlcx", SETTINGS, SETTINGS | {"--batch-size": 4, "crop": 1})
    assert "current network" not in caught.value.hint
