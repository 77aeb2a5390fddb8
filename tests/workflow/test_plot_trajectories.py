from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from small_videos import SIZE, write_video

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.poses import Layout, Tracks
from dlcx.visuals.trajectories import PICTURES, Paths, picture_source, plot_paths
from dlcx.workflow.plot_trajectories import plot_trajectories

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
KINDS = ("hist", "plot-likelihood", "plot", "trajectory")


@pytest.fixture
def video(project: Path) -> Path:
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    return write_video(project / "videos" / "v.avi", 20)


def walk(animals: int, unique: int = 0) -> Tracks:
    """Random walks with gaps and a bodypart that is never sure."""
    random = np.random.default_rng(1)
    xy = 40 + random.normal(0, 2, (20, animals, 2, 2)).cumsum(0)
    xy[5:8, 0] = np.nan
    score = np.broadcast_to([0.9, 0.1], (20, animals, 2)).copy()
    names = ("individual_1",) if animals == 1 else ("ann", "bob")
    layout = Layout(("snout", "tail"), names, ("lamp",)[:unique], multi=animals > 1)
    return Tracks(layout, xy, score, np.ones((20, unique, 2)), np.ones((20, unique)))


def test_one_animal(project: Path, video: Path) -> None:
    write_predictions(walk(1), video.with_name(f"v{SCORER}.h5"), SCORER)
    (done,) = plot_trajectories(project, video).videos
    folder = video.parent / "plot-poses" / "v"
    assert sorted(done.pictures) == [folder / f"{kind}.png" for kind in KINDS]
    for picture in done.pictures:
        image = cv2.imread(str(picture))
        assert image.shape[0] == 500
        assert 10 < image.std() < 120
        assert picture_source(picture) == f"v{SCORER}.h5"
    with pytest.raises(DlcxError, match="--bodypart snuot") as told:
        plot_trajectories(project, video, bodyparts=["snuot"])
    assert "snout" in told.value.hint


def test_each_animal_and_the_filtered_poses(project: Path, video: Path) -> None:
    write_predictions(walk(2, unique=1), video.with_name(f"v{SCORER}_el_filtered.h5"), SCORER)
    (done,) = plot_trajectories(project, video, filtered=True, image_type="svg", individuals=["bob"]).videos
    names = sorted(picture.name for picture in done.pictures)
    assert names == sorted(f"{kind}_filtered{owner}.svg" for kind in KINDS for owner in ("bob", "single"))


def test_pictures_of_other_poses_are_kept(
    project: Path, video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    (project / TRAIN / "snapshot-best-020.pt").write_bytes(b"weights")
    write_predictions(walk(1), video.with_name(f"v{SCORER}.h5"), SCORER)
    best = SCORER.replace("_10", "_best-20")
    write_predictions(walk(1), video.with_name(f"v{best}.h5"), best)
    call = ["plot-trajectories", "videos/v.avi", "-q", "--bodypart", "snout", "--dpi", "40"]
    assert run(call) == run(call) == 0
    capsys.readouterr()
    assert run([*call, "--snapshot", "10"]) == 3
    assert f"v{best}.h5" in capsys.readouterr().err
    assert run([*call, "--snapshot", "10", "--overwrite"]) == 0
    assert picture_source(project / "videos" / "plot-poses" / "v" / "plot.png") == f"v{SCORER}.h5"


def test_pictures_with_other_settings_are_kept(project: Path, video: Path) -> None:
    write_predictions(walk(1), video.with_name(f"v{SCORER}.h5"), SCORER)
    (done,) = plot_trajectories(project, video, dpi=40).videos
    before = [picture.read_bytes() for picture in done.pictures]
    for other in ({"bodyparts": ["snout"]}, {"colormap": "viridis"}, {"pcutoff": 0.2}, {"linewidth": 3}):
        with pytest.raises(DlcxError, match=rf"was made with other settings: {next(iter(other))} .*, now") as told:
            plot_trajectories(project, video, dpi=40, **other)
        assert "--overwrite" in told.value.hint
    assert [picture.read_bytes() for picture in done.pictures] == before
    assert plot_trajectories(project, video, dpi=40, bodyparts=["snout"], overwrite=True).videos
    assert plot_trajectories(project, video, dpi=40, bodyparts=["snout"]).videos


@pytest.mark.parametrize("frames", [30, 3000])
def test_frames_are_counted_in_whole_numbers(frames: int) -> None:
    xy = np.random.default_rng(0).normal(0, 2, (frames, 2, 2)).cumsum(0)
    figure = Figure()
    PICTURES["hist"](figure, Paths(("snout", "tail"), xy, np.ones((frames, 2)), np.zeros((2, 3)), 0.6))
    FigureCanvasAgg(figure).draw()
    axis = figure.axes[1].yaxis
    named = [text for minor in (False, True) for tick in axis.get_ticklabels(minor=minor) if (text := tick.get_text())]
    assert len(named) > 1
    assert all(text.replace(",", "").isdigit() for text in named)


@pytest.mark.parametrize("kind", list(PICTURES))
@pytest.mark.parametrize("frames", [1, 1500])
def test_few_and_many_frames_and_nothing_found(kind: str, frames: int, tmp_path: Path) -> None:
    xy = np.full((frames, 30, 2), np.nan)
    names = tuple(f"part{number}" for number in range(30))
    ground = np.zeros((*SIZE[::-1], 3), np.uint8)
    paths = Paths(names, xy, np.full((frames, 30), np.nan), np.zeros((30, 3)), 0.6, ground=ground)
    plot_paths(kind, paths, tmp_path / "p.png", title="t", source="s", dpi=40)
    assert cv2.imread(str(tmp_path / "p.png")) is not None
