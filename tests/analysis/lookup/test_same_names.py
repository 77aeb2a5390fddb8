"""Recordings of one name from different folders are never taken for each other, in one call and in several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from finds_disc import FindsDisc
from small_videos import SIZE, frame

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.workflow.add_videos import add_videos
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import AnalyzedVideo
from dlcx.workflow.export_predictions import export_predictions
from dlcx.workflow.extract_frames import extract_frames
from dlcx.workflow.extract_outliers import extract_outliers
from dlcx.workflow.score_maps import score_maps

Again = Callable[..., AnalyzedVideo]


def uncompressed(path: Path, numbers: list[int]) -> Path:
    """A video whose size depends on nothing but the number of frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, 0, 25, SIZE)
    assert writer.isOpened()
    for number in numbers:
        writer.write(cv2.cvtColor(frame(number), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture
def days(tmp_path: Path) -> tuple[Path, Path]:
    """Two recordings of one name, length and size."""
    one = uncompressed(tmp_path / "day1" / "cam.avi", list(range(12)))
    other = uncompressed(tmp_path / "day2" / "cam.avi", list(range(20, 32)))
    assert one.stat().st_size == other.stat().st_size
    return one, other


#: Commands that read the poses of videos in --out DIR, with the arguments that they need.
COMMANDS = (
    "create-labeled-video",
    "filter-predictions",
    "plot-trajectories",
    "analyze-skeleton",
    "report",
    "export-predictions --format h5",
    "extract-outliers",
    "analyze-video",
    "merge-parts",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_one_call_for_both(
    project: Path, net: FindsDisc, days: tuple[Path, Path], tmp_path: Path, command: str, capsys
) -> None:
    out = tmp_path / "out"
    assert run([*command.split(), *map(str, days), "-p", str(project), "--out", str(out), "-q"]) == 3
    told = capsys.readouterr().err
    assert f"{days[0]} and {days[1]} would both write {out}" in " ".join(told.split())
    assert not out.exists()


@pytest.mark.parametrize("command", [*COMMANDS[:-1], "analyze-video --part 1/2", "report --filtered"])
def test_one_call_for_each(
    project: Path, net: FindsDisc, again: Again, days: tuple[Path, Path], tmp_path: Path, command: str, capsys
) -> None:
    """The poses of the first one are in the folder; nothing is made of them for the second one."""
    out = tmp_path / "out"
    done = again(days[0], out=out)
    if "--filtered" in command:
        assert run(["filter-predictions", str(days[0]), "-p", str(project), "--out", str(out), "-q"]) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    capsys.readouterr()
    net.forget_load()  # type: ignore[attr-defined]
    assert run([*command.split(), str(days[1]), "-p", str(project), "--out", str(out), "-q"]) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert "another video" in told
    assert "cam.avi" in told
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert len(read_predictions(done.h5)) == 12


def test_the_poses_of_one_are_not_exported_over_those_of_the_other(
    project: Path, net: FindsDisc, again: Again, days: tuple[Path, Path], tmp_path: Path
) -> None:
    """Each has its poses beside it, and both are to go into one folder."""
    poses = [again(day).h5 for day in days]
    to = tmp_path / "to"
    for overwrite in (False, True):
        with pytest.raises(DlcxError, match="would both write"):
            export_predictions(project, days, format="h5", to=to, overwrite=overwrite)
    assert not to.exists()
    (first,) = export_predictions(project, days[0], format="h5", to=to).videos[0].files
    content = first.file.read_bytes()
    with pytest.raises(DlcxError, match="made of poses"):
        export_predictions(project, days[1], format="h5", to=to)
    assert first.file.read_bytes() == content
    np.testing.assert_array_equal(read_predictions(first.file).xy, read_predictions(poses[0]).xy)


@pytest.mark.parametrize("both", [False, True])
def test_frames_of_another_recording_are_not_saved_into_a_videos_folder(
    project: Path, days: tuple[Path, Path], tmp_path: Path, both: bool
) -> None:
    add_videos(project, days[0])
    with pytest.raises(DlcxError, match=f"{days[1]}: the project has a different video of this name: "):
        extract_frames(project, days if both else days[1], frames=3)
    assert not list((project / "labeled-data" / "cam").iterdir())
    with pytest.raises(DlcxError, match="another video of this name"):
        add_videos(project, days[1])
    copy = tmp_path / "copy" / "cam.avi"
    copy.parent.mkdir()
    copy.write_bytes(days[0].read_bytes())
    (done,) = extract_frames(project, copy, method="uniform", frames=3).videos
    assert len(done.written) == 3


def test_outliers_of_another_recording(project: Path, again: Again, days: tuple[Path, Path]) -> None:
    add_videos(project, days[0])
    again(days[1])
    with pytest.raises(DlcxError, match="another video of this name"):
        extract_outliers(project, days[1], algorithm="list", frame_numbers=[3])
    assert not list((project / "labeled-data" / "cam").iterdir())


@pytest.fixture
def images(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Three images of one name; the folders of two have one name, too."""
    paths = tuple(tmp_path / folder / "img1.png" for folder in ("day1/cam", "day2/cam", "other"))
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), frame(7 + 9 * number)[..., ::-1])
    return paths  # type: ignore[return-value]


def test_pictures_of_images_of_one_name(
    project: Path, net: FindsDisc, images: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    done = analyze_images(project, images, out=tmp_path / "out", plot=True)
    assert done.pictures is not None
    pictures = {path.name: path.read_bytes() for path in done.pictures.iterdir()}
    assert sorted(pictures) == [f"predictions_{name}_img1.png" for name in ("day1_cam", "day2_cam", "other")]
    assert len({*pictures.values()}) == 3


def test_maps_of_images_of_one_name(trained_project: Path, images: tuple[Path, Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"

    def drawn(*paths: Path, overwrite: bool = False) -> list[bytes]:
        result = score_maps(trained_project, paths, kinds=["scmap"], out=out, overwrite=overwrite)
        return [picture.read_bytes() for image in result.images for picture in image.pictures]

    assert len({*drawn(*images)}) == 3
    assert len(list(out.iterdir())) == 3
    first = drawn(images[0])
    assert drawn(images[0]) == first
    with pytest.raises(DlcxError, match=f"the maps of another image than {images[1]}: of {images[0]}"):
        drawn(images[1])
    assert drawn(images[0]) == first
    assert drawn(images[1], overwrite=True) != first
