from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill_weights import fill_weights
from small_videos import write_video

from dlcx.analysis.lookup.example_frames import spread
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.evaluation import write_evaluation
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import read_all_labels
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.weights.live_model import read_live_model
from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot
from dlcx.nets.build import build_model
from dlcx.poses import Instances, Prediction
from dlcx.workflow import create_dataset, demo
from dlcx.workflow import export_model as exporting
from dlcx.workflow.export_model import export_model

NAME = "DLC_goldsa_resnet_50_iteration-0_shuffle-1"
FILE = f"exported-models-pytorch/{NAME}/{NAME}_snapshot-10.pt"


def test_the_file_of_deeplabcut_live(
    trained_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained_project)
    assert run(["export-model", "--verify", "-q"]) == 0
    said = capsys.readouterr().out.splitlines()
    file = trained_project / FILE
    assert said[:2] == [f"exported: {file}", "snapshot: 10"]
    assert said[-1].startswith("verified: 8 frame(s), 8 input(s): maps differ by up to ")
    found = read_live_model(file)
    (snapshot,) = trained_project.glob("dlc-models-pytorch/*/*/train/snapshot-010.pt")
    for name, tensor in read_snapshot(snapshot).model.items():
        assert torch.equal(found.pose[name], tensor)
    assert found.config["net_type"] == "resnet_50"
    assert str(trained_project) not in json.dumps(found.config)

    content = file.read_bytes()
    assert run(["export-model", "-q", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["written"], again["file"], again["verified"]) == (False, str(file), None)
    assert file.read_bytes() == content


def test_another_net_is_not_replaced(trained_project: Path, tmp_path: Path) -> None:
    file = export_model(trained_project, out=tmp_path).file
    assert file == tmp_path / f"{NAME}_snapshot-10.pt"
    found = torch.load(file, weights_only=True)
    found["pose"]["heads.bodypart.heatmap_head.deconv_layers.0.bias"] += 1
    torch.save(found, file)
    with pytest.raises(DlcxError, match="holds another net") as told:
        export_model(trained_project, out=tmp_path)
    assert "--overwrite" in told.value.hint
    assert export_model(trained_project, out=tmp_path, overwrite=True).written
    assert export_model(trained_project, out=tmp_path).written is False


def test_a_net_with_other_results_is_not_written(trained_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = exporting._rebuilt

    def wrong(live):
        right = built(live)
        return lambda tensors: {
            head: {name: values * 1.01 for name, values in maps.items()} for head, maps in right(tensors).items()
        }

    monkeypatch.setattr(exporting, "_rebuilt", wrong)
    with pytest.raises(DlcxError, match="would not give the snapshot's results: maps differ by up to 0"):
        export_model(trained_project, verify=True)
    assert not (trained_project / FILE).exists()


def test_frames_of_a_video(trained_project: Path) -> None:
    video = write_video(trained_project / "videos" / "v.avi", 30)
    found = export_model(trained_project, verify=True, video=video).verified
    assert found is not None
    assert (found.frames, found.inputs, found.maps) == (10, 10, 0)
    assert spread(30, 10) == [0, 3, 6, 10, 13, 16, 19, 23, 26, 29]
    assert spread(3, 10) == [0, 1, 2]


def test_wrong_calls(trained_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DlcxError, match="--format onxx: expected pt or onnx") as told:
        export_model(trained_project, format="onxx")
    assert told.value.hint == "Did you mean 'onnx'?"
    with pytest.raises(DlcxError, match="no such video"):
        export_model(trained_project, verify=True, video="none.mp4")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DlcxError, match="--format onnx needs"):
        export_model(trained_project, format="onnx")


def small_project(root: Path, net: str, animals: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drawn project with a snapshot of clear maps; of a conditional net with guesses of poses."""
    monkeypatch.setattr(demo, "FRAMES", 6)
    monkeypatch.setattr(demo, "LABELED", 4)
    demo.demo(root, animals=animals)
    project = open_project(root)
    create_dataset.create_dataset(
        root, net_type=net, weights="none", conditions=str(guesses(root)) if net.startswith("ctd_") else None
    )
    place = project.shuffle()
    model = build_model(read_model_config(place.model_config_path))
    fill_weights(model, 1, *GAINS.get(net, (1.0, 0.1)))
    write_snapshot(place.snapshot_path(1), model=model.state_dict(), epoch=1, metrics={}, losses={})
    return root


def guesses(root: Path) -> Path:
    """Labels with errors."""
    project, rng = open_project(root), np.random.default_rng(0)
    labels = read_all_labels(project)
    found = []
    for row in range(len(labels)):
        xy = labels.xy[row] + rng.normal(0, 3, labels.xy[row].shape)
        seen = np.isfinite(xy).all(-1)
        found.append(Prediction(Instances(xy[seen.any(1)], seen[seen.any(1)].astype(np.float32))))
    path = root / "guesses.h5"
    write_evaluation(labels.images, found, project.layout, path, "guesses")
    return path


#: Gains of ``fill_weights`` that neither let the maps explode nor make them flat: backbone, heads, bias of heatmaps.
GAINS: dict[str, tuple[float, ...]] = {
    "resnet_50": (1.0, 1.2, -9.0),
    "hrnet_w18": (0.42, 0.00235),
    "cspnext_s": (2.44, 0.00606),
    "dlcrnet_stride16_ms5": (1.1, 0.116),
    "dekr_w18": (0.42, 0.03),
    "rtmpose_s": (2.26,),
    "ctd_prenet_rtmpose_s": (1.81,),
    "ctd_coam_w32": (0.42, 0.03),
    "animaltokenpose_base": (0.42, 0.0213),
}
NETS = [
    ("resnet_50", 1),
    ("hrnet_w18", 1),
    ("cspnext_s", 1),
    ("timm/tf_efficientnet_lite0", 1),
    ("rtmpose_s", 1),
    ("resnet_50", 2),
    ("dlcrnet_stride16_ms5", 2),
    ("dekr_w18", 2),
    ("top_down_resnet_50", 2),
    ("animaltokenpose_base", 2),
    ("ctd_prenet_rtmpose_s", 2),
    ("ctd_coam_w32", 2),
]


@pytest.mark.slow
@pytest.mark.parametrize(("net", "animals"), NETS)
def test_onnx_of_every_family(net: str, animals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps of a net differ by a small share of their highest value, which random weights may make huge."""
    pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
    pytest.importorskip("onnxscript", reason="the extra 'onnx' is not installed")
    root = small_project(tmp_path / "p", net, animals, monkeypatch)
    done = export_model(root, format="onnx", verify=True)
    assert done.written
    assert done.verified is not None
    assert done.verified.inputs >= done.verified.frames >= 4
    assert done.verified.maps < 1e-3
    assert len(done.inputs) == (2 if net.startswith("ctd_") else 1)
    again = export_model(root, format="onnx", verify=True)
    assert not again.written
    assert again.verified == done.verified
    write_snapshot(
        open_project(root).shuffle().snapshot_path(1),
        model={
            name: tensor + 1 for name, tensor in read_snapshot(next(root.glob("dlc*/*/*/*/*-001.pt"))).model.items()
        },
        epoch=1,
        metrics={},
        losses={},
    )
    with pytest.raises(DlcxError, match="holds another net"):
        export_model(root, format="onnx")


def test_what_deeplabcut_live_cannot_do_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = small_project(tmp_path / "p", "ctd_prenet_rtmpose_s", 2, monkeypatch)
    with pytest.raises(DlcxError, match="corrects poses that another net finds") as told:
        export_model(root)
    assert "--format onnx" in told.value.hint
