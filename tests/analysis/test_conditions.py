"""A conditional net with conditions from a net in the same pass, and from the files that this net wrote before."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dlcx.analysis.conditions import ConditionFile, ConditionNetwork, chosen_conditions
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_model
from dlcx.store.manifest import stored_settings
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.evaluate import evaluate
from dlcx.workflow.train import train

FIRST, NET, BARE = 5, 6, 7
#: A tiny net finds the poses, a small one corrects them.
KINDS = {
    FIRST: ("timm/test_resnet", None),
    NET: ("ctd_prenet_rtmpose_s", str(FIRST)),
    BARE: ("CTD_PRENET_RTMPOSE_S", None),
}


@pytest.fixture(scope="module")
def root(golden: Path, tmp_path_factory) -> Path:
    """The single animal's project with the three nets, the first two with random weights."""
    root = tmp_path_factory.mktemp("conditions") / "project"
    shutil.copytree(golden / "files" / "sa", root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / "sa" / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / "sa" / f"CollectedData_me{suffix}", images)
    shutil.copy(golden / "analysis" / "sa" / "vid.avi", root)
    for number, (net, conditions) in KINDS.items():
        create_dataset(root, net_type=net, shuffle=number, conditions=conditions, weights="none", from_shuffle=1)
        if number != BARE:
            place = open_project(root).shuffle(number)
            torch.manual_seed(number)
            model = build_model(read_model_config(place.model_config_path))
            write_snapshot(place.snapshot_path(3), model=model.state_dict(), epoch=3, metrics={}, losses={})
    return root


def config(root: Path, number: int):
    return read_model_config(open_project(root).shuffle(number).model_config_path)


def test_the_file_names_the_conditions(root):
    assert config(root, NET).inference.conditions.plain()["shuffle"] == FIRST
    assert config(root, BARE).inference.conditions is None
    assert config(root, BARE).net_type == "ctd_prenet_rtmpose_s"


def test_evaluation_with_a_net_and_with_the_file_it_wrote(root):
    (first,) = evaluate(root, shuffle=FIRST).evaluated
    (live,) = evaluate(root, shuffle=NET).evaluated
    assert live.lines()[0].startswith(f"shuffle {NET}, snapshot 3, conditions of shuffle {FIRST}, snapshot 3:")
    found = pd.read_hdf(live.h5)
    assert np.isfinite(found.to_numpy()).any()
    (given,) = evaluate(root, shuffle=NET, conditions=str(first.h5)).evaluated
    assert given.conditions == str(first.h5)
    pd.testing.assert_frame_equal(pd.read_hdf(given.h5), found)
    assert not np.array_equal(pd.read_hdf(first.h5).to_numpy(), found.to_numpy())


def test_images_with_a_net_and_with_the_file_it_wrote(root, tmp_path):
    images = root / "labeled-data" / "vid"
    first = analyze_images(root, images, shuffle=FIRST, out=tmp_path)
    live = analyze_images(root, images, shuffle=NET, out=tmp_path)
    given = analyze_images(root, images, shuffle=NET, conditions=str(first.h5), out=tmp_path / "given")
    pd.testing.assert_frame_equal(pd.read_hdf(given.h5), pd.read_hdf(live.h5))


def test_video_with_a_net_and_with_the_files_it_wrote(root, tmp_path):
    video, options = root / "vid.avi", {"frames": (0, 6), "batch_size": 3}
    (first,) = analyze_video(root, video, shuffle=FIRST, out=tmp_path, **options).videos
    (live,) = analyze_video(root, video, shuffle=NET, out=tmp_path, **options).videos
    for name, path in (("h5", first.h5), ("csv", first.csv), ("pickle", first.full_pickle)):
        out = tmp_path / name
        (given,) = analyze_video(root, video, shuffle=NET, conditions=str(path), out=out, **options).videos
        pd.testing.assert_frame_equal(pd.read_hdf(given.h5), pd.read_hdf(live.h5))
    # in a part of the frame, poses of a file still count from the corner of the whole frame
    cropped = {"crop": (10, 110, 20, 100), **options}
    (part,) = analyze_video(root, video, shuffle=NET, conditions=str(first.h5), out=tmp_path / "crop", **cropped).videos
    box = pd.read_hdf(part.h5).to_numpy().reshape(6, -1, 3)[..., :2]
    assert (box.min((0, 1)) > -120).all()
    assert (box.max((0, 1)) < 260).all()


def test_the_store_of_a_video_names_the_conditions(root, tmp_path):
    video = root / "vid.avi"
    (live,) = analyze_video(root, video, shuffle=NET, out=tmp_path, frames=(0, 2)).videos
    store = next(tmp_path.glob("*.dlcx"))
    assert stored_settings(store)["conditions"].startswith("timm/test_resnet, snapshot-003.pt (")
    assert live.analyzed
    with pytest.raises(DlcxError, match="conditions"):
        analyze_video(root, video, shuffle=NET, conditions=str(live.h5), out=tmp_path, frames=(0, 2))


def test_a_retrained_detector_of_the_conditions_is_another_one(golden, tmp_path):
    shutil.copytree(golden / "files" / "ma", tmp_path / "project")
    place = open_project(tmp_path / "project").shuffle(2)
    for prefix in ("snapshot", "snapshot-detector"):
        place.snapshot_path(10, prefix=prefix).write_bytes(b"weights")
    found = ConditionNetwork.of_shuffle(place, read_model_config(place.model_config_path), place.snapshot())
    before = found.fingerprint()
    assert before == found.fingerprint()
    place.snapshot_path(10, prefix="snapshot-detector").write_bytes(b"others")
    assert found.fingerprint() != before


def test_training_without_conditions_says_what_is_missing(root, caplog):
    with caplog.at_level(logging.WARNING):
        result = train(root, shuffle=BARE, epochs=1, batch_size=4, workers=0, overrides=["runner.eval_interval=1"])
    assert "inference.conditions" in caplog.text
    assert "--conditions SHUFFLE|FILE" in caplog.text
    assert result.next_steps[0] == f"Next: dlcx evaluate --shuffle {BARE} --conditions {FIRST}"
    with pytest.raises(DlcxError, match=r"inference\.conditions is empty") as caught:
        evaluate(root, shuffle=BARE)
    assert "--conditions SHUFFLE" in caught.value.hint
    with pytest.raises(DlcxError, match=r"inference\.conditions is empty"):
        analyze_video(root, root / "vid.avi", shuffle=BARE)
    (found,) = evaluate(root, shuffle=BARE, conditions=f"{FIRST}:last").evaluated
    assert found.epoch == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing.h5", "--conditions nothing.h5: no such file"),
        ("9", "--conditions 9: there is no shuffle 9"),
        (f"{FIRST}:77", "--snapshot 77: .* has no such snapshot"),
        (str(NET), "needs conditions itself"),
    ],
)
def test_conditions_that_cannot_be_had(root, text, message):
    place = open_project(root).shuffle(NET)
    with pytest.raises(DlcxError, match=message):
        chosen_conditions(place, config(root, NET), text)


def test_only_conditional_nets_take_conditions(root):
    with pytest.raises(DlcxError, match="--conditions 5: resnet_50 takes none"):
        create_dataset(root, net_type="resnet_50", shuffle=9, conditions="5", weights="none")
    with pytest.raises(DlcxError, match="takes none, only BUCTD nets do"):
        evaluate(root, shuffle=FIRST, conditions=str(NET))


@pytest.mark.parametrize(
    ("block", "title"),
    [
        ({"source": "shuffle", "shuffle": FIRST, "snapshot": "snapshot-003.pt"}, "shuffle 5, snapshot 3"),
        ({"source": "shuffle", "shuffle": FIRST, "snapshot": "snapshot-003"}, "shuffle 5, snapshot 3"),
        ({"source": "shuffle", "shuffle": FIRST, "snapshot_index": -1, "config": "CONFIG"}, "shuffle 5, snapshot 3"),
        ({"source": "model", "config_path": "MODEL", "snapshot_path": "SNAPSHOT"}, "snapshot 3"),
    ],
)
def test_what_deeplabcuts_files_may_say(root, block, title):
    first = open_project(root).shuffle(FIRST)
    paths = {"CONFIG": root / "config.yaml", "MODEL": first.model_config_path, "SNAPSHOT": first.snapshot_path(3)}
    named = {key: str(paths.get(value, value)) if isinstance(value, str) else value for key, value in block.items()}
    place, plain = open_project(root).shuffle(NET), config(root, NET).plain()
    plain["inference"]["conditions"] = named
    changed = type(config(root, NET)).model_validate(plain)
    assert chosen_conditions(place, changed).title == title


def test_networks_of_another_folder_are_named_by_their_files(root):
    place, plain = open_project(root).shuffle(NET), config(root, NET).plain()
    plain["inference"]["conditions"] = {"source": "shuffle", "shuffle": FIRST, "modelprefix": "old"}
    changed = type(config(root, NET)).model_validate(plain)
    with pytest.raises(DlcxError, match=r"inference\.conditions: modelprefix old: ") as caught:
        chosen_conditions(place, changed)
    assert "source: model" in caught.value.hint
    assert chosen_conditions(place, changed, str(FIRST)).title == "shuffle 5, snapshot 3"


def test_a_file_named_in_the_file(root, tmp_path):
    (root / "given.h5").touch()
    place, plain = open_project(root).shuffle(NET), config(root, NET).plain()
    for given in ("given.h5", {"source": "file", "filepath": str(root / "given.h5")}):
        plain["inference"]["conditions"] = given
        found = chosen_conditions(place, type(config(root, NET)).model_validate(plain))
        assert found == ConditionFile(root / "given.h5", ("snout", "back", "tail"))
    named = chosen_conditions(place, config(root, NET), root / "given.h5")
    assert named == ConditionFile(root / "given.h5", ("snout", "back", "tail"))
