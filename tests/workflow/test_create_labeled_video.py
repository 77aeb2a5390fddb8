from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from small_videos import SIZE, disc, write_video

from dlcx.cli.app import run
from dlcx.data.video import open_video, read_frames
from dlcx.errors import DlcxError
from dlcx.formats.analysis_pickles import AnalysisMeta, write_meta_pickle
from dlcx.formats.predictions import write_predictions
from dlcx.poses import Layout, Tracks
from dlcx.workflow.create_labeled_video import create_labeled_video

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
LAYOUT = Layout(("snout", "back", "tail"))


def poses(first: int, stop: int) -> Tracks:
    """Snout on the disc, back in a corner, tail there too but unsure."""
    xy = np.zeros((stop - first, 1, 3, 2), np.float32)
    xy[:, 0, 0] = [disc(number) for number in range(first, stop)]
    xy[:, 0, 1] = (80, 55)
    xy[:, 0, 2] = (90, 10)
    score = np.broadcast_to(np.float32([0.9, 0.8, 0.3]), (stop - first, 1, 3)).copy()
    return Tracks(LAYOUT, xy, score, first=first)


@pytest.fixture
def video(project: Path) -> Path:
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    return write_video(project / "videos" / "v.avi", 20)


def images(path: Path) -> np.ndarray:
    return np.concatenate([batch.images for batch in read_frames(open_video(path), 8)]).astype(int)


def test_dots_lie_on_the_bodyparts(project: Path, video: Path) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    done = create_labeled_video(project, video, dotsize=6, skeleton=False).videos[0]
    assert done.labeled == video.with_name(f"v{SCORER}_p60_labeled.mp4")
    assert (done.frames, done.existed) == (20, False)
    written = open_video(done.labeled)
    assert (written.frames, written.fps, (written.width, written.height)) == (20, 25, SIZE)
    change = np.abs(images(done.labeled) - images(video)).sum(-1)
    for number in range(20):
        x, y = disc(number)
        assert change[number, y, x] > 150
    assert (change[:, 55, 80] > 150).all()
    assert (change[:, 10, 90] < 100).all()  # below pcutoff


def test_what_is_there_is_kept(project: Path, video: Path) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    first = create_labeled_video(project, video).videos[0]
    content = first.labeled.read_bytes()
    again = create_labeled_video(project, video)
    assert again.videos[0].existed
    assert "was there already" in again.lines()[0]
    assert first.labeled.read_bytes() == content
    assert not create_labeled_video(project, video, overwrite=True, trail=5).videos[0].existed
    assert create_labeled_video(project, video, pcutoff=0.29).videos[0].labeled.name.endswith("_p28_labeled.mp4")


def test_a_part_of_the_video(project: Path, video: Path) -> None:
    write_predictions(poses(5, 12), video.with_name(f"v{SCORER}.h5"), SCORER)
    done = create_labeled_video(project, video, dotsize=6).videos[0]
    assert done.frames == 7
    change = np.abs(images(done.labeled) - images(video)[5:12]).sum(-1)
    assert all(change[index, y, x] > 150 for index, (x, y) in enumerate(map(disc, range(5, 12))))


def test_coordinates_of_a_crop_are_moved(project: Path, video: Path) -> None:
    """DeepLabCut counts from the corner of the crop, and says so in _meta.pickle."""
    tracks = poses(0, 20)
    tracks.xy[...] -= (40, 10)
    write_predictions(tracks, video.with_name(f"v{SCORER}.h5"), SCORER)
    meta = AnalysisMeta(SCORER, LAYOUT, 0, 1, 25, (56, 54), 20, 8, 0, 0.75, crop=(40, 96, 10, 64))
    write_meta_pickle(meta, video.with_name(f"v{SCORER}_meta.pickle"))
    done = create_labeled_video(project, video, dotsize=6).videos[0]
    change = np.abs(images(done.labeled) - images(video)).sum(-1)
    assert (change[:, 55, 80] > 150).all()


def test_poses_of_another_video_are_refused(project: Path, video: Path) -> None:
    write_predictions(poses(0, 30), video.with_name(f"v{SCORER}.h5"), SCORER)
    with pytest.raises(DlcxError, match="reaches to frame 29"):
        create_labeled_video(project, video)


def test_command(
    project: Path,
    video: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(project)
    assert run(["create-labeled-video", "videos/v.avi"]) == 3
    assert "Run 'dlcx analyze-video' first" in capsys.readouterr().err
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    assert run(["create-labeled-video", "videos/v.avi", "--colormap", "rainbo", "-q"]) == 3
    assert "rainbow" in capsys.readouterr().err
    write_video(project / "videos" / "w.avi", 4)
    assert run(["create-labeled-video", "videos", "-q"]) == 4
    output = capsys.readouterr()
    assert output.out.splitlines()[0] == f"labeled video: videos/v{SCORER}_p60_labeled.mp4, 20 frames"
    assert "w.avi" in output.err
    logging.getLogger("dlcx").handlers.clear()
