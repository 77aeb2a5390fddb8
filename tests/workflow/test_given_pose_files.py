"""``--poses FILE``: poses that the lookup by network does not find, as those that DeepLabCut 2.x left."""

from __future__ import annotations

import importlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_videos import write_video

import dlcx
from dlcx.analysis.lookup.find_poses import WantedPoses
from dlcx.analysis_files import AnalysisFiles, PoseFile
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import read_meta_pickle
from dlcx.formats.predictions.video_predictions import read_predictions, read_scorer, write_predictions
from dlcx.options.poses import PosesOptions
from dlcx.poses import Layout, Tracks

SCORER = "DLC_resnet50_goldsaAug28shuffle1_1030000"
#: Commands that look poses of a video up, with flags that they need here.
COMMANDS = {
    "create-labeled-video": "",
    "filter-predictions": "",
    "plot-trajectories": "",
    "report": "",
    "export-predictions": "--format h5",
    "analyze-skeleton": "",
    "extract-outliers": "--algorithm uncertain --p-bound 0.9 --method uniform --frames 2",
}


def tracks(layout: Layout, frames: int = 12) -> Tracks:
    """Points that move two pixels a frame, inside of frames of 96 x 64 pixels."""
    animals, parts = len(layout.individuals), len(layout.bodyparts)
    xy = np.full((frames, animals, parts, 2), 10.0) + np.arange(frames)[:, None, None, None] * 2
    xy[..., 0] += np.arange(animals)[None, :, None] * 20
    return Tracks(layout, xy, np.full((frames, animals, parts), 0.8))


def old_meta(path: Path, *, crop: tuple[int, int, int, int] | None = None) -> None:
    """``_meta.pickle`` of DeepLabCut 2.x: height before width, no names."""
    data = {"start": 1.0, "stop": 2.0, "run_duration": 1.0, "Scorer": SCORER, "DLC-model-config file": {"a": 1}}
    data |= {"fps": 25.0, "batch_size": 8, "frame_dimensions": (64, 96), "nframes": 12}
    data |= {"iteration (active-learning)": 0, "training set fraction": 0.8, "cropping": crop is not None}
    path.write_bytes(pickle.dumps({"data": data | {"cropping_parameters": list(crop or (0, 96, 0, 64))}}))


@pytest.fixture
def video(project: Path) -> Path:
    """A video of the project, poses of DeepLabCut 2.x beside it, and no shuffle."""
    shutil.rmtree(project / "dlc-models-pytorch")
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("skeleton: []", "skeleton:\n- [snout, back]"))
    path = write_video(project / "videos" / "v.avi", 12)
    write_predictions(tracks(Layout(("snout", "back", "tail"))), path.with_name(f"v{SCORER}.h5"), SCORER)
    old_meta(path.with_name(f"v{SCORER}_meta.pickle"))
    return path


def poses_of(video: Path, ending: str = "") -> Path:
    return video.with_name(f"{video.stem}{SCORER}{ending}.h5")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_looks_poses_up_takes_them(project, video, capsys, name):
    words = [name, str(video), "--poses", str(poses_of(video)), "--project", str(project), *COMMANDS[name].split()]
    before = set(project.rglob("*"))
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert "warning" not in err
    made = {path for path in set(project.rglob("*")) - before if path.is_file()}
    assert made
    assert all(path.name.startswith(f"v{SCORER}") for path in made if path.parent == video.parent)
    assert any(path.name in out for path in made)


def test_every_command_with_the_flags_of_poses_has_the_flag():
    import inspect

    takes = {name for name in dlcx.COMMANDS if "filtered" in inspect.signature(getattr(dlcx, name)).parameters}
    takes.add("filter_predictions")
    assert takes == {name.replace("-", "_") for name in COMMANDS}
    for name in takes:
        workflow = importlib.import_module(f"dlcx.workflow.{name}")
        assert "poses" in inspect.signature(getattr(workflow, name)).parameters


def test_the_next_step_after_filtering_shows_the_filtered_poses(project, video):
    result = dlcx.filter_predictions(project, video, poses=poses_of(video))
    (done,) = result.videos
    assert done.filtered == poses_of(video, "_filtered")
    (step,) = result.next_steps
    assert step == f"Look at it: dlcx create-labeled-video {video} --project {project} --poses {done.filtered}"
    labeled = dlcx.create_labeled_video(project, video, poses=done.filtered)
    assert labeled.videos[0].poses == done.filtered


def test_filtered_values_are_those_of_the_file(project, video):
    values = tracks(Layout(("snout", "back", "tail")))
    values.xy[5, 0, 0] = 60.0, 60.0  # one jump
    write_predictions(values, poses_of(video), SCORER)
    (done,) = dlcx.filter_predictions(project, video, poses=poses_of(video)).videos
    smooth = read_predictions(done.filtered)
    np.testing.assert_allclose(smooth.xy[5, 0, 0], (22.0, 22.0))
    assert read_scorer(done.filtered) == SCORER
    assert done.moved > 0


@pytest.mark.parametrize("ending", ["", "_el", "_bx_filtered"])
def test_tracks_of_several_animals(project, video, ending):
    layout = Layout(("snout", "back", "tail"), ("ann", "bob"), multi=True)
    path = poses_of(video, ending)
    write_predictions(tracks(layout), path, SCORER, key="tracks")
    (done,) = dlcx.filter_predictions(project, video, poses=path).videos
    np.testing.assert_allclose(read_predictions(done.filtered).xy[5, 1, 0], (40.0, 20.0))
    (exported,) = dlcx.export_predictions(project, video, poses=path, format="h5", split_individuals=True).videos
    assert [made.owner for made in exported.files] == ["ann", "bob"]


def test_poses_of_several_animals_that_are_not_linked_are_no_tracks(project, video):
    path = video.with_name("vDLC_Resnet50_goldsaNov22shuffle1_snapshot_10.h5")
    layout = Layout(("snout", "back", "tail"), ("ann", "bob"), multi=True)
    write_predictions(tracks(layout), path, "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10")
    with pytest.raises(DlcxError, match="not linked"):
        dlcx.filter_predictions(project, video, poses=path)


@pytest.mark.parametrize("meta", ["_meta.pickle", "includingmetadata.pickle"])
def test_poses_of_a_cropped_analysis_lie_in_the_whole_frame(project, video, meta):
    """DeepLabCut 2.x counts from the corner of the crop as well."""
    poses_of(video).with_name(f"v{SCORER}_meta.pickle").unlink()
    old_meta(poses_of(video).with_name(f"v{SCORER}{meta}"), crop=(5, 90, 3, 60))
    found = WantedPoses.of(PosesOptions.of(project=project, poses=poses_of(video))).find(video)
    np.testing.assert_array_equal(found.in_frame().xy[0, 0, 0], (15.0, 13.0))
    assert not found.unchecked


def test_poses_of_another_video_are_refused(project, video):
    longer = write_video(project / "videos" / "w.avi", 20)
    with pytest.raises(DlcxError, match="12 frames were analyzed, the file has 20"):
        dlcx.filter_predictions(project, longer, poses=poses_of(video))


def test_a_file_of_any_name_is_compared_by_its_frames(project, video, capsys):
    renamed = poses_of(video).rename(project / "mine.h5")
    found = WantedPoses.of(PosesOptions.of(project=project, poses=renamed)).find(video)
    assert (found.unchecked, found.file.scorer, len(found.stored())) == (True, SCORER, 12)
    shorter = write_video(project / "videos" / "w.avi", 8)
    with pytest.raises(DlcxError, match="it reaches to frame 11, the video has 8 frames"):
        WantedPoses.of(PosesOptions.of(project=project, poses=renamed)).find(shorter).stored()


def test_a_csv_serves_too(project, video):
    path = poses_of(video).with_suffix(".csv")
    poses_of(video).unlink()
    found = WantedPoses.of(PosesOptions.of(project=project, poses=path)).find(video)
    np.testing.assert_array_equal(found.in_frame().xy[3, 0, 0], (16.0, 16.0))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--poses FILE --shuffle 2", "--poses names the file of poses, so --shuffle has no effect"),
        ("--poses FILE --filtered", "so --filtered has no effect"),
        ("--poses FILE --snapshot 10", "so --snapshot has no effect"),
        ("--poses /no/such.h5", "--poses /no/such.h5: no such file"),
        ("--poses PROJECT/config.yaml", "expected a file of poses, .h5 or .csv"),
        ("--poses FILE OTHER", "holds the poses of one video, 2 are named"),
        ("--poses PROJECT/labeled-data/vid/CollectedData_me.h5", "expected x, y, likelihood"),
    ],
)
def test_wrong_calls_are_named(project, video, capsys, flags, message):
    other = write_video(project / "videos" / "w.avi", 12)
    names = {"FILE": str(poses_of(video)), "OTHER": str(other)}
    words = [names.get(word, word).replace("PROJECT", str(project)) for word in flags.split()]
    assert run(["plot-trajectories", str(video), *words, "--project", str(project)]) == 3
    assert message in capsys.readouterr().err


def test_a_report_on_poses_names_their_video(project, video, capsys):
    assert run(["report", "--poses", str(poses_of(video)), "--project", str(project)]) == 3
    assert "a report on poses needs their video" in capsys.readouterr().err


def test_where_nothing_fits_the_hint_leads_to_the_flag(trained_project):
    video = write_video(trained_project / "videos" / "v.avi", 12)
    write_predictions(tracks(Layout(("snout", "back", "tail"))), poses_of(video), SCORER)
    with pytest.raises(DlcxError, match=r"no poses of v\.avi") as caught:
        WantedPoses.of(PosesOptions.of(project=trained_project)).find(video)
    assert f"{poses_of(video).name} (of another net: --poses FILE)" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "scorer", "tracker", "filtered", "source"),
    [
        ("vDeepCut_resnet50_TAug16shuffle1_5", "DeepCut_resnet50_TAug16shuffle1_5", None, False, None),
        ("vDLC_resnet50_TNov1shuffle1_10filtered", "DLC_resnet50_TNov1shuffle1_10", None, True, ""),
        ("vDLC_resnet50_TNov1shuffle1_10_filtered", "DLC_resnet50_TNov1shuffle1_10", None, True, ""),
        ("vDLC_dlcrnetms5_TNov1shuffle1_10_el", "DLC_dlcrnetms5_TNov1shuffle1_10", "ellipse", False, None),
        ("vDLC_dlcrnetms5_TNov1shuffle1_10_sk_filtered", "DLC_dlcrnetms5_TNov1shuffle1_10", "skeleton", True, "_sk"),
    ],
)
def test_names_that_deeplabcut_2_gave(name, scorer, tracker, filtered, source):
    for file in (
        PoseFile.of(Path(f"{name}.h5"), "v"),
        PoseFile.from_path(Path(f"{name}.h5"), "other", scorer, linked=False),
    ):
        assert (file.video, file.scorer, file.tracker, file.filtered) == ("v", scorer, tracker, filtered)
        if source is not None:
            assert file.source.name == f"v{scorer}{source}.h5"
    assert AnalysisFiles(Path("v.avi"), scorer, Path()).stored_meta.name == f"v{scorer}_meta.pickle"


def test_files_that_deeplabcut_2_wrote(shared: Path):
    """Real ones: their poses, and what their metadata say of the video."""
    history = shared / "data" / "fixtures" / "dlc-history"
    paths = [*history.rglob("vid1_camera*shuffle*.h5"), *history.rglob("reachingvideo1short*[0-9d].h5")]
    assert len(paths) == 12
    for path in paths:
        file = PoseFile.of(path, path.name.partition("D")[0])
        assert (file.scorer, file.filtered) == (read_scorer(path), "filtered" in path.name)
        assert len(read_predictions(path)) == 12
        files = AnalysisFiles(path.with_name(f"{file.video}.avi"), file.scorer, path.parent)
        meta = read_meta_pickle(files.stored_meta)
        assert (meta.scorer, meta.frames, meta.layout, meta.fraction) == (file.scorer, 12, None, 0.8)
    (meta,) = history.rglob("m3v1mp4shortDLC_dlcrnetms5_multi_mouseFeb2shuffle1_5_meta.pickle")
    assert (read_meta_pickle(meta).size, read_meta_pickle(meta).crop) == ((640, 480), (0, 50, 0, 50))
