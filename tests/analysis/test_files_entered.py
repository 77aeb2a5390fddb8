"""How many files of dlcx a plain analysis enters: the fewer, the sooner a reader has seen them all.

A file is entered when one of its functions runs on the main thread; importing it does not count.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import torch
from small_videos import write_video

import dlcx
from dlcx.analysis import video_analysis
from dlcx.cli.app import run
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import write_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.settings import ModelConfig
from dlcx.store import ChunkStore

PACKAGE = Path(dlcx.__file__).parent
FRAMES, BATCH_SIZE = 24, 4


@contextmanager
def counted(files: set[str]) -> Iterator[None]:
    """Add the files of dlcx whose functions are called, or resumed, on this thread."""
    prefix = f"{PACKAGE}{os.sep}"

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # the bodies of modules and classes, which importing runs, are not optimized
        if event == "call" and code.co_flags & inspect.CO_OPTIMIZED and code.co_filename.startswith(prefix):
            files.add(Path(code.co_filename).relative_to(PACKAGE).as_posix())

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


@pytest.fixture
def call(project: Path) -> list[str]:
    """A plain call of analyze-video, for a small trained network of a project with one animal."""
    shuffle = open_project(project).shuffle(1)
    config = ModelConfig.model_validate(model_config("timm/test_resnet", shuffle.project.layout))
    write_model_config(config, shuffle.model_config_path)
    torch.manual_seed(0)
    weights = build_model(config).state_dict()
    write_snapshot(shuffle.snapshot_path(10), model=weights, epoch=10, metrics={}, losses={})
    video = write_video(project / "videos" / "v.avi", FRAMES)
    return ["analyze-video", str(video), "-p", str(project), "--batch-size", str(BATCH_SIZE), "--device", "cpu"]


def test_a_plain_call_enters_few_files(call: list[str]) -> None:
    entered: set[str] = set()
    with counted(entered):
        assert run(call) == 0
    assert "store/chunks.py" in entered
    assert not [name for name in entered if name.startswith(("analysis/parallel/", "cluster/"))]
    assert len(entered) <= 105, "\n".join(sorted(entered))


def test_a_plain_call_imports_no_parallel_or_cluster_code(call: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from dlcx.cli.app import run\n"
        f"assert run({call!r}) == 0\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('dlcx.')]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    imported = json.loads(done.stdout.splitlines()[-1])
    assert "dlcx.analysis.video_analysis" in imported
    assert not [name for name in imported if name.startswith(("dlcx.analysis.parallel", "dlcx.cluster"))]


def test_a_steady_batch_enters_few_files(call: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    entered: set[str] = set()
    batches = 0
    append = ChunkStore.append

    def counting(self: ChunkStore, first: int, *rest: object) -> None:
        """From the end of the second batch to the end of the third, when everything has run once."""
        nonlocal batches
        append(self, first, *rest)  # type: ignore[arg-type]
        batches += 1
        if batches == 2:
            meter.__enter__()
        elif batches == 3:
            meter.__exit__(None, None, None)

    monkeypatch.setattr(video_analysis, "PROGRESS_SECONDS", 1e9)  # the display is not updated with every batch
    meter = counted(entered)
    monkeypatch.setattr(ChunkStore, "append", counting)
    assert run(call) == 0
    assert batches == FRAMES // BATCH_SIZE
    assert {"analysis/video_analysis.py", "predictors/bottom_up.py"} <= entered
    assert len(entered) <= 10, "\n".join(sorted(entered))
