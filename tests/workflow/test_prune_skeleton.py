import json
import logging
import shutil

import numpy as np
import pytest

from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.heads.paf.linking import JointDetections
from dlcx.poses import Instances, Prediction
from dlcx.store import open_store
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.demo import demo
from dlcx.workflow.prune_skeleton import prune_skeleton

NET = "timm/test_resnet"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two drawn animals and the random weights of a small net."""
    from dlcx.formats.weights.snapshot import write_snapshot
    from dlcx.nets.build import build_model

    root = tmp_path_factory.mktemp("drawn") / "demo"
    with pytest.MonkeyPatch.context() as short:
        short.setattr("dlcx.workflow.demo.FRAMES", 40)
        short.setattr("dlcx.workflow.demo.LABELED", 20)
        demo(root, animals=2)
    made = create_dataset(root, net_type=NET, weights="none")
    config = made.shuffles[0].config
    model = build_model(read_model_config(config))
    write_snapshot(config.with_name("snapshot-010.pt"), model=model.state_dict(), epoch=10, metrics={}, losses={})
    return root


@pytest.fixture
def project(drawn, tmp_path):
    root = tmp_path / "demo"
    shutil.copytree(drawn, root)
    return root


@pytest.fixture
def seen(monkeypatch):
    """The labeled joints; only edges to the last bodypart of an animal tell it from another."""
    from dlcx.data.labeled_images import LabeledImages

    counted = []

    def look(predictor, decoder, images):
        counted.append(len(images))
        found = []
        for pose in look.labels[: len(images)]:
            xy = pose.animals.xy.transpose(1, 0, 2)  # bodyparts first
            there = np.isfinite(xy).all(-1)
            who = np.nonzero(there)[1]
            part = np.nonzero(there)[0]
            affinity = []
            for first, second in decoder.graph:
                same = who[part == first][:, None] == who[part == second]
                good = second == len(there) - 1
                affinity.append(np.where(same == good, 0.9, 0.1).ravel())
            found.append(JointDetections(there.sum(1), xy[there], np.ones(there.sum()), np.concatenate(affinity)))
        del look.labels[: len(images)]
        return found

    original = LabeledImages.__init__

    def remember(self, paths, labels, **options):
        look.labels = list(labels)
        original(self, paths, labels, **options)

    monkeypatch.setattr(LabeledImages, "__init__", remember)
    monkeypatch.setattr("dlcx.predictors.joints.detect_joints", look)
    return counted


def test_the_edges_that_tell_animals_apart_are_kept(project, seen):
    result = prune_skeleton(project, batch_size=4)
    parts = read_model_config(result.config).metadata.bodyparts
    assert {pair[1] for pair in result.pairs} == {parts[-1]}
    assert len(result.edges) == len(parts) - 1 < result.before
    assert result.images == sum(seen) == 16
    assert max(seen) > 1
    best = next(one for one in result.tried if one.edges == result.edges)
    assert best.mAP > 90 > result.tried[-1].mAP
    assert read_model_config(result.config).model.heads["bodypart"]["predictor"]["edges_to_keep"] == list(result.edges)
    written = read_yaml(result.pose_config)
    assert written["paf_best"] == list(result.edges)
    assert written["all_joints_names"] == parts
    again = prune_skeleton(project)
    assert (again.edges, again.before) == (result.edges, result.before)


def test_analyses_with_the_skeleton_before_are_told(project, seen, caplog, monkeypatch):
    """Both commands name the files that must be made again: this one, and the analysis of a video."""
    place = open_project(project).shuffle(1)
    how = {"snapshot": "best", "device": "cpu", "precision": "fp32", "engine": "torch"}
    monkeypatch.setattr(logging.getLogger("dlcx"), "propagate", True)
    net = TrainedNetwork.find(place, **how)
    folder = project / "videos" / f"arena{net.scorer}.dlcx"
    with open_store(folder, net.settings) as store:
        store.append(0, [Prediction(Instances.empty(8))], np.zeros(1), np.ones(1, bool))
    (project / "videos" / "other.dlcx").mkdir()
    prune_skeleton(project)
    (told,) = [message for message in caplog.messages if "analyses" in message]
    assert told.startswith(f"1 analyses, such as {folder}, used the skeleton as it was before. ")
    assert "--overwrite" in told
    net = TrainedNetwork.find(place, **how)
    with pytest.raises(DlcxError, match="changed since, by hand or by prune-skeleton") as refused:
        open_store(folder, net.settings).__enter__()
    assert "--overwrite" in refused.value.hint
    assert "dlcx track" in refused.value.hint
    caplog.clear()
    prune_skeleton(project)
    assert not [message for message in caplog.messages if "analyses" in message]


def test_command(project, seen, capsys):
    assert run(["prune-skeleton", "-p", str(project), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["images"] == 16
    assert run(["prune-skeleton", "-p", str(project)]) == 0
    out = capsys.readouterr()
    assert "  kept" in out.out
    assert "dlcx evaluate" in out.err


def test_an_untrained_net_is_left_as_it_is(project):
    before = read_model_config(next(project.rglob("pytorch_config.yaml")))
    with pytest.raises(DlcxError, match=r"finds no (animal|two bodyparts) |two labeled animals that the net finds"):
        prune_skeleton(project, batch_size=8)
    assert read_model_config(next(project.rglob("pytorch_config.yaml"))) == before


def test_other_nets_have_no_skeleton(project):
    create_dataset(project, net_type="top_down_resnet_50", weights="none", shuffle=2)
    with pytest.raises(DlcxError, match="resnet_50 has no part-affinity fields") as caught:
        prune_skeleton(project, shuffle=2)
    assert "dlcrnet_stride16_ms5" in caught.value.hint
