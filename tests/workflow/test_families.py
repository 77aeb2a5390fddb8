"""One net of every family for several animals goes the whole way: create-dataset, train, evaluate, analyze-video."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from interchange.cases import crop_sampling, crops
from interchange.project_copy import small_copy

from dlcx.cli.app import run
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.poses import Tracks
from dlcx.workflow import demo as demo_workflow
from dlcx.workflow.demo import demo

SIDE = 96  # pixels of what a net learns from
FRAMES, PICTURES = 4, 5
PAF = 1  # shuffle of the net whose poses the conditional one corrects


@dataclass(frozen=True)
class Case:
    """A net with what makes its way short; ``analysis`` are the flags of each call of analyze-video."""

    net: str
    shuffle: int
    sizes: Mapping[str, Any]
    dataset: tuple[str, ...] = ()
    analysis: tuple[tuple[str, ...], ...] = ((),)
    training: tuple[str, ...] = ()


CASES = (
    Case("resnet_50", PAF, crop_sampling(SIDE)),
    Case("dekr_w18", 2, crop_sampling(SIDE)),
    Case("top_down_resnet_50", 3, crops(SIDE), ("--detector-weights", "none"), training=("--detector-epochs", "1")),
    Case("dlcrnet_stride16_ms5", 4, crop_sampling(SIDE)),
    Case("ctd_prenet_rtmpose_s", 5, {}, ("--conditions", str(PAF)), ((), ("--tracker", "ctd"))),
)
IDS = [case.net for case in CASES]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn animals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_workflow, "FRAMES", 8)
        patch.setattr(demo_workflow, "LABELED", PICTURES)
        return demo(tmp_path_factory.mktemp("families") / "two", animals=2).project


@pytest.fixture(scope="module", params=["flypair24", "montblanc-crops"])
def real(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few labeled images and frames of a real project, scaled down."""
    target = tmp_path_factory.mktemp("families") / request.param
    small_copy(shared / "data" / "projects" / request.param, target, images=12, frames=8, size=(192, 192))
    return target


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_net_of_every_family_on_drawn_animals(drawn: Path, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    # a net that has learned nothing yet finds nobody, so the guesses of the conditional one are true poses
    guesses = ("--conditions", str(drawn / "videos" / "arena_truth.h5")) if case.net.startswith("ctd") else ()
    found = whole_way(drawn, case, drawn / "videos" / "arena.mp4", capsys, guesses)
    if guesses:
        assert all(np.isfinite(found[ending].xy).any((2, 3)).all() for ending in ("", "_ctd"))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_net_of_every_family_on_real_animals(real: Path, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    whole_way(real, case, real / "videos" / "clip.avi", capsys)


def whole_way(
    project: Path, case: Case, video: Path, capsys: pytest.CaptureFixture[str], more: Sequence[str] = ()
) -> dict[str, Tracks]:
    """All four commands as a user calls them, random weights, a step or two of training; tables by their names' ends.

    ``more`` are flags of the analyses.
    """

    def call(*words: str) -> dict[str, Any]:
        code = run([*words, "-p", str(project), "--shuffle", str(case.shuffle), "--json", "-q"])
        output = capsys.readouterr()
        assert code == 0, output.err
        return dict(json.loads(output.out))

    sizes = [word for key, value in case.sizes.items() for word in ("--set", f"{key}={value}")]
    call("create-dataset", "--net-type", case.net, "--weights", "none", *case.dataset, *sizes)
    call("train", "--epochs", "1", "--batch-size", "2", "--workers", "0", *case.training)
    shuffle = open_project(project).shuffle(case.shuffle)
    layout = shuffle.project.layout
    assert [snapshot.epoch for snapshot in shuffle.snapshots()][:1] == [1]

    (evaluated,) = call("evaluate")["evaluated"]
    scores = pd.read_csv(evaluated["csv"])
    assert len(scores) == 1
    assert scores["train rmse"].notna().all() or scores["train mAP"].notna().all()

    found = {}
    for flags in case.analysis:
        out = project / "_".join(("results", str(case.shuffle), *(flag.strip("-") for flag in flags)))
        words = ("--out", str(out), "--frames", f"1:{1 + FRAMES}", *flags, *more)
        (analyzed,) = call("analyze-video", str(video), *words)["videos"]
        assert (analyzed["first"], analyzed["stop"], analyzed["unreadable"]) == (1, 1 + FRAMES, [])
        tables = list(out.glob("*.h5"))
        assert Path(analyzed["h5"]) in tables
        for path in tables:
            tracks = found[path.stem.removeprefix(Path(analyzed["h5"]).stem)] = read_predictions(path)
            assert tracks.layout.bodyparts == layout.bodyparts
            assert tracks.layout.individuals == layout.individuals
            assert (tracks.first, len(tracks)) == (1, FRAMES)
            if not path.stem.endswith("_el"):  # there keypoints that are unsure or outside keep but their scores
                assert np.isfinite(tracks.xy[tracks.score > 0]).all()
        assert "ctd" not in flags or "_ctd" in found
    return found
