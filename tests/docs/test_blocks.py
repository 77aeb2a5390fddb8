"""Run the shell blocks of the documentation, in order, on tiny projects.

``QUICK_OPTIONS`` are added to make commands quick, ``REPLACEMENTS`` replace the reader's own names, and ``label``
stands in for the annotator.  Blocks with other programs than dlcx are not run; ``test_docs`` checks their dlcx
commands.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.cli.app import run
from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project
from dlcx.poses import Labels
from dlcx.workflow import demo

pytestmark = pytest.mark.posix

ROOT = Path(__file__).parents[2]
#: Pages whose blocks are run, with the number of animals in their project.
RUN = {
    "README.md": 1,
    "docs/own-project.md": 1,
    "docs/models.md": 1,
    "docs/refining.md": 1,
    "docs/cluster.md": 1,
    "docs/several-animals.md": 2,
}
#: First words of commands that are not run, because they need other machines, installations or a full checkout.
OTHER_PROGRAMS = {
    "make",
    "squeue",
    "torchrun",
    "source",
    "python",
    "python3",
    "pip",
    ".venv/bin/pip",
    "sbatch",
    "dask",
    "ssh",
    "rsync",
    "export",
    "examples/slurm-array.sh",
}
SIZES = [f"--set=data.train.crop_sampling.{side}=64" for side in ("width", "height")]
QUICK_OPTIONS = {
    "create-dataset": [*SIZES, "--set=runner.eval_interval=1"],
    "train": ["--epochs=1"],
    "extract-frames": ["--frames=6"],
    "extract-outliers": ["--epsilon=0.1", "--frames=2"],
    # DeepLabCut-Live does not support timm networks
    "export-model": ["--format=onnx"],
    "merge-labels": ["--accept-machine-labels", "--pcutoff=0"],
}
#: Commands that a page expects to have been run before.
BEFORE = {
    "docs/refining.md": ["dlcx create-dataset", "dlcx train", "dlcx analyze-video videos"],
    "docs/cluster.md": ["dlcx create-dataset", "dlcx train"],
}
REPLACEMENTS = {
    "recordings/*.mp4": "my-project/videos/*.mp4",
    "anne": "mouse1",
    "bert": "mouse2",
    "1204": "4",
    "videos/fightDLC_..._el.h5": "videos/arenaDLC_*_el.h5",
    "videos/fight_truth.h5": "videos/arena_truth.h5",
}


def blocks(page: Path) -> list[list[str]]:
    """Return the commands of every shell block, with continued lines joined and without comments."""
    found = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [
        [line.split(" #")[0].strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
        for text in found
    ]


def programs(block: list[str]) -> set[str]:
    return {line.split()[0] for line in block if not line.startswith("#")}


def words_of(line: str) -> list[str]:
    """Return the arguments that a shell would pass to dlcx for a line."""
    words = []
    for word in shlex.split(line)[1:]:
        meant = REPLACEMENTS.get(word, word)
        found = sorted(str(path) for path in Path().glob(meant)) if "*" in meant else []
        words += found or [meant]
    return words


def quick_options(words: list[str], animals: int) -> list[str]:
    """Return options that make a command quick."""
    more = list(QUICK_OPTIONS.get(words[0], []))
    if words[0] == "create-dataset":
        crops = "top_down" in " ".join(words)
        more = more[2:] if crops else more
        more += [f"--net-type={'top_down_' if crops else ''}timm/test_resnet"]
        more += [] if "--weights" in words else ["--weights=none"]
    if "--gpus" in words:
        more += ["--overwrite"]  # earlier blocks have analyzed the same videos without GPUs
    if words[0] == "train" and animals > 1:
        more += ["--detector-epochs=1"]
    return more


def label(root: Path) -> None:
    """Label every extracted frame at random, and add a bone to config.yaml."""
    project = open_project(root)
    config = (root / "config.yaml").read_text(encoding="utf-8")
    bones = f"skeleton: [[{', '.join(project.layout.bodyparts[:2])}]]"
    (root / "config.yaml").write_text(re.sub(r"^skeleton: *\[\]", bones, config, flags=re.MULTILINE), encoding="utf-8")
    draw = np.random.default_rng(0)
    for folder in project.labeled_data.iterdir():
        images = tuple(("labeled-data", folder.name, path.name) for path in sorted(folder.glob("img*.png")))
        height, width = cv2.imread(str(folder / images[0][-1])).shape[:2]
        shape = (len(images), len(project.layout.individuals), len(project.layout.bodyparts), 2)
        xy = draw.uniform(5, (width - 5, height - 5), shape)
        unique = draw.uniform(5, height - 5, (len(images), len(project.layout.unique), 2))
        write_labels(Labels(project.layout, images, xy, unique), project.labels_path(folder.name), project.scorer)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return a folder with a labeled project, ``my-project``, with the number of animals of the page."""
    monkeypatch.setattr(demo, "FRAMES", 12)
    monkeypatch.setattr(demo, "LABELED", 6)
    demo.demo(tmp_path / "my-project", animals=request.param)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("page", "workspace"), RUN.items(), ids=RUN, indirect=["workspace"])
def test_blocks_of_a_page(
    page: str, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    animals = len(open_project(workspace / "my-project").layout.individuals)
    project = workspace / "my-project"
    ran = 0
    for block in [BEFORE.get(page, []), *blocks(ROOT / page)]:
        if not block or programs(block) - {"dlcx", "cd"}:
            continue
        monkeypatch.chdir(workspace if re.match(r"cd|dlcx create-project", block[0]) else project)
        for line in block:
            if line.startswith("cd "):
                (project,) = (path.resolve() for path in Path().glob(line.removeprefix("cd ")))
                monkeypatch.chdir(project)
                continue
            words = words_of(line)
            if words[0] == "check-labels":
                label(project)
            code = run([*words, *quick_options(words, animals), "-q"])
            printed = capsys.readouterr()
            assert code == 0, f"{page}: {line}\n{printed.err}"
            assert printed.out.strip(), f"{page}: {line} prints nothing"
            ran += 1
    assert ran > 2


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda page: page.name)
def test_blocks_are_run_or_for_other_programs(page: Path):
    """Every block is either run or contains other programs."""
    run_for_the_readme = list(blocks(ROOT / "README.md"))
    for block in blocks(page):
        if str(page.relative_to(ROOT)) not in RUN and block not in run_for_the_readme:
            assert programs(block) & OTHER_PROGRAMS, f"{page.name}: not run: {block}"
        assert programs(block) <= OTHER_PROGRAMS | {"dlcx", "cd"}, f"{page.name}: an unknown program in {block}"


@pytest.mark.slow
@pytest.mark.parametrize("animals", ["1", "2"])
def test_the_demo_ends_in_a_labeled_video_and_reports(animals: str, tmp_path: Path):
    for name, call in {"dlcx": "-m dlcx", "python": ""}.items():
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {sys.executable} {call} "$@"\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    script = [str(ROOT / "examples" / "demo.sh"), str(tmp_path / "drawn"), animals]
    environment = {**os.environ, "BIN": str(tmp_path), "EPOCHS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    made = dict(line.strip().split(": ", 1) for line in done.stdout.split("Output files:\n")[1].splitlines())
    assert list(made) == ["poses (h5)", "poses (csv)", "labeled video", "report on the video", "report on the network"]
    assert all(Path(path.strip()).stat().st_size > 0 for path in made.values())


def test_the_readme_has_five_commands_for_ones_own_project():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Use your own project")[1]
    (first, *_) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    names = [shlex.split(line)[1] for line in first.strip().splitlines()]
    assert names == ["create-dataset", "train", "evaluate", "analyze-video", "create-labeled-video"]
