"""Projects at the edge of what there is: they work, or say why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.cli.app import run
from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project, write_project_config
from dlcx.poses import Labels, Layout
from dlcx.settings import ProjectConfig


@dataclass(frozen=True)
class Extreme:
    """A project of ``images`` labeled images (width, height) with so many bodyparts."""

    name: str
    size: tuple[int, int] = (64, 48)
    images: int = 4
    parts: int = 2
    constant: bool = False

    def make(self, root: Path) -> Path:
        """Write it; its labels lie on a grid."""
        width, height = self.size
        layout = Layout(tuple(f"part{number}" for number in range(self.parts)))
        rng = np.random.default_rng(0)
        names = tuple(("labeled-data", "vid", f"img{number:02}.png") for number in range(self.images))
        for name in names:
            path = root.joinpath(*name)
            path.parent.mkdir(parents=True, exist_ok=True)
            image = np.full((height, width, 3), 128, np.uint8)
            if not self.constant:
                cv2.randu(image, 0, 255)
            cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        xy = rng.uniform(1, np.array(self.size) - 1, (self.images, 1, self.parts, 2))
        labels = Labels(layout, names, xy, np.zeros((self.images, 0, 2)))
        write_labels(labels, root / "labeled-data" / "vid" / "CollectedData_me", "me")
        config = ProjectConfig(
            Task="edge",
            scorer="me",
            date="Jan2",
            video_sets={"vid.avi": None},
            bodyparts=list(layout.bodyparts),
            TrainingFraction=[0.75 if self.images > 1 else 1.0],
        )
        write_project_config(config, root / "config.yaml")
        return root


QUICK = (Extreme("one labeled image", images=1), Extreme("16x16", size=(16, 16)))
MORE = (
    Extreme("constant images", constant=True),
    Extreme("one bodypart", parts=1),
    Extreme("200 bodyparts", parts=200),
    Extreme("300x3", size=(300, 3)),
    Extreme("8000x6000", size=(8000, 6000), images=2),
)


def lived_through(extreme: Extreme, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Make a dataset, train an epoch, evaluate, analyze an image."""
    root = extreme.make(folder / "edge-me-2026-01-02")
    image = next((root / "labeled-data" / "vid").glob("*.png"))
    calls = (
        ["create-dataset", "--net-type", "timm/test_resnet", "--weights", "none"],
        ["train", "--epochs", "1", "--batch-size", "2", "--device", "cpu"],
        ["evaluate"],
        ["analyze-images", str(image), "--out", str(folder / "out")],
    )
    for name, *flags in calls:
        code = run([name, "-p", str(root), "-q", *flags])
        err = capsys.readouterr().err
        assert code == 0, (name, err)
        assert "nan" not in err
    assert open_project(root).shuffle(1).snapshots()
    assert list((folder / "out").glob("*.h5"))


@pytest.mark.parametrize("extreme", QUICK, ids=lambda extreme: extreme.name)
def test_extremes(extreme: Extreme, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lived_through(extreme, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("extreme", MORE, ids=lambda extreme: extreme.name)
def test_more_extremes(extreme: Extreme, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lived_through(extreme, tmp_path, capsys)
