"""A project small enough to train in a second: two dots that move over noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
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


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A project of 10 images with shuffle 1 = timm/test_resnet, 8 images to learn from and 2 to test on."""
    root = tmp_path / "tiny-me-2026-01-02"
    folder = root / "labeled-data" / "vid"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    layout = Layout(("red", "green"))
    images, xy = [], []
    for index in range(10):
        image, centers = draw_dots(rng)
        images.append(("labeled-data", "vid", f"img{index:02}.png"))
        xy.append(centers[None])
        cv2.imwrite(str(root.joinpath(*images[-1])), image[..., ::-1])
    write_project_config(
        ProjectConfig(
            Task="tiny",
            scorer="me",
            date="Jan2",
            project_path=str(root),
            video_sets={},
            bodyparts=list(layout.bodyparts),
            TrainingFraction=[0.8],
        ),
        root / "config.yaml",
    )
    place = open_project(root).shuffle(1)
    labels = Labels(layout, tuple(images), np.stack(xy), np.zeros((10, 0, 2)))
    write_labels(labels, place.project.merged_labels_path, "me")
    write_documentation([], Split(np.arange(8), np.arange(8, 10), 0.8), place.documentation_path)
    plain = model_config("timm/test_resnet", layout)
    plain["data"]["train"]["crop_sampling"] = {"width": 64, "height": 64, "max_shift": 0.1, "method": "hybrid"}
    plain["runner"] |= {"eval_interval": 2, "snapshots": {"max_snapshots": 3, "save_epochs": 2}}
    plain["train_settings"] = {"batch_size": 3, "epochs": 3, "seed": 1}
    write_model_config(ModelConfig(**plain), place.model_config_path)
    write_dlcx_config(DlcxConfig(weights="none"), place.dlcx_config_path)
    return root
