"""A shuffle: one training dataset with one network, and the names of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.errors import DlcxError, did_you_mean
from dlcx.iterations import iteration_hint
from dlcx.options.command_line import command_after, command_line
from dlcx.options.commands.create_dataset import CreateDatasetOptions
from dlcx.options.commands.train import TrainOptions
from dlcx.options.network import ShuffleOptions
from dlcx.project.snapshots import DETECTOR, POSE, Snapshot, TrainingFiles

if TYPE_CHECKING:
    from dlcx.project.project import Project


def net_name(net_type: str) -> str:
    """Return the network's name as file names contain it: ``resnet_50`` -> ``Resnet50``, ``timm/x_y`` -> ``TimmXY``."""
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", net_type) if part)


@dataclass(frozen=True)
class Shuffle:
    """One training dataset with one network."""

    project: Project
    number: int
    fraction: float

    @property
    def percent(self) -> int:
        """The training fraction in file names, truncated as in DeepLabCut (0.29 -> 28)."""
        return int(100 * self.fraction)

    @property
    def name(self) -> str:
        """``<task><date>-trainset<TF>shuffle<S>``."""
        return f"{self.project.task}{self.project.date}-trainset{self.percent}shuffle{self.number}"

    @property
    def options(self) -> ShuffleOptions:
        """Options that select this shuffle.

        ``trainset_index`` is set only if the number alone selects another shuffle.
        """
        try:
            unique = self.project.shuffle(self.number).fraction == self.fraction
        except DlcxError:
            unique = False
        return ShuffleOptions(shuffle=self.number, trainset_index=None if unique else self.trainset_index)

    @property
    def trainset_index(self) -> int:
        """Index of its training fraction in TrainingFraction."""
        return self.project.train_fractions.index(self.fraction)

    @property
    def create_hint(self) -> str:
        """Hint for a shuffle whose files are missing."""
        others = [fraction for fraction in self.project.train_fractions if replace(self, fraction=fraction).has_files]
        if others and not self.has_files:
            return f"Leave out --trainset-index: the training fraction of shuffle {self.number} is {others[0]:g}."
        number = () if self.number == 1 else (self.number,)
        call = command_line(CreateDatasetOptions(shuffle=number, trainset_index=self.options.trainset_index))
        first = f"Run `{call}` first, or name another --shuffle."
        return f"{first} {iteration_hint(self.project.other_trained_iterations)}".rstrip()

    @property
    def train_hint(self) -> str:
        """Hint for a shuffle that has no snapshots."""
        if not self.model_config_path.is_file():
            return self.create_hint
        first = f"Run `{command_after(TrainOptions, self.options)}` first."
        return f"{first} {iteration_hint(self.project.other_trained_iterations)}".rstrip()

    @property
    def supply_hint(self) -> str:
        """Hint for a shuffle that has no snapshots and whose network dlcx cannot train."""
        name = self.snapshot_path(200).name
        return f"Put a snapshot of its network into {self.train_dir}, such as {name}, or name one with --snapshot PATH."

    @property
    def model_dir(self) -> Path:
        """Folder of ``train`` and ``test``."""
        return self.project.root / "dlc-models-pytorch" / f"iteration-{self.project.iteration}" / self.name

    @property
    def tensorflow_dir(self) -> Path:
        """Folder of the network that DeepLabCut's TensorFlow engine trained."""
        return self.project.root / "dlc-models" / f"iteration-{self.project.iteration}" / self.name

    @property
    def has_files(self) -> bool:
        """Whether the shuffle has files of any engine."""
        return any(path.exists() for path in (self.model_dir, self.tensorflow_dir, self.documentation_path))

    @property
    def train_dir(self) -> Path:
        """Folder of the configuration, the snapshots and the learning curve."""
        return self.model_dir / "train"

    @property
    def test_dir(self) -> Path:
        """Folder of ``pose_cfg.yaml`` and, for several animals, ``inference_cfg.yaml``."""
        return self.model_dir / "test"

    @property
    def model_config_path(self) -> Path:
        """``train/pytorch_config.yaml``."""
        return self.train_dir / "pytorch_config.yaml"

    @property
    def dlcx_config_path(self) -> Path:
        """``train/dlcx.yaml``: settings of the shuffle that only dlcx uses."""
        return self.train_dir / "dlcx.yaml"

    def training_files(self, *, detector: bool = False) -> TrainingFiles:
        """Return the other files of training: of the pose network, or of a top-down network's detector."""
        return TrainingFiles(self.train_dir, "detector" if detector else "")

    @property
    def learning_stats_path(self) -> Path:
        """``train/learning_stats.csv`` of the pose network."""
        return self.training_files().learning_stats

    @property
    def train_lock(self) -> Path:
        """``train/train.lock``: held by the process that trains or replaces the shuffle."""
        return self.train_dir / "train.lock"

    @property
    def train_log_path(self) -> Path:
        """``train/train.txt``: one line per epoch with date and time."""
        return self.train_dir / "train.txt"

    def prefix(self, kind: str = POSE) -> str:
        """Return the prefix of snapshot names for :data:`POSE`, :data:`DETECTOR`, or a prefix itself."""
        return self.project.snapshot_prefixes(self.model_config_path).get(kind, kind)

    def snapshot_path(self, epoch: int, *, best: bool = False, prefix: str = POSE) -> Path:
        """Return ``train/snapshot-010.pt`` or, for the best snapshot, ``train/snapshot-best-010.pt``."""
        return self.train_dir / f"{self.prefix(prefix)}-{'best-' if best else ''}{epoch:03d}.pt"

    @property
    def resume_state_path(self) -> Path:
        """``train/dlcx-resume.pt`` of the pose network."""
        return self.training_files().resume_state

    @property
    def documentation_path(self) -> Path:
        """The pickle with the split."""
        name = f"Documentation_data-{self.project.task}_{self.percent}shuffle{self.number}.pickle"
        return self.project.training_set_dir / name

    @property
    def dataset_path(self) -> Path:
        """The training rows; ``.mat`` is appended for a single animal, ``.pickle`` for several."""
        name = f"{self.project.task}_{self.project.scorer}{self.percent}shuffle{self.number}"
        return self.project.training_set_dir / name

    @property
    def evaluation_dir(self) -> Path:
        """Folder of the evaluation results of the shuffle."""
        return self.project.evaluation_dir / self.name

    def export_path(self, net_type: str, snapshot: Snapshot, detector: Snapshot | None = None) -> Path:
        """Return ``exported-models-pytorch/DLC_<task>_<net>_iteration-<I>_shuffle-<S>/..._snapshot-<uid>.pt``.

        The name is DeepLabCut's.  Networks with a slash are written as in scorers: ``timm/x_y`` as ``TimmXY``.
        """
        project = self.project
        net = net_name(net_type) if "/" in net_type else net_type
        name = f"DLC_{project.task}_{net}_iteration-{project.iteration}_shuffle-{self.number}"
        boxes = f"_snapshot-detector{detector.uid}" if detector else ""
        return project.root / "exported-models-pytorch" / name / f"{name}{boxes}_snapshot-{snapshot.uid}.pt"

    def scorer(self, net_type: str, snapshot: Snapshot, detector: Snapshot | None = None) -> str:
        """Return the scorer in result files: ``DLC_Resnet50_<task><date>shuffle<S>_snapshot_best-25``."""
        boxes = f"detector_{detector.uid}_" if detector else ""
        project = self.project
        return (
            f"DLC_{net_name(net_type)}_{project.task}{project.date}shuffle{self.number}_{boxes}snapshot_{snapshot.uid}"
        )

    def snapshots(self, prefix: str = POSE) -> list[Snapshot]:
        """Return the snapshots sorted by epoch, the best one last, as in DeepLabCut."""
        pattern = re.compile(rf"{re.escape(self.prefix(prefix))}(-best)?-\d+\.pt$")
        paths = self.train_dir.iterdir() if self.train_dir.is_dir() else ()
        found = [Snapshot.of(path) for path in paths if pattern.match(path.name) and path.is_file()]
        return sorted(found, key=lambda snapshot: (snapshot.best, snapshot.epoch))

    def snapshot(self, which: str | None = None, prefix: str = POSE) -> Snapshot:
        """Return one snapshot of the shuffle.

        Parameters
        ----------
        which
            ``best``, ``last``, an epoch or a path.  ``best`` falls back to the last snapshot.  None selects the index
            ``snapshotindex`` (or ``detector_snapshotindex``) of config.yaml, counted from 0 or backward from -1 as in
            DeepLabCut; ``all`` there selects the last one, as in DeepLabCut's analyses.
        prefix
            :data:`POSE`, :data:`DETECTOR`, or a prefix of snapshot names.

        Raises
        ------
        DlcxError
            If there is no such snapshot.
        """
        if which is None:
            return self._indexed_snapshot(prefix)
        flag = "--detector-snapshot" if prefix == DETECTOR else "--snapshot"
        path = Path(which)
        if path.suffix == ".pt":
            for candidate in (path, self.train_dir / which):
                if candidate.is_file():
                    return Snapshot.of(candidate)
            raise DlcxError(f"{flag} {which}: no such file", hint=iteration_hint(self.project.other_trained_iterations))
        found = self._existing_snapshots(prefix)
        if which == "best" and (best := [snapshot for snapshot in found if snapshot.best]):
            return best[-1]
        if which in ("best", "last"):  # if the last epoch is the best, only snapshot-best was saved
            return max(found, key=lambda snapshot: (snapshot.epoch, not snapshot.best))
        names = [snapshot.uid for snapshot in found]
        if which in names:
            return found[names.index(which)]
        for snapshot in found:
            if re.fullmatch(r"\d{1,9}", which) and snapshot.epoch == int(which):
                return snapshot
        raise DlcxError(
            f"{flag} {which}: {self.name} has no such snapshot",
            hint=did_you_mean(which, ["best", "last", *names]),
        )

    def _existing_snapshots(self, prefix: str) -> list[Snapshot]:
        if found := self.snapshots(prefix):
            return found
        raise DlcxError(f"{self.name} has no {self.prefix(prefix)} in {self.train_dir}", hint=self.train_hint)

    def _indexed_snapshot(self, prefix: str) -> Snapshot:
        found, is_detector = self._existing_snapshots(prefix), prefix == DETECTOR
        index = self.project.detector_snapshot_index if is_detector else self.project.snapshot_index
        index = -1 if index == "all" else index
        if -len(found) <= index < len(found):
            return found[index]
        key, flag = "snapshotindex", "--snapshot"
        if is_detector:
            key, flag = "detector_snapshotindex", "--detector-snapshot"
        raise DlcxError(
            f"{self.project.config_path}: {key} is {index}, but {self.name} has {len(found)} snapshot(s): "
            f"{', '.join(snapshot.uid for snapshot in found)}",
            hint=f"Set {key} to a number from {-len(found)} to {len(found) - 1}, or name a snapshot with {flag}.",
        )
