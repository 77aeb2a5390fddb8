"""Tiny projects of two animals for every method, so that training each takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from dots import draw_dots

from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project, write_project_config
from dlcx.formats.shuffles.dlcx_config import write_dlcx_config
from dlcx.formats.shuffles.model_config import write_model_config
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.training_set import write_documentation
from dlcx.nets.configure import model_config
from dlcx.poses import Labels, Layout
from dlcx.settings import DlcxConfig, ModelConfig, ProjectConfig

LAYOUT = Layout(("red", "green"), individuals=("one", "two"), multi=True)
LEARNT, TESTED = 7, 3


def two_animals(root: Path, net: str) -> Path:
    """A project of 10 images that show two animals, some of one alone, of two dots each; shuffle 1 is ``net``."""
    (root / "labeled-data" / "vid").mkdir(parents=True)
    rng = np.random.default_rng(0)
    names, xy = [], []
    for index in range(LEARNT + TESTED):
        (left, one), (right, two) = draw_dots(rng), draw_dots(rng)
        names.append(("labeled-data", "vid", f"img{index:02}.png"))
        both = np.stack([one, two + np.array([left.shape[1], 0])])
        xy.append(np.where(index % 3 == 1 and np.arange(2)[:, None, None] == 1, np.nan, both))
        cv2.imwrite(str(root.joinpath(*names[-1])), np.concatenate([left, right], 1)[..., ::-1])
    facts: dict[str, Any] = {"Task": "two", "scorer": "me", "date": "Jan2", "project_path": str(root)}
    facts |= {"multianimalproject": True, "individuals": list(LAYOUT.individuals), "uniquebodyparts": []}
    facts |= {"multianimalbodyparts": list(LAYOUT.bodyparts), "bodyparts": "MULTI!", "skeleton": [["red", "green"]]}
    write_project_config(ProjectConfig(**facts, video_sets={}, TrainingFraction=[0.7]), root / "config.yaml")
    place = open_project(root).shuffle(1)
    labels = Labels(LAYOUT, tuple(names), np.stack(xy), np.zeros((LEARNT + TESTED, 0, 2)))
    write_labels(labels, place.project.merged_labels_path, "me")
    numbers = np.arange(LEARNT + TESTED)
    write_documentation([], Split(numbers[:LEARNT], numbers[LEARNT:], 0.7), place.documentation_path)
    write_model_config(ModelConfig.model_validate(_small(model_config(net, LAYOUT))), place.model_config_path)
    write_dlcx_config(DlcxConfig(weights="none"), place.dlcx_config_path)
    return root


def _small(plain: dict[str, Any]) -> dict[str, Any]:
    """The net's settings for images of 64 px and two epochs."""
    if (detector := plain.get("detector")) is not None:
        detector["model"]["freeze_bn_stats"] = False  # random layers have no statistics worth keeping
        detector["data"]["train"]["collate"] = {"type": "ResizeFromDataSizeCollate", "min_scale": 0.6, "max_scale": 1.0}
        detector["data"]["train"]["collate"] |= {"min_short_side": 48, "max_short_side": 64, "multiple_of": 16}
    if "top_down_crop" in plain["data"]["train"]:
        for part in ("train", "inference"):
            plain["data"][part]["top_down_crop"] = {"width": 64, "height": 64}
    else:
        plain["data"]["train"]["crop_sampling"] = {"width": 64, "height": 64, "max_shift": 0.1, "method": "hybrid"}
    for settings in (plain, detector) if detector else (plain,):
        settings["runner"] |= {"eval_interval": 2, "snapshots": {"max_snapshots": 3, "save_epochs": 2}}
        settings["train_settings"] = {"batch_size": 3 if settings is plain else 4, "epochs": 2, "seed": 1}
    return plain
