"""Video frames saved as images to label."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_videos import write_video

from dlcx.data.video import FrameBatch, open_video, read_frame
from dlcx.data.video_file import VideoFile
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.labeling.extracted_frames import choose_frames, project_videos, save_frames, saved_numbers


def test_numbers_of_images_with_any_number_of_digits(tmp_path: Path) -> None:
    for name in ("img007.png", "img12.jpg", "img0000013.jpeg", "img5labeled.png", "image3.png", "img9.bmp"):
        (tmp_path / name).touch()
    assert saved_numbers(tmp_path) == {7: "img007.png", 12: "img12.jpg", 13: "img0000013.jpeg"}


def test_existing_images_are_kept_and_new_ones_cropped(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "v.avi", 12))
    folder = tmp_path / "v"
    folder.mkdir()
    (folder / "img3.png").write_bytes(b"kept")
    saved = save_frames(video, [3, 5], folder, crop=(4, 20, 2, 12))
    assert saved.names == {3: "img3.png", 5: "img05.png"}
    assert (saved.written, saved.existed, saved.unreadable) == ((5,), (3,), ())
    assert (folder / "img3.png").read_bytes() == b"kept"
    image = cv2.cvtColor(cv2.imread(str(folder / "img05.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(image, read_frame(video, 5)[2:12, 4:20])


def test_frames_that_cannot_be_decoded_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import dlcx.data.video

    video = open_video(write_video(tmp_path / "v.avi", 12))
    read = dlcx.data.video.read_frames

    def read_other_frames(opened: VideoFile, size: int, *, start: int, **more: object) -> Iterator[FrameBatch]:
        return iter(()) if start == 4 else read(opened, size, start=start, **more)

    monkeypatch.setattr(dlcx.data.video, "read_frames", read_other_frames)
    with caplog.at_level(logging.WARNING, "dlcx"):
        saved = save_frames(video, [4, 6], tmp_path / "v")
    assert (saved.written, saved.unreadable) == ((6,), (4,))
    assert "frame 4 cannot be decoded" in caplog.text
    with pytest.raises(DlcxError, match="none of the 1 chosen frames can be decoded"):
        save_frames(video, [4], tmp_path / "w")


@pytest.mark.parametrize("method", ["uniform", "kmeans"])
def test_equal_seeds_choose_equal_frames_among_the_candidates(tmp_path: Path, method: str) -> None:
    video = open_video(write_video(tmp_path / "v.avi", 40))
    numbers = np.arange(5, 35)
    one, same, other = (choose_frames(video, numbers, 6, method=method, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert len(set(one)) == 6
    assert set(one) <= set(numbers.tolist())
    if method == "uniform":
        assert one != other
    else:
        assert choose_frames(video, numbers[:4], 6, method=method, seed=1) == [5, 6, 7, 8]


def test_missing_videos_with_labels_are_left_out(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = open_project(project)
    assert [video.stem for video, _ in project_videos(home, [])] == ["vid"]
    with pytest.raises(DlcxError, match=r"is not in .*config\.yaml") as caught:
        project_videos(home, [write_video(project / "videos" / "other.avi", 3)])
    assert "dlcx add-videos" in caught.value.hint
