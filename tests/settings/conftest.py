"""A project whose files are small enough to build everything from them in an instant."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from small_videos import write_video
from two_parts import LAYOUT

from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project, read_project_config, write_project_config
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.training_set import write_documentation
from dlcx.poses import Labels
from dlcx.project import Shuffle
from dlcx.settings import ProjectConfig
from dlcx.settings.project import VideoSet


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Shuffle:
    """Shuffle 1 of a project with four labeled images of 40 x 30 pixels, three of them for training."""
    root = tmp_path_factory.mktemp("keys") / "keys-me-2026-01-02"
    folder = root / "labeled-data" / "vid"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = []
    for number in range(4):
        images.append(("labeled-data", "vid", f"img{number}.png"))
        cv2.imwrite(str(root.joinpath(*images[-1])), rng.integers(60, 200, (30, 40, 3), np.uint8))
    facts = {"Task": "keys", "scorer": "me", "date": "Jan2", "project_path": str(root), "TrainingFraction": [0.75]}
    write_project_config(ProjectConfig(**facts, bodyparts=list(LAYOUT.bodyparts)), root / "config.yaml")
    found = open_project(root).shuffle(1)
    labels = Labels(LAYOUT, tuple(images), rng.uniform(8, 22, (4, 1, 2, 2)), np.zeros((4, 0, 2)))
    for path in (found.project.merged_labels_path, found.project.labels_path("vid")):
        write_labels(labels, path, "me")
    video = write_video(root / "videos" / "vid.avi", 12)
    config = read_project_config(root / "config.yaml")
    listed = config.model_copy(update={"video_sets": {str(video): VideoSet(crop="0, 96, 0, 64")}})
    write_project_config(listed, root / "config.yaml")
    write_documentation([], Split(np.arange(3), np.arange(3, 4), 0.75), found.documentation_path)
    return found
