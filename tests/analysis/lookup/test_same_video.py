from __future__ import annotations

import logging
import os
import pickle
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_videos import write_video

from dlcx import (
    analyze_skeleton,
    analyze_video,
    create_labeled_video,
    export_predictions,
    extract_outliers,
    filter_predictions,
    plot_trajectories,
    report,
    status,
)
from dlcx.analysis.lookup.find_poses import WantedPoses
from dlcx.analysis_files import AnalysisFiles
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.options.poses import PosesOptions

FRAMES = 12
SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
#: Other videos under the old name, and what a message says of the first three where there is no store.
REPLACED = {
    "resized": {"count": FRAMES, "size": (48, 32)},
    "trimmed": {"count": FRAMES - 1},
    "slower": {"count": FRAMES, "fps": 20},
    "re-encoded": {"count": FRAMES, "codec": "XVID"},
}
DIFFERENCES = {
    "resized": "frames of 96x64 pixels were analyzed, those of the file have 48x32",
    "trimmed": "12 frames were analyzed, the file has 11",
    "slower": "25 frames a second were analyzed, the file has 20",
}
#: Every command that looks the poses of a video up.
COMMANDS: dict[str, Callable[..., object]] = {
    "create-labeled-video": create_labeled_video,
    "extract-outliers": lambda *args, **flags: extract_outliers(*args, algorithm="list", frame_numbers=[3], **flags),
    "plot-trajectories": plot_trajectories,
    "report": report,
    "filter-predictions": filter_predictions,
    "analyze-skeleton": analyze_skeleton,
    "export-predictions": lambda *args, **flags: export_predictions(*args, format="h5", **flags),
}


@pytest.fixture
def video(project: Path, again: Callable[..., object], tmp_path: Path) -> Path:
    """A video with its analysis, in a folder of its own."""
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("skeleton: []", "skeleton: [[snout, back]]"))
    video = write_video(tmp_path / "day1" / "v.avi", FRAMES)
    again(video)
    return video


def files(video: Path) -> AnalysisFiles:
    return AnalysisFiles(video, SCORER, video.parent)


def listed(*folders: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_the_poses_of_another_video(command: str, project: Path, video: Path) -> None:
    write_video(video, **REPLACED["re-encoded"])
    before = listed(video.parent, project)
    with pytest.raises(DlcxError) as told:
        COMMANDS[command](project, video)
    assert str(told.value).startswith(f"{files(video).h5} holds the poses of another video than {video}: ")
    again = ["dlcx", "analyze-video", str(video), "--project", str(project), "--overwrite"]
    assert shlex.join(again) in told.value.hint
    assert listed(video.parent, project) == before
    assert COMMANDS[command](project, video, allow_changed_video=True)


@pytest.mark.parametrize("kind", REPLACED)
def test_a_replaced_video_is_told_by_its_content(kind: str, project: Path, video: Path) -> None:
    analyzed = video.stat().st_size
    write_video(video, **REPLACED[kind])
    sizes = f"{analyzed} bytes were analyzed, the file has {video.stat().st_size}"
    with pytest.raises(DlcxError, match=sizes if kind != "slower" else "the content has changed"):
        WantedPoses.of(PosesOptions.of(project=project)).find(video)


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_without_a_store_the_metadata_tell(kind: str, project: Path, video: Path) -> None:
    shutil.rmtree(files(video).store)
    write_video(video, **REPLACED[kind])
    with pytest.raises(DlcxError) as told:
        WantedPoses.of(PosesOptions.of(project=project)).find(video)
    assert str(told.value).endswith(f"than {video}: {DIFFERENCES[kind]}")


def test_what_was_compared_is_said(project: Path, video: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dlcx")
    WantedPoses.of(PosesOptions.of(project=project)).find(video)
    assert not caplog.messages
    shutil.rmtree(files(video).store)
    WantedPoses.of(PosesOptions.of(project=project)).find(video)
    assert caplog.messages == [f"v{SCORER}.h5: frame count, frame size, frame rate fit v.avi"]
    files(video).meta_pickle.unlink()
    caplog.clear()
    WantedPoses.of(PosesOptions.of(project=project)).find(video).stored()
    assert "only its frames were compared" in caplog.messages[0]


def test_without_store_and_metadata_the_frames_and_positions_tell(project: Path, video: Path) -> None:
    shutil.rmtree(files(video).store)
    files(video).meta_pickle.unlink()
    whole = WantedPoses.of(PosesOptions.of(project=project)).find(video).stored()
    assert len(whole) == FRAMES
    write_video(video, FRAMES + 5)  # a part of it may have been analyzed
    np.testing.assert_array_equal(WantedPoses.of(PosesOptions.of(project=project)).find(video).stored().xy, whole.xy)
    write_video(video, FRAMES - 1)
    with pytest.raises(DlcxError, match=r"reaches to frame 11, the video has 11 frames"):
        WantedPoses.of(PosesOptions.of(project=project)).find(video).stored()
    write_video(video, FRAMES, size=(48, 32))
    with pytest.raises(DlcxError, match=r"100% of its positions lie outside of frames of 48x32 pixels"):
        WantedPoses.of(PosesOptions.of(project=project)).find(video).stored()


def test_the_cropped_part_of_deeplabcut_must_lie_in_the_frame(project: Path, video: Path) -> None:
    shutil.rmtree(files(video).store)
    meta = pickle.loads(files(video).meta_pickle.read_bytes())
    meta["data"] |= {"cropping": True, "cropping_parameters": [10, 90, 0, 60], "frame_dimensions": (80, 60)}
    files(video).meta_pickle.write_bytes(pickle.dumps(meta))
    assert WantedPoses.of(PosesOptions.of(project=project)).find(video).corner() == (10, 0)
    write_video(video, FRAMES, size=(80, 60))
    with pytest.raises(DlcxError, match="the part 10,90,0,60 of its frames were analyzed"):
        WantedPoses.of(PosesOptions.of(project=project)).find(video)


def test_a_video_that_was_moved_renamed_or_touched_is_the_same(
    project: Path, video: Path, again: Callable[..., object], tmp_path: Path
) -> None:
    shutil.copytree(video.parent, tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "v.avi"
    os.utime(moved, (1e9, 1e9))
    assert WantedPoses.of(PosesOptions.of(project=project)).find(moved)
    for path in list(moved.parent.iterdir()):
        path.rename(path.with_name(f"w{path.name[1:]}"))
    renamed = moved.with_name("w.avi")
    assert len(WantedPoses.of(PosesOptions.of(project=project)).find(renamed).stored()) == FRAMES
    assert again(renamed).analyzed == 0


def test_the_way_out_is_the_printed_call(
    project: Path, video: Path, net: object, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(video, FRAMES, size=(160, 128))
    assert run(["filter-predictions", str(video), "-p", str(project)]) == 3
    call = capsys.readouterr().err.split("Run `dlcx ")[1].split("`.")[0]
    net.forget_load()
    assert run(shlex.split(call)) == 0
    assert run(["filter-predictions", str(video), "-p", str(project)]) == 0


def test_an_analysis_that_began_again_and_stopped_is_not_taken_for_that_of_the_new_video(
    project: Path, video: Path, net: object
) -> None:
    def stop(batch: int) -> None:
        if batch == 2:
            raise KeyboardInterrupt

    write_video(video, FRAMES, size=(160, 128))
    net.forget_load()
    net.batches.clear()
    net.before = stop
    with pytest.raises(KeyboardInterrupt):
        analyze_video(project, video, batch_size=4, overwrite=True)
    with pytest.raises(DlcxError, match="frames of 96x64 pixels were analyzed, those of the file have 160x128"):
        WantedPoses.of(PosesOptions.of(project=project)).find(video)


def test_status_does_not_count_the_poses_of_another_video(project: Path, video: Path) -> None:
    inside = project / "videos"
    shutil.copytree(video.parent, inside, dirs_exist_ok=True)
    (mine,) = (one for one in status(project).videos if one.path == inside / "v.avi")
    assert (mine.poses, mine.other_poses) == ((SCORER,), ())
    write_video(inside / "v.avi", **REPLACED["trimmed"])
    (mine,) = (one for one in status(project).videos if one.path == inside / "v.avi")
    assert (mine.poses, mine.other_poses) == ((), (SCORER,))
    assert f"    of another video: {SCORER}" in status(project).lines()


def test_filtered_poses_of_an_earlier_analysis_are_refused(project: Path, video: Path, again: Callable) -> None:
    filter_predictions(project, video)
    assert WantedPoses.of(PosesOptions.of(project=project, filtered=True)).find(video)
    write_video(video, FRAMES - 1)  # other poses: HDF5 files of equal ones are equal when a second makes both
    again(video, overwrite=True)
    with pytest.raises(DlcxError, match=r"_filtered.h5 was made from poses that have changed since") as told:
        WantedPoses.of(PosesOptions.of(project=project, filtered=True)).find(video)
    assert "dlcx filter-predictions" in told.value.hint
    filter_predictions(project, video, overwrite=True)
    assert WantedPoses.of(PosesOptions.of(project=project, filtered=True)).find(video)


def test_only_the_ends_of_a_large_video_are_read(project: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlcx.data import packets, video_identity

    def opened(*args: object, **options: object) -> None:
        raise AssertionError("a lookup with a store needs no decoder")

    monkeypatch.setattr(video_identity, "open_capture", opened)
    monkeypatch.setattr(packets, "open_capture", opened)
    monkeypatch.setattr(cv2, "VideoCapture", opened)
    assert WantedPoses.of(PosesOptions.of(project=project)).find(video).video == video


@pytest.mark.parametrize("command", COMMANDS)
def test_two_videos_that_share_the_names_of_their_files_are_refused_first(
    command: str, project: Path, video: Path, again: Callable, tmp_path: Path
) -> None:
    other = write_video(tmp_path / "day2" / "v.avi", FRAMES)
    out = tmp_path / "out"
    again(video, out=out)
    before = listed(out, project)
    with pytest.raises(DlcxError, match="would both write") as told:
        COMMANDS[command](project, [video, other], out=out)
    assert str(video) in str(told.value)
    assert str(other) in str(told.value)
    assert listed(out, project) == before


def test_the_second_video_of_a_name_does_not_get_the_first_ones_poses(
    project: Path, video: Path, again: Callable, tmp_path: Path
) -> None:
    other = write_video(tmp_path / "day2" / "v.avi", FRAMES + 1)
    again(video, out=tmp_path / "out")
    kept = read_predictions(tmp_path / "out" / f"v{SCORER}.h5")
    with pytest.raises(
        DlcxError, match=r"is the analysis of another video: of v.avi \(12 frames, .* v.avi \(13 frames"
    ) as told:
        again(other, out=tmp_path / "out")
    assert "--out DIR" in told.value.hint
    np.testing.assert_array_equal(read_predictions(tmp_path / "out" / f"v{SCORER}.h5").xy, kept.xy)
