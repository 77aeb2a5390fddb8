"""AnimalTokenPose: a shuffle of it is made and analyses, but is not trained."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fill_weights import fill_weights

from dlcx.cli.app import run
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_detector, build_model
from dlcx.options.commands.train import TrainOptions
from dlcx.project import DETECTOR, Shuffle
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.status import status


@pytest.fixture
def shuffle(project: Path) -> Shuffle:
    create_dataset(project, net_type="animal_tokenpose_base", shuffle=[4])
    return open_project(project).shuffle(4)


def test_training_is_refused_in_one_line_and_at_once(shuffle, capsys):
    before = sorted(shuffle.train_dir.iterdir())
    assert read_model_config(shuffle.model_config_path).net_type == "animaltokenpose_base"
    capsys.readouterr()
    assert run(["train", "--project", str(shuffle.project.root), "--shuffle", "4"]) == 3
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "cannot be trained" in line]) == 1
    assert sorted(shuffle.train_dir.iterdir()) == before
    code = (
        "import sys; from dlcx.cli.app import run;"
        f"assert run(['train', '--project', {str(shuffle.project.root)!r}, '--shuffle', '4']) == 3;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_hint_leads_to_a_training_that_is_refused(shuffle, capsys):
    """From create-dataset to status, each names the way out."""
    project, place = shuffle.project.root, f"Put a snapshot of its network into {shuffle.train_dir}"
    (step,) = create_dataset(project, net_type="animal_tokenpose_base", shuffle=4).next_steps
    assert step.startswith(f"Next: {place}")
    for call in ("train", "evaluate", "report", "analyze-images IMAGES", "compare 4 1", "export-model"):
        flags = [] if call.startswith("compare") else ["--shuffle", "4"]
        call = call.replace("IMAGES", str(project / "labeled-data" / "vid"))
        assert run([*call.split(), "--project", str(project), *flags]) == 3
        err = capsys.readouterr().err
        assert "animaltokenpose_base cannot be trained" in err
        assert f"hint: {place}, such as snapshot-200.pt" in err
        assert "'dlcx train" not in err
    shutil.rmtree(open_project(project).shuffle(1).model_dir)
    for other in open_project(project).shuffles():
        if other.number != 4:
            shutil.rmtree(other.model_dir)
    (step,) = status(project).next_steps
    assert step.startswith(f"Next: {place}")
    shuffle.snapshot_path(10).write_bytes(b"weights")
    assert status(project).next_steps[0].startswith("Next: dlcx evaluate --shuffle 4")


def test_its_detector_is_trained_alone(shuffle, capsys):
    shuffle.snapshot_path(10).write_bytes(b"weights")
    (shuffle.project.root / "v.avi").write_bytes(b"")
    call = ["analyze-video", str(shuffle.project.root / "v.avi"), "--shuffle", "4", "-p", str(shuffle.project.root)]
    assert run(call) == 3
    call = f"`dlcx train --project {shuffle.project.root} --epochs 0 --detector-epochs 200 --shuffle 4`"
    assert call in capsys.readouterr().err
    config = importlib.import_module("dlcx.workflow.train")._configured(
        shuffle, read_model_config(shuffle.model_config_path), TrainOptions(epochs=0, detector_epochs=1)
    )
    assert (config.train_settings.epochs, config.detector.train_settings.epochs) == (0, 1)


def test_it_analyses_with_snapshots_that_are_put_there(shuffle, golden, tmp_path):
    config = read_model_config(shuffle.model_config_path)
    for made, prefix in ((build_model(config), "snapshot"), (build_detector(config.detector), DETECTOR)):
        fill_weights(made, seed=1, gain=0.42 if prefix == "snapshot" else 1.5, head_gain=0.021)
        path = shuffle.snapshot_path(10, prefix=prefix)
        write_snapshot(path, model=made.state_dict(), epoch=10, metrics={}, losses={})
    images = Path(shutil.copytree(golden / "analysis" / "sa" / "images", tmp_path / "images"))
    poses = pd.read_hdf(analyze_images(shuffle.project.root, images, shuffle=4).h5)
    assert poses.shape == (2, 9)
    assert np.isfinite(poses.to_numpy()).all()
    video = Path(shutil.copy(golden / "analysis" / "sa" / "vid.avi", tmp_path))
    (analyzed,) = analyze_video(shuffle.project.root, video, shuffle=4, batch_size=2).videos
    assert np.isfinite(pd.read_hdf(analyzed.h5).to_numpy()).mean() > 0.5
