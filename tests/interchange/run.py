"""Do dlcx and DeepLabCut 3.0.2 give each other's projects the same answers?  ``make interchange`` runs this.

For each net, on a small copy of a real project, both ways::

    made by dlcx        create-dataset, train          -> copy -> DeepLabCut evaluates, analyses, trains on
                                                       -> copy -> dlcx does the same
    made by DeepLabCut  create_training_dataset, train -> copy -> DeepLabCut ...
                                                       -> copy -> dlcx ...

and the results of the two copies are compared: keypoints, likelihoods, tables, the structure of every file.
DeepLabCut then filters, plots and draws dlcx's predictions, and its pandas 2 reads all of dlcx's h5 files.
Prints one table; the exit code is 1 on any failure.

    python tests/interchange/run.py --project PATH/openfield-Pranav-2018-10-30 [--net resnet_50 ...] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import compare
from compare import Check, table
from project_copy import fresh_copy, small_copy

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEEPLABCUT = ROOT / ".venv-deeplabcut" / "bin" / "python"
# Row numbers of the 16 images, so that both tools train on the same rows.
TRAIN = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13]
TEST = [7, 11, 14, 15]
TOOLS = ("dlcx", "deeplabcut")


@dataclass(frozen=True)
class Net:
    """A net to exchange and what makes its training short."""

    net_type: str
    epochs: int = 2
    batch_size: int = 4
    settings: dict[str, int] = field(
        default_factory=lambda: {
            "data.train.crop_sampling.width": 128,
            "data.train.crop_sampling.height": 128,
            "runner.snapshots.save_epochs": 1,
        }
    )


NETS = {net.net_type: net for net in (Net("resnet_50"), Net("resnet_101"))}


class Failed(Exception):
    """A command of one of the tools ended with an error; its log is named."""


def run(log: Path, *command: object) -> None:
    """Run a command on one thread, its output in ``log``; raises :class:`Failed`."""
    # One thread: sums in the same order in both tools, and the two directions share the machine's cores.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    call = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as stream:
        print("$", *call, file=stream, flush=True)
        done = subprocess.run(call, stdout=stream, stderr=stream, env=environment, cwd=log.parent, check=False)
    if done.returncode:
        said = log.read_text(errors="replace").rpartition("\n$ ")[2].strip().splitlines()
        raise Failed("\n  ".join([f"{' '.join(call[:6])} ... exited {done.returncode}; {log} ends:", *said[1:][-12:]]))


@dataclass(frozen=True)
class Tool:
    """Both tools behind one set of verbs; ``log`` receives what they print."""

    name: str
    log: Path

    def make(self, project: Path, net: Net) -> None:
        """Create shuffle 1 and train it from a random start."""
        settings = [f"{key}={value}" for key, value in net.settings.items()]
        if self.name == "dlcx":
            rows = {"train": project / "train.txt", "test": project / "test.txt"}
            for path, numbers in zip(rows.values(), (TRAIN, TEST), strict=True):
                path.write_text("".join(f"{number}\n" for number in numbers))
            self._dlcx(
                *("create-dataset", "-p", project, "--net-type", net.net_type, "--weights", "none"),
                *("--train-indices", rows["train"], "--test-indices", rows["test"]),
                *each("--set", settings),
            )
            self._dlcx(
                "train", "-p", project, "--epochs", net.epochs, "--batch-size", net.batch_size, "--device", "cpu"
            )
            return
        config = project / "config.yaml"
        self._deeplabcut(
            *("create", config, "--net-type", net.net_type, "--train", *TRAIN, "--test", *TEST, "+"),
            *("train", config, "--epochs", net.epochs, "--batch-size", net.batch_size, *each("--set", settings)),
        )

    def judge(self, project: Path, clip: Path) -> None:
        """Evaluate shuffle 1 and analyse the clip."""
        if self.name == "dlcx":
            self._dlcx("evaluate", "-p", project, "--per-bodypart", "--device", "cpu")
            self._dlcx("analyze-video", clip, "-p", project, "--device", "cpu")
        else:
            config = project / "config.yaml"
            self._deeplabcut("evaluate", config, "+", "analyze", config, "--video", clip)

    def train_on(self, project: Path, snapshot: Path, net: Net) -> None:
        """Train one more epoch from ``snapshot``."""
        if self.name == "dlcx":
            epochs = net.epochs + 1  # a total there, the epochs to add in DeepLabCut
            self._dlcx("train", "-p", project, "--epochs", epochs, "--resume", snapshot, "--device", "cpu")
        else:
            self._deeplabcut("train", project / "config.yaml", "--epochs", 1, "--from", snapshot)

    def downstream(self, project: Path, clip: Path) -> None:
        """DeepLabCut only: filter, plot and draw an analysis, read every h5 of the project."""
        config = project / "config.yaml"
        self._deeplabcut("downstream", config, "--video", clip, "+", "read", project)

    def _dlcx(self, *words: object) -> None:
        run(self.log, sys.executable, "-m", "dlcx", *words)

    def _deeplabcut(self, *words: object) -> None:
        run(self.log, DEEPLABCUT, HERE / "deeplabcut_side.py", *words)


def each(flag: str, values: list[str]) -> list[str]:
    """``flag value`` for each value."""
    return [word for value in values for word in (flag, value)]


def one_direction(maker_name: str, net: Net, source: Path, work: Path) -> list[Check]:
    """Everything about the projects that one tool makes for one net."""
    where = f"{net.net_type}, made by {maker_name}"
    folder = work / net.net_type / f"made_by_{maker_name}"
    tools = {name: Tool(name, folder / f"{name}.log") for name in TOOLS}
    checks: list[Check] = []

    def stage(what: str, action, *arguments: object) -> bool:
        started = time.monotonic()
        try:
            action(*arguments)
        except Failed as error:
            checks.append(Check(where, what, ok=False, note=str(error)))
            return False
        checks.append(Check(where, what, ok=True, note=f"{time.monotonic() - started:.0f} s"))
        return True

    made = folder / "made" / source.name
    clip = small_copy(source, made).relative_to(made)
    if not stage(f"{maker_name} creates and trains", tools[maker_name].make, made, net):
        return checks
    copies = {name: fresh_copy(made, folder / f"judged_by_{name}" / source.name) for name in TOOLS}
    judged = [
        stage(f"{name} evaluates and analyses", tools[name].judge, copy, copy / clip) for name, copy in copies.items()
    ]
    ours, theirs = copies["dlcx"], copies["deeplabcut"]
    if all(judged):
        checks += compare.all_results(where, ours, theirs)
    if judged[0]:
        stage("deeplabcut filters, plots, draws, reads dlcx's files", tools["deeplabcut"].downstream, ours, ours / clip)
    other = next(name for name in TOOLS if name != maker_name)
    snapshots = sorted(copies[other].glob(f"dlc-models-pytorch/*/*/train/snapshot*-{net.epochs:03d}.pt"))
    if not snapshots:
        return [*checks, Check(where, f"snapshot of epoch {net.epochs}", ok=False, note="missing")]
    if stage(f"{other} trains on", tools[other].train_on, copies[other], snapshots[-1], net):
        train_dir = snapshots[-1].parent
        written = " ".join(sorted(path.name for path in train_dir.glob("snapshot*.pt")))
        ok = f"-{net.epochs + 1:03d}.pt" in written
        checks.append(Check(where, f"{other} wrote the next snapshot", ok=ok, note=written))
        checks.append(compare.continued_curve(where, train_dir / "learning_stats.csv", net.epochs + 1))
    return checks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a single-animal project with labels and a video")
    parser.add_argument("--net", action="append", choices=list(NETS), help="default: resnet_50")
    parser.add_argument("--made-by", choices=TOOLS, action="append", help="one direction only")
    parser.add_argument("--work", type=Path, default=ROOT / "interchange", help="logs and projects stay there")
    options = parser.parse_args()
    if not DEEPLABCUT.exists():
        parser.error(f"{DEEPLABCUT} is missing; run tests/interchange/make_env.sh")
    if not (options.project / "config.yaml").exists():
        parser.error(f"--project {options.project} holds no config.yaml")

    started = time.monotonic()
    checks: list[Check] = []
    for name in options.net or ["resnet_50"]:
        shutil.rmtree(options.work / name, ignore_errors=True)
        directions = options.made_by or TOOLS
        with ThreadPoolExecutor(max_workers=2) as pool:
            jobs = [pool.submit(one_direction, tool, NETS[name], options.project, options.work) for tool in directions]
            for job in jobs:
                checks += job.result()
        if len(directions) == 2:
            checks += compare.datasets(name, *(options.work / name / f"made_by_{tool}" / "made" for tool in TOOLS))
    print(table(checks))
    failed = sum(not check.ok for check in checks)
    print(f"{len(checks) - failed} passed, {failed} failed in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
