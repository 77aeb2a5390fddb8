from __future__ import annotations

import dataclasses
import importlib
import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from killing import Killed, killed_at

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.file_transaction import replacement_lock
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.locks import locked
from dlcx.options.command_line import flags
from dlcx.workflow.create_dataset import create_dataset

workflow = importlib.import_module("dlcx.workflow.create_dataset")
FILES = Path(__file__).parents[1] / "golden" / "files"


def labeled_project(name: str, tmp_path: Path) -> Path:
    """A project with eight labeled images and nothing else, as DeepLabCut leaves it after labeling."""
    import cv2

    root = tmp_path / f"gold{name}-me-2026-11-22"
    folder = root / "labeled-data" / "vid"
    folder.mkdir(parents=True)
    shutil.copy(FILES / name / "config.yaml", root)
    for path in (FILES / name / "training-datasets").rglob("CollectedData_me.*"):
        shutil.copy(path, folder)
    for index in range(8):
        cv2.imwrite(str(folder / f"img{index:02}.png"), np.zeros((128, 160, 3), np.uint8))
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one animal."""
    return labeled_project("sa", tmp_path)


@pytest.fixture
def told(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("dlcx"), "propagate", True)
    return caplog


def configure(root: Path, key: str, value: str) -> None:
    """Set a key of config.yaml that fits on a line."""
    config = root / "config.yaml"
    text, count = re.subn(rf"(?m)^{key}:.*$", f"{key}: {value}", config.read_text())
    assert count == 1
    config.write_text(text)


def test_the_network_of_the_project_config(project):
    configure(project, "default_net_type", "hrnet_w18")
    create_dataset(project, weights="none")
    assert read_model_config(open_project(project).shuffle(1).model_config_path).net_type == "hrnet_w18"
    create_dataset(project, net_type="resnet_50", weights="none", shuffle=2)
    assert read_model_config(open_project(project).shuffle(2).model_config_path).net_type == "resnet_50"


def test_a_network_of_another_engine_in_the_project_config(project):
    configure(project, "default_net_type", "mobilenet_v2_1.0")
    with pytest.raises(
        DlcxError, match=r"config\.yaml: default_net_type is mobilenet_v2_1\.0, which dlcx does not have"
    ):
        create_dataset(project, weights="none")
    assert not open_project(project).shuffles()


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("engine", "tensorflow", "engine: tensorflow has no effect: dlcx makes datasets and networks for PyTorch only"),
        ("default_augmenter", "imgaug", "default_augmenter: imgaug has no effect: augmentation is data.train"),
    ],
)
def test_choices_of_another_engine_are_named(project, told, key, value, text):
    create_dataset(project, weights="none")
    assert key not in told.text
    configure(project, key, value)
    create_dataset(project, weights="none", shuffle=2)
    assert f"config.yaml: {text}" in told.text


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    """All files with their time and content."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def make(project: Path, **options):
    return create_dataset(project, **{"weights": "none", **options})


@pytest.mark.parametrize("name", ["sa", "ma", "mui"])
def test_files_lie_where_deeplabcut_puts_them_and_are_equal(name, tmp_path):
    golden, project = FILES / name, labeled_project(name, tmp_path)
    split = {"train_indices": [0, 2, 3, 4, 6, 7]}
    result = make(project, **split)
    if name == "ma":
        make(project, **split, net_type="top_down_resnet_50", shuffle=2)

    expected = {str(path.relative_to(golden)) for path in golden.rglob("*") if path.is_file()}
    expected -= {"config_as_created.yaml"}
    created = {file for file in files(project) if not file.startswith("labeled-data")}
    assert {file for file in created - expected if not file.endswith("/dlcx.yaml")} == (
        {"training-datasets/iteration-0/UnaugmentedDataSet_goldsaNov22/goldsa_me75shuffle1.mat"}
        if name == "sa"
        else set()
    )
    for file in sorted(expected):
        mine, theirs = (project / file).read_bytes(), (golden / file).read_bytes()
        if file.endswith(".yaml"):
            assert mine.replace(str(project).encode(), b"PROJECT") == theirs, file
        elif file.endswith(".h5"):
            pd.testing.assert_frame_equal(pd.read_hdf(project / file), pd.read_hdf(golden / file))
        else:
            assert mine == theirs, file
    assert [line.split(": ")[0] for line in result.lines()][:3] == ["labels", "shuffle 1", "config"]
    assert result.next_steps[0] == "Next: dlcx train"
    assert not any(made.existed for made in result.shuffles)


def test_asking_again_changes_nothing_and_says_so(project):
    first = make(project)
    before = files(project)
    again = make(project)
    assert files(project) == before
    assert again.shuffles == (dataclasses.replace(first.shuffles[0], existed=True),)
    assert "was there already" in again.lines()[1]
    # The configuration is the user's to edit.
    config = first.shuffles[0].config
    config.write_text(config.read_text().replace("epochs: 200", "epochs: 7"))
    assert make(project).shuffles[0].existed
    assert read_model_config(config).train_settings.epochs == 7


def test_the_net_is_called_as_it_was_asked_for(project):
    """DeepLabCut's ``net_type`` does not say top_down."""
    done = create_dataset(project, net_type="top_down_timm/test_resnet", weights="none", detector_weights="none")
    assert "shuffle 1: top_down_timm/test_resnet, " in done.lines()[1]


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"net_type": "resnet_101"}, "net_type was resnet_50, now resnet_101"),
        ({"weights": "imagenet"}, "weights was none, now imagenet"),
        ({"seed": 1}, "seed was 42, now 1"),
        ({"train_indices": [0, 1]}, "split was frame, now given"),
        ({"overrides": ["train_settings.epochs=3"]}, "--set was"),
    ],
)
def test_other_settings_need_another_number_or_overwrite(project, options, difference):
    make(project)
    before = files(project)
    with pytest.raises(DlcxError) as caught:
        make(project, **options)
    assert f"shuffle 1 exists with other settings: {difference}" in str(caught.value)
    assert "--shuffle 2" in caught.value.hint
    assert "--overwrite" in caught.value.hint
    assert files(project) == before


def test_overwrite_removes_what_no_longer_fits(project, told):
    made = make(project).shuffles[0]
    shuffle = open_project(project).shuffle(1)
    snapshot = shuffle.train_dir / "snapshot-010.pt"
    snapshot.touch()
    shuffle.evaluation_dir.mkdir(parents=True)
    assert make(project, overwrite=True).shuffles[0].existed  # the same settings: training is kept
    assert snapshot.exists()
    again = make(project, net_type="resnet_101", overwrite=True).shuffles[0]
    assert again == dataclasses.replace(made, net_type="resnet_101")
    assert read_model_config(again.config).model.backbone["model_name"] == "resnet101"
    assert not snapshot.exists()
    assert not shuffle.evaluation_dir.exists()
    assert "removed 1 snapshots" in told.text


def test_a_shuffle_that_cannot_be_replaced_keeps_its_snapshots(project, monkeypatch):
    make(project)
    snapshot = open_project(project).shuffle(1).train_dir / "snapshot-010.pt"
    snapshot.write_bytes(b"hours")

    def full(*_: object) -> None:
        raise DlcxError("no room")

    monkeypatch.setattr("dlcx.workflow.create_dataset.write_dlcx_config", full)
    with pytest.raises(DlcxError, match="no room"):
        make(project, net_type="resnet_101", overwrite=True)
    assert snapshot.read_bytes() == b"hours"
    assert read_model_config(snapshot.with_name("pytorch_config.yaml")).model.backbone["model_name"] == "resnet50_gn"


def shuffle_1(project):
    """The snapshots, the net, the split and the number of its split of shuffle 1, and the labels that it counts."""
    shuffle = open_project(project).shuffle(1)
    labels, split = load_training_set(shuffle)
    net = read_model_config(shuffle.model_config_path).model.backbone["model_name"]
    snapshots = {path.name: path.read_bytes() for path in shuffle.train_dir.glob("*.pt")}
    number = read_metadata(shuffle.project)[shuffle.name]["split"]
    return snapshots, net, split.train.tolist(), number, labels.xy.tobytes()


@pytest.mark.parametrize("settles", ["another call", "the same call"])
@pytest.mark.parametrize("step", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_while_a_shuffle_is_replaced_loses_nothing(project, monkeypatch, settles, step):
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(workflow, "_check_nets", lambda _: None)
    make(project, train_indices=[1, 2, 3])
    open_project(project).shuffle(1).train_dir.joinpath("snapshot-010.pt").write_bytes(b"hours")
    old, backup = shuffle_1(project), project.with_name("backup")
    labels = read_labels(project / "labeled-data" / "vid" / "CollectedData_me")
    labels = dataclasses.replace(labels, xy=labels.xy + 1)
    write_labels(labels, project / "labeled-data" / "vid" / "CollectedData_me", "me")
    shutil.copytree(project, backup)
    outcomes = []
    for event in range(0, 1000, step):
        shutil.rmtree(project)
        shutil.copytree(backup, project)
        try:
            with killed_at(event, project):
                make(project, net_type="resnet_101", train_indices=[4, 5], overwrite=True)
        except Killed:
            pass
        else:
            break
        if settles == "another call":
            with replacement_lock(project):
                pass
            found = shuffle_1(project)
            outcomes.append(found[0] == {})
            new = ({}, "resnet101", [4, 5], 1, labels.xy.tobytes())
            assert found == (new if outcomes[-1] else old), event
        else:
            make(project, net_type="resnet_101", train_indices=[4, 5], overwrite=True)
            assert shuffle_1(project)[:3] == ({}, "resnet101", [4, 5])
            assert not [path for path in project.rglob(".*") if path.is_file()], event
    assert outcomes == sorted(outcomes)
    if settles == "another call" and step == 1:
        assert set(outcomes) == {False, True}
    assert event > 60


def test_a_shuffle_is_not_replaced_while_it_is_trained(project):
    make(project, shuffle=[1, 2])
    shuffle = open_project(project).shuffle(2)
    before = files(project)
    with (
        locked(shuffle.train_lock, "another one"),
        pytest.raises(DlcxError, match=rf"the training of {shuffle.name} is held by process \d+ on"),
    ):
        make(project, shuffle=[1, 2], net_type="resnet_101", overwrite=True)
    assert files(project) == before
    make(project, shuffle=[1, 2], net_type="resnet_101", overwrite=True)
    assert not list(project.rglob("*.lock"))


@pytest.mark.parametrize("own", [True, False], ids=["as dlcx makes it", "without dlcx.yaml"])
def test_other_conditions_are_other_settings(project, own):
    make(project, shuffle=[1, 2])
    net = {"net_type": "ctd_prenet_rtmpose_s", "shuffle": 3}
    made = make(project, **net, conditions="1").shuffles[0]
    if not own:
        made.config.with_name("dlcx.yaml").unlink()
    assert make(project, **net, conditions="1").shuffles[0].existed
    with pytest.raises(DlcxError, match="conditions were .*'shuffle': 1.*, now .*'shuffle': 2" if own else "differs"):
        make(project, **net, conditions="2")
    make(project, **net, conditions="2", overwrite=True)
    assert read_model_config(made.config).inference.conditions.shuffle == 2


def test_shuffles_differ_by_number_and_seed_and_can_share_a_split(project):
    result = make(project, shuffle=[1, 2])
    make(project, shuffle=3, seed=7)
    make(project, shuffle=4, from_shuffle=2, net_type="resnet_101")
    opened = open_project(project)
    tests = [tuple(load_training_set(opened.shuffle(number))[1].test) for number in (1, 2, 3, 4)]
    assert len(set(tests[:3])) == 3
    assert tests[3] == tests[1]
    assert result.next_steps == ("Next: dlcx train", "Next: dlcx train --shuffle 2")
    assert [entry["split"] for entry in read_metadata(opened).values()] == [1, 2, 3, 2]
    # Drawn alone, shuffle 2 gets the same images again.
    before = tests[1]
    shutil.rmtree(project / "dlc-models-pytorch")
    shutil.rmtree(project / "training-datasets")
    make(project, shuffle=2)
    assert tuple(load_training_set(opened.shuffle(2))[1].test) == before


def test_a_new_fraction_is_added_to_config_yaml(project):
    result = make(project, train_fraction=0.29, shuffle=3)
    assert read_project_config(project / "config.yaml").TrainingFraction == [0.75, 0.29]
    made = result.shuffles[0]
    assert (made.train_images, made.test_images, made.trainset_index) == (2, 6, 1)
    assert made.config.parts[-3] == "goldsaNov22-trainset28shuffle3"
    assert result.next_steps == ("Next: dlcx train --shuffle 3",)
    golden = (FILES / "sa" / "config.yaml").read_text()
    assert (project / "config.yaml").read_text() == golden.replace("- 0.75\n", "- 0.75\n- 0.29\n")


def test_own_settings_and_overrides_are_kept(project):
    override = "data.train.crop_sampling.width=128"
    made = make(project, overrides=[override], seed=5).shuffles[0]
    assert read_model_config(made.config).data.train.crop_sampling.width == 128
    own = read_dlcx_config(made.config.with_name("dlcx.yaml"))
    assert (own.net_type, own.weights, own.split, own.seed) == ("resnet_50", "none", "frame", 5)
    assert own.overrides == [override]


def test_imagenet_weights_that_cannot_be_had_are_a_warning(project, told, monkeypatch):
    from dlcx.nets import weights

    def offline(config, source, tables):
        raise DlcxError("--weights imagenet: cannot fetch", hint="Use --weights none.")

    monkeypatch.setattr(weights, "check_source", offline)
    assert create_dataset(project).shuffles[0].config.is_file()
    assert "`dlcx train` will stop here: --weights imagenet: cannot fetch. Use --weights none." in told.text


def test_new_images_need_a_new_iteration(project, told):
    make(project)
    path = project / "labeled-data" / "vid" / "CollectedData_me"
    labels = read_labels(path)
    fewer = dataclasses.replace(labels, images=labels.images[1:], xy=labels.xy[1:], unique_xy=labels.unique_xy[1:])
    write_labels(fewer, path, "me")
    before = files(project)
    for shuffle in (1, 2):
        with pytest.raises(DlcxError, match="8 images before, 7 now") as caught:
            make(project, shuffle=shuffle)
        assert "iteration: 1" in caught.value.hint
    assert files(project) == before
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("iteration: 0", "iteration: 1"))
    assert make(project).shuffles[0].train_images == 5
    # Corrected coordinates keep the rows, and so the splits.
    write_labels(dataclasses.replace(fewer, xy=fewer.xy + 1), path, "me")
    make(project, shuffle=2)
    assert "labels were corrected" in told.text
    merged, _ = load_training_set(open_project(project).shuffle(1))
    np.testing.assert_array_equal(merged.xy, fewer.xy + 1)


def test_a_killed_run_is_finished_by_the_next(project):
    made = make(project).shuffles[0]
    whole = files(project)
    shutil.rmtree(made.config.parents[1])
    assert not make(project).shuffles[0].existed
    assert {name: content for name, (_, content) in files(project).items() if not name.endswith(".mat")} == {
        name: content for name, (_, content) in whole.items() if not name.endswith(".mat")
    }


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"net_type": "resnet50"}, "--net-type resnet50", "'resnet_50'"),
        ({"trainset_index": 1}, "--trainset-index 1", ""),
        ({"train_fraction": 0.5, "trainset_index": 0}, "both choose", "one"),
        ({"train_fraction": 1.5}, "--train-fraction 1.5: expected", ""),
        ({"train_fraction": 0.123}, "at most two decimals", ""),
        ({"train_fraction": 0.1}, "no training image", "--train-fraction"),
        ({"split_by": "week"}, "--split-by week: expected frame or video", ""),
        ({"split_by": "video"}, "at least two videos", "frame"),
        ({"split_by": "video", "from_shuffle": 1}, "both choose the split", ""),
        ({"from_shuffle": 5}, "--from-shuffle 5", ""),
        ({"seed": -1}, "--seed -1", ""),
        ({"shuffle": -1}, "--shuffle -1: expected 0 to 1000000", ""),
        ({"weights": "/no/such/file.pth"}, "/no/such/file.pth", ""),
        ({"overrides": ["train_settings.epoch=1"]}, "unknown key 'train_settings.epoch'", "'epochs'"),
        ({"overrides": ["model.heads.bodypart.foo=3"]}, "model.heads.bodypart.foo: unknown key", "predictor"),
        (
            {"overrides": ["model.heads.bodypart.target_generator.pos_dist=4"]},
            "model.heads.bodypart.target_generator.pos_dist: unknown key",
            "'pos_dist_thresh'",
        ),
        ({"overrides": ["model.backbone.stride=8"]}, "model.backbone.stride: unknown key", "output_stride"),
        ({"overrides": ["runner.optimizer.params.rate=1"]}, "runner.optimizer.params: AdamW rejects", ""),
        ({"overrides": ["runner.scheduler.type=Slowly"]}, "runner.scheduler.type: no schedule 'Slowly'", ""),
        (
            {"net_type": "top_down_resnet_50", "overrides": ["detector.model.type=SSD"]},
            "detector.model.type: unknown 'SSD'",
            "SSDLite",
        ),
        ({"train_indices": "/no/such/file.txt"}, "cannot read /no/such/file.txt", ""),
    ],
)
def test_a_wrong_value_is_named_before_anything_is_written(project, options, message, hint):
    before = files(project)
    with pytest.raises(DlcxError) as caught:
        make(project, **options)
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert files(project) == before


def test_a_missing_image_is_named_before_anything_is_written(project):
    (project / "labeled-data" / "vid" / "img03.png").unlink()
    before = files(project)
    with pytest.raises(DlcxError, match=r"img03\.png does not exist"):
        make(project)
    assert files(project) == before


def test_the_command(project, capsys):
    call = ["create-dataset", "--project", str(project), "--weights", "none"]
    assert run([*call, "--shuffle", "1", "--shuffle", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.count("config: ") == 2
    assert "hint: Next: dlcx train" in err
    assert run([*call, "--json"]) == 0
    assert '"existed": true' in capsys.readouterr().out
    assert run([*call, "--seed", "1"]) == 3
    assert "--overwrite" in capsys.readouterr().err
    assert run([*call, "--split-by"]) == 2


def test_whole_videos_are_kept_apart(project):
    """Three videos of 8 images; config.yaml lists them, and the third goes to the test images."""
    labels = read_labels(project / "labeled-data" / "vid" / "CollectedData_me")
    config = project / "config.yaml"
    for stem in ("vid2", "vid3"):
        shutil.copytree(project / "labeled-data" / "vid", project / "labeled-data" / stem)
        images = tuple((folder, stem, name) for folder, _, name in labels.images)
        write_labels(
            dataclasses.replace(labels, images=images), project / "labeled-data" / stem / "CollectedData_me", "me"
        )
        listed = f"video_sets:\n  PROJECT/videos/{stem}.avi:\n    crop: 0, 160, 0, 128"
        config.write_text(config.read_text().replace("video_sets:", listed))
    assert run(["create-dataset", "-p", str(project), "--weights", "none", "--split-by", "video"]) == 0
    merged, split = load_training_set(open_project(project).shuffle(1))
    train, test = ({merged.images[row][1] for row in rows} for rows in (split.train, split.test))
    assert len(train) == 2
    assert len(test) == 1
    assert not train & test
    assert sorted([*split.train, *split.test]) == list(range(24))
    own = read_dlcx_config(open_project(project).shuffle(1).dlcx_config_path)
    assert (own.split, own.seed) == ("video", 42)


def test_openfield(openfield):
    made = make(openfield, train_fraction=0.8).shuffles[0]
    assert (made.train_images, made.test_images) == (92, 24)
    labels, split = load_training_set(open_project(openfield).shuffle(1, 1))
    assert len(labels) == 116
    assert labels.layout.bodyparts == ("snout", "leftear", "rightear", "tailbase")
    assert sorted([*split.train, *split.test]) == list(range(116))


def identity_project(tmp_path: Path, *, unique: bool) -> Path:
    """Two animals that can be told apart, with or without unique bodyparts."""
    root = labeled_project("mui", tmp_path)
    config = root / "config.yaml"
    if not unique:
        text = config.read_text()
        assert "uniquebodyparts:\n- lamp\n- door\n" in text
        config.write_text(text.replace("uniquebodyparts:\n- lamp\n- door\n", "uniquebodyparts: []\n"))
        for path in (root / "labeled-data").rglob("*.h5"):
            table = pd.read_hdf(path)
            kept = table.columns.get_level_values("individuals") != "single"
            table.loc[:, kept].to_hdf(path, key="df_with_missing", mode="w")
        for path in (root / "labeled-data").rglob("*.csv"):
            path.unlink()
    return root


def test_nets_that_cannot_tell_individuals_apart_go_without_and_say_so(tmp_path, told):
    project = identity_project(tmp_path, unique=False)
    made = make(project, net_type="top_down_resnet_50", shuffle=[1, 2])
    assert len(made.shuffles) == 2
    for shuffle in made.shuffles:
        config = read_model_config(shuffle.config)
        assert list(config.model.heads) == ["bodypart"]
        assert config.metadata.with_identity is False
    said = [record.getMessage() for record in told.records if "identity" in record.getMessage()]
    assert len(said) == 1
    assert "top_down_resnet_50 goes without the identity head" in said[0]


@pytest.mark.parametrize("net_type", ["top_down_resnet_50", "rtmpose_s"])
def test_nets_on_crops_refuse_unique_bodyparts(tmp_path, net_type):
    project = identity_project(tmp_path, unique=True)
    before = files(project)
    with pytest.raises(DlcxError, match="only bottom-up networks find unique bodyparts, which this project has"):
        make(project, net_type=net_type)
    assert files(project) == before


def test_deconvolution_layers_are_added_by_editing_the_yaml(tmp_path):
    """A top-down head has none; with two, its maps are four times as fine as the features."""
    import torch

    from dlcx.nets.build import build_model

    project = labeled_project("ma", tmp_path)
    path = make(project, net_type="top_down_resnet_50").shuffles[0].config
    plain = build_model(read_model_config(path))
    content = read_yaml(path)
    for part, outputs in (("heatmap_config", 4), ("locref_config", 8)):
        content["model"]["heads"]["bodypart"][part] = {
            "channels": [2048, 64, 32],
            "kernel_size": [3, 3],
            "strides": [2, 2],
            "final_conv": {"out_channels": outputs, "kernel_size": 1},
        }
    write_yaml(content, path)
    model = build_model(read_model_config(path)).eval()
    with torch.inference_mode():
        maps = model(torch.zeros(1, 3, 64, 64))["bodypart"]
    assert (plain.stride(), model.stride()) == (16, 4)
    assert maps["heatmap"].shape == (1, 4, 19, 19)
    assert maps["locref"].shape == (1, 8, 19, 19)
    head = model.state_dict()
    prefix = "heads.bodypart.heatmap_head."
    assert head[f"{prefix}deconv_layers.0.weight"].shape == (2048, 64, 3, 3)
    assert head[f"{prefix}deconv_layers.2.weight"].shape == (64, 32, 3, 3)
    assert head[f"{prefix}final_conv.weight"].shape == (4, 32, 1, 1)
    assert make(project, net_type="top_down_resnet_50").shuffles[0].existed


def test_a_top_down_net_gets_a_detector(tmp_path, told):
    project = labeled_project("ma", tmp_path)
    place = open_project(project).shuffle(1)
    make(project, net_type="top_down_resnet_50")
    config = read_model_config(place.model_config_path)
    assert (config.detector.model.type, config.detector.train_settings.batch_size) == ("SSDLite", 16)
    own = read_dlcx_config(place.dlcx_config_path)
    assert (own.detector, own.detector_weights, own.detector_source) == (None, None, "none")

    named = {"net_type": "top_down_resnet_50", "detector": "fasterrcnn_mobilenet_v3_large_fpn", "shuffle": 2}
    make(project, **named)
    other = open_project(project).shuffle(2)
    assert read_model_config(other.model_config_path).detector.model.variant == named["detector"]
    with pytest.raises(DlcxError, match="detector was fasterrcnn_mobilenet_v3_large_fpn, now None"):
        make(project, net_type="top_down_resnet_50", shuffle=2)
    with pytest.raises(DlcxError, match="--detector ssd: no such detector"):
        make(project, net_type="top_down_resnet_50", detector="ssd", shuffle=3)
    with pytest.raises(DlcxError, match="--detector ssdlite: resnet_50 is not a top-down net"):
        make(labeled_project("sa", tmp_path), net_type="resnet_50", detector="ssdlite")
    with pytest.raises(DlcxError, match=r"--detector-weights .*gone\.pt: no such file"):
        make(project, net_type="top_down_resnet_50", detector_weights="gone.pt", shuffle=3)


def test_it_says_that_training_needs_the_network_for_coco(tmp_path, told, monkeypatch):
    from urllib.error import URLError

    from dlcx.nets.detectors import weights

    def absent(*_, **__):
        raise URLError("no name server")

    monkeypatch.setattr(weights, "urlopen", absent)
    monkeypatch.setattr(weights.torch.hub, "get_dir", lambda: str(tmp_path))
    make(labeled_project("ma", tmp_path), net_type="top_down_resnet_50", detector_weights="coco")
    assert "`dlcx train` will stop here: --detector-weights coco" in told.text


def test_another_fraction_takes_the_next_free_number(project, capsys):
    """Results of two shuffles 1 would have the same names, and commands would need --trainset-index."""
    make(project)
    (made,) = make(project, train_fraction=0.5).shuffles
    assert (made.shuffle, made.trainset_index, made.train_images) == (2, 1, 4)
    assert make(project, train_fraction=0.5).shuffles[0].existed
    assert make(project).shuffles[0].shuffle == 1
    before = files(project)
    with pytest.raises(DlcxError, match="--shuffle 1: shuffle 1 already exists with 75 % training images") as caught:
        make(project, shuffle=1, train_fraction=0.5)
    assert "--shuffle 3" in caught.value.hint
    assert files(project) == before
    assert make(project, shuffle=2, seed=5, overwrite=True).shuffles[0].trainset_index == 1


def test_a_unique_number_needs_no_index(project, capsys):
    make(project)
    result = make(project, train_fraction=0.5)
    assert result.next_steps == ("Next: dlcx train --shuffle 2",)
    calls = ["train --device gpu --shuffle 2", "compare 2 1"]
    calls += [
        f"{name} --shuffle 2" for name in ("evaluate", "report", "export-model", "score-maps x", "analyze-images x")
    ]
    for call in calls:
        assert run([*call.split(), "--project", str(project)]) == 3
        err = capsys.readouterr().err
        assert "trainset75shuffle2" not in err, call
        assert "--trainset-index" not in err, call
    opened = open_project(project)
    assert (opened.shuffle(2).fraction, flags(opened.shuffle(2).options)) == (0.5, ["--shuffle", "2"])
    assert run(["evaluate", "--project", str(project), "--shuffle", "2", "--trainset-index", "0"]) == 3
    err = capsys.readouterr().err
    assert "hint: Leave out --trainset-index: the training fraction of shuffle 2 is 0.5." in err


def test_the_split_of_another_shuffle_brings_its_fraction(project):
    make(project)
    make(project, train_fraction=0.5)
    (made,) = make(project, from_shuffle=2, shuffle=3).shuffles
    assert (made.trainset_index, made.train_images) == (1, 4)
    with pytest.raises(DlcxError, match=r"--from-shuffle 2: its training fraction is 0\.5, not 0\.75") as caught:
        make(project, from_shuffle=2, trainset_index=0, shuffle=4)
    assert "Leave out" in caught.value.hint


def test_numbers_that_several_fractions_have_need_the_index(project):
    """As DeepLabCut makes them."""
    home = make_fractions(project)
    for fraction in (0.5, 0.25):
        home.shuffle(7, home.train_fractions.index(fraction)).train_dir.mkdir(parents=True)
    with pytest.raises(DlcxError, match="several values of TrainingFraction have a shuffle 7") as caught:
        home.shuffle(7)
    assert caught.value.hint == "Choose one of --trainset-index 1 (0.5), --trainset-index 2 (0.25)."
    assert flags(home.shuffle(7, 2).options) == ["--shuffle", "7", "--trainset-index", "2"]
    home.shuffle(7, 0).train_dir.mkdir(parents=True)
    assert home.shuffle(7).fraction == 0.75  # as DeepLabCut's default


def make_fractions(project):
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("- 0.75\n", "- 0.75\n- 0.5\n- 0.25\n"))
    return open_project(project)
