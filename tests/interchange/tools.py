"""A common interface to dlcx and DeepLabCut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cases import DETECTOR, SNAPSHOT, SSDLITE, Case, Weights
from fill_weights import fill_weights

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEEPLABCUT = ROOT / ".venv-deeplabcut" / "bin" / "python"
# Row numbers of the 16 images, so that both programs use the same split.
TRAIN = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13]
TEST = [7, 11, 14, 15]
TOOLS = ("dlcx", "deeplabcut")


class Failed(Exception):
    """A command of one of the programs failed; the message names its log."""


def run(log: Path, *command: object) -> None:
    """Run a command on one thread and write its output to ``log``; raise :class:`Failed` if it fails."""
    # One thread, so that sums have the same order in both programs, and because both directions run in parallel.
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    call = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as stream:
        print("$", *call, file=stream, flush=True)
        done = subprocess.run(call, stdout=stream, stderr=stream, env=environment, cwd=log.parent, check=False)
    if done.returncode:
        lines = log.read_text(errors="replace").rpartition("\n$ ")[2].strip().splitlines()
        raise Failed("\n  ".join([f"{' '.join(call[:6])} ... exited {done.returncode}; {log} ends:", *lines[1:][-12:]]))


def each(flag: str, values: list[str]) -> list[str]:
    """Return ``flag value`` for each value."""
    return [word for value in values for word in (flag, value)]


def train_dir(project: Path, case: Case) -> Path:
    """Return the folder with the configuration and snapshots of the case's shuffle."""
    (found,) = project.glob(f"dlc-models-pytorch/*/*shuffle{case.shuffle}/train")
    return found


@dataclass(frozen=True)
class Tool:
    """One of the two programs; its output goes to ``log``."""

    name: str
    log: Path

    def make(self, project: Path, case: Case) -> None:
        """Create the shuffles of a case and of its conditions, with snapshots of the given weights, trained or not."""
        if case.conditions:
            self.make(project, case.conditions)
            self.judge(project, case.conditions)
        self._create(project, case)
        if not case.trained:
            self._fill(project, case, f"{SNAPSHOT}-001.pt", f"{DETECTOR}-001.pt")
            return
        if case.weights:
            self._fill(project, case, "start.pt", "start-detector.pt")
        self._train(project, case)

    def _create(self, project: Path, case: Case) -> None:
        if self.name == "dlcx":
            rows = {"train": project / "train.txt", "test": project / "test.txt"}
            for path, numbers in zip(rows.values(), (TRAIN, TEST), strict=True):
                path.write_text("".join(f"{number}\n" for number in numbers))
            self._dlcx(
                *("create-dataset", "-p", project, "--net-type", case.net_type, "--shuffle", case.shuffle),
                *("--train-indices", rows["train"], "--test-indices", rows["test"], "--weights", "none"),
                *(("--detector", case.detector) if case.detector else ()),
                *(("--conditions", case.conditions.shuffle) if case.conditions else ()),
                *each("--set", settings(case)),
            )
        else:
            self._deeplabcut(
                *("create", project / "config.yaml", "--net-type", case.net_type, "--shuffle", case.shuffle),
                *("--train", *TRAIN, "--test", *TEST),
                *(("--detector", case.detector) if case.detector else ()),
                *(("--conditions", case.conditions.shuffle) if case.conditions else ()),
                *each("--set", settings(case)),
            )

    def _fill(self, project: Path, case: Case, name: str, detector_name: str) -> None:
        """Save the weights of the case, built with this program, next to its configuration."""
        folder = train_dir(project, case)
        config = folder / "pytorch_config.yaml"
        if self.name == "dlcx":
            save_filled(config, folder / name, case.weights)
            if case.detector:
                save_filled(config, folder / detector_name, SSDLITE, detector=True)
            return
        filling = ["fill", config, folder / name, "--weights", *case.weights.words]
        if case.detector:
            filling += ["+", "fill", config, folder / detector_name, "--detector", "--weights", *SSDLITE.words]
        self._deeplabcut(*filling)

    def _train(self, project: Path, case: Case) -> None:
        folder = train_dir(project, case)
        length = ("--epochs", case.epochs, "--batch-size", case.batch_size)
        if self.name == "dlcx":
            self._dlcx(
                *("train", "-p", project, "--shuffle", case.shuffle, *length, "--device", "cpu"),
                *(("--weights", folder / "start.pt") if case.weights else ()),
                *(("--detector-weights", folder / "start-detector.pt") if case.detector else ()),
                *(("--detector-epochs", case.epochs) if case.detector else ()),
            )
        else:
            self._deeplabcut(
                *("train", project / "config.yaml", "--shuffle", case.shuffle, *length),
                *(("--from", folder / "start.pt") if case.weights else ()),
                *(("--detector-from", folder / "start-detector.pt") if case.detector else ()),
                *(("--detector-epochs", case.epochs) if case.detector else ()),
            )

    def judge(self, project: Path, case: Case, clip: Path | None = None) -> None:
        """Evaluate the shuffle of a case and analyze the clip."""
        shuffle = ("--shuffle", case.shuffle)
        if self.name == "dlcx":
            self._dlcx("evaluate", "-p", project, *shuffle, "--per-bodypart", "--device", "cpu")
            if clip:
                self._dlcx("analyze-video", clip, "-p", project, *shuffle, "--device", "cpu", "--no-track")
        else:
            config = project / "config.yaml"
            analysis = ["+", "analyze", config, *shuffle, "--video", clip] if clip else []
            self._deeplabcut("evaluate", config, *shuffle, *analysis)

    def train_on(self, project: Path, case: Case) -> None:
        """Train one more epoch from the last snapshots."""
        shuffle = ("--shuffle", case.shuffle)
        if self.name == "dlcx":
            epochs = case.epochs + 1  # the total in dlcx, additional epochs in DeepLabCut
            self._dlcx(
                *("train", "-p", project, *shuffle, "--epochs", epochs, "--device", "cpu"),
                *(("--detector-epochs", epochs) if case.detector else ()),
            )
        else:
            folder = train_dir(project, case)
            last = f"-{case.epochs:03d}.pt"
            self._deeplabcut(
                *("train", project / "config.yaml", *shuffle, "--epochs", 1, "--batch-size", case.batch_size),
                *("--from", folder / f"{SNAPSHOT}{last}"),
                *(("--detector-from", folder / f"{DETECTOR}{last}", "--detector-epochs", 1) if case.detector else ()),
            )

    def downstream(self, project: Path, case: Case, clip: Path) -> None:
        """DeepLabCut only: process an analysis further, and read every h5 of the project."""
        config = project / "config.yaml"
        step = "link" if case.several else "downstream"
        self._deeplabcut(step, config, "--shuffle", case.shuffle, "--video", clip, "+", "read", project)

    def _dlcx(self, *words: object) -> None:
        run(self.log, sys.executable, "-m", "dlcx", *words)

    def _deeplabcut(self, *words: object) -> None:
        run(self.log, DEEPLABCUT, HERE / "deeplabcut_side.py", *words)


def settings(case: Case) -> list[str]:
    """Return ``key=value`` for each override."""
    return [f"{key}={json.dumps(value)}" for key, value in case.overrides.items()]


def save_filled(config_path: Path, target: Path, weights: Weights, *, detector: bool = False) -> None:
    """Save a snapshot of dlcx's network or detector, with weights derived from the tensor names."""
    from dlcx.formats.shuffles.model_config import read_model_config
    from dlcx.formats.weights.snapshot import write_snapshot
    from dlcx.nets.build import build_detector, build_model

    config = read_model_config(config_path)
    model = build_detector(config.detector) if detector else build_model(config)
    fill_weights(model, *weights.words)
    epoch = 0 if target.stem.startswith("start") else 1
    write_snapshot(target, model=model.state_dict(), epoch=epoch, metrics={}, losses={})
