"""A project without files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.poses import Layout
from dlcx.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(
        root=tmp_path,
        task="open",
        scorer="me",
        date="Oct5",
        iteration=2,
        layout=Layout(("nose",)),
        identity=False,
        train_fractions=(0.95, 0.29),
        videos=(),
        skeleton=(),
        pcutoff=0.6,
        default_net_type="resnet_50",
        batch_size=8,
        detector_batch_size=1,
        crop=None,
        colormap="rainbow",
        dotsize=12,
        alphavalue=0.7,
        skeleton_color="black",
    )
