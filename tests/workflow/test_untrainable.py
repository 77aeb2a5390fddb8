"""AnimalTokenPose: a shuffle of it is made and analyses, but is not trained."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fill_weights import fill_weights

from dlcx.cli.app import run
from dlcx.formats.model_config import read_model_config
from dlcx.formats.project_config import open_project
from dlcx.formats.snapshot import write_snapshot
from dlcx.nets.build import build_detector, build_model
from dlcx.project import DETECTOR, Shuffle
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.create_dataset import create_dataset


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
