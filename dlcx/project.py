"""Which folder and file holds what in a DeepLabCut project: the one place of the names that others find again.

Those of what an analysis leaves beside a video are in :mod:`dlcx.analysis_files`; a file that only one command knows
gets its name there.

::

    <task>-<scorer>-<date>/
      config.yaml
      videos/
      labeled-data/<video stem>/CollectedData_<scorer>.h5 .csv, machinelabels-iter<I>.h5, img*.png
      training-datasets/iteration-<I>/UnaugmentedDataSet_<task><date>/
      dlc-models-pytorch/iteration-<I>/<task><date>-trainset<TF>shuffle<S>/{train,test}/
      evaluation-results-pytorch/iteration-<I>/<task><date>-trainset<TF>shuffle<S>/
      exported-models-pytorch/DLC_<task>_<net>_iteration-<I>_shuffle-<S>/

The objects hold names, numbers and paths; they read nothing but folder listings.  Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dlcx.errors import DlcxError, did_you_mean
from dlcx.iterations import iteration_hint, trained_iterations
from dlcx.poses import Layout
from dlcx.untrusted_files import open_binary

#: How the names of the snapshots of a pose net and of a detector begin, unless pytorch_config.yaml says otherwise.
POSE, DETECTOR = "snapshot", "snapshot-detector"


def default_prefixes(_config: Path) -> Mapping[str, str]:
    """The prefixes of snapshots that a pytorch_config.yaml gives instead of :data:`POSE` and :data:`DETECTOR`: none."""
    return {}


#: The folders of a project that paths stored in its files lead into.
FOLDERS = (
    "videos",
    "labeled-data",
    "training-datasets",
    "dlc-models-pytorch",
    "dlc-models",
    "evaluation-results-pytorch",
    "exported-models-pytorch",
)


def net_name(net_type: str) -> str:
    """The net's name inside file names: ``resnet_50`` -> ``Resnet50``, ``timm/x_y`` -> ``TimmXY``."""
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", net_type) if part)


def frame_name(number: int, frames: int) -> str:
    """The image file of a frame in labeled-data: ``img007.png`` in a video of 101 to 1000 frames."""
    return f"img{number:0{math.ceil(math.log10(max(frames, 1)))}d}.png"


@dataclass(frozen=True)
class Video:
    """One entry of ``video_sets``: the path as stored (perhaps of another machine) and its crop (x1, x2, y1, y2)."""

    stored: str
    crop: tuple[int, int, int, int] | None = None

    @property
    def stem(self) -> str:
        """File name without folder and suffix; both separators are understood."""
        return re.split(r"[\\/]", self.stored)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class Project:
    """A project folder and what its config.yaml says; made by :func:`dlcx.formats.project_config.open_project`."""

    root: Path
    task: str
    scorer: str
    date: str
    iteration: int
    layout: Layout
    identity: bool
    train_fractions: tuple[float, ...]
    videos: tuple[Video, ...]
    skeleton: tuple[tuple[str, str], ...]
    pcutoff: float
    default_net_type: str
    batch_size: int
    detector_batch_size: int
    crop: tuple[int, int, int, int] | None  # x1, x2, y1, y2 when ``cropping: true``
    colormap: str
    dotsize: int
    alphavalue: float
    skeleton_color: str
    #: Reads off a pytorch_config.yaml how the names of its snapshots begin, see :func:`default_prefixes`.
    snapshot_prefixes: Callable[[Path], Mapping[str, str]] = default_prefixes
    #: Which of a shuffle's snapshots, in the order of :meth:`Shuffle.snapshots`, a call means that names none.
    snapshot_index: int | Literal["all"] = -1
    detector_snapshot_index: int = -1
    stored_root: str = ""  # ``project_path`` of config.yaml: where the project was when the file was written

    @property
    def config_path(self) -> Path:
        """``config.yaml``."""
        return self.root / "config.yaml"

    @property
    def labeled_data(self) -> Path:
        """``labeled-data``."""
        return self.root / "labeled-data"

    @property
    def videos_dir(self) -> Path:
        """``videos``."""
        return self.root / "videos"

    def labels_path(self, stem: str) -> Path:
        """``labeled-data/<stem>/CollectedData_<scorer>`` without suffix; ``.h5`` and ``.csv`` lie there."""
        return self.labeled_data / stem / f"CollectedData_{self.scorer}"

    def machine_labels_path(self, stem: str) -> Path:
        """``labeled-data/<stem>/machinelabels-iter<I>.h5``: poses that a net found in frames chosen for correction."""
        return self.labeled_data / stem / f"machinelabels-iter{self.iteration}.h5"

    def video_of(self, stem: str) -> Video | None:
        """The entry of ``video_sets`` with this stem."""
        return next((video for video in self.videos if video.stem == stem), None)

    @property
    def training_set_dir(self) -> Path:
        """Folder of the merged labels, the splits and ``metadata.yaml`` of this iteration."""
        folder = f"UnaugmentedDataSet_{self.task}{self.date}"
        return self.root / "training-datasets" / f"iteration-{self.iteration}" / folder

    @property
    def merged_labels_path(self) -> Path:
        """All labels of this iteration, without suffix."""
        return self.training_set_dir / f"CollectedData_{self.scorer}"

    @property
    def metadata_path(self) -> Path:
        """``metadata.yaml``: the shuffles of this iteration."""
        return self.training_set_dir / "metadata.yaml"

    @property
    def evaluation_dir(self) -> Path:
        """Evaluation results of this iteration, one folder a shuffle and the combined table."""
        return self.root / "evaluation-results-pytorch" / f"iteration-{self.iteration}"

    @property
    def combined_results_path(self) -> Path:
        """The table of all evaluations of this iteration."""
        return self.evaluation_dir / "CombinedEvaluation-results.csv"

    @property
    def other_trained_iterations(self) -> tuple[int, ...]:
        """Other iterations that hold trained networks."""
        found = trained_iterations(self.root, f"{self.task}{self.date}-trainset")
        return tuple(number for number in found if number != self.iteration)

    def shuffle(self, number: int = 1, trainset_index: int | None = None, *, preferred: int = 0) -> Shuffle:
        """The shuffle with this number; it need not exist yet.

        Parameters
        ----------
        trainset_index
            Position in TrainingFraction.  None: that of the shuffle with this number; where several have it, or none,
            ``preferred``.

        Raises
        ------
        DlcxError
            When there is no such position, or several other positions have a shuffle with this number.
        """
        if trainset_index is None:
            trainset_index = self._position(number, preferred)
        if not 0 <= trainset_index < len(self.train_fractions):
            raise DlcxError(
                f"--trainset-index {trainset_index}: config.yaml lists {len(self.train_fractions)} "
                f"TrainingFraction value(s): {list(self.train_fractions)}",
                hint="Indices start at 0.",
            )
        return Shuffle(self, number, self.train_fractions[trainset_index])

    def _position(self, number: int, preferred: int) -> int:
        """Where in TrainingFraction the shuffle with this number is; those that PyTorch can run count first."""
        every = [Shuffle(self, number, fraction) for fraction in self.train_fractions]
        places = [index for index, one in enumerate(every) if one.model_dir.is_dir()]
        places = places or [index for index, one in enumerate(every) if one.has_files]
        if preferred in places or not places:
            return preferred
        if len(places) > 1:
            named = ", ".join(f"--trainset-index {index} ({self.train_fractions[index]:g})" for index in places)
            raise DlcxError(
                f"--shuffle {number}: several values of TrainingFraction have a shuffle {number}",
                hint=f"Choose one of {named}.",
            )
        return places[0]

    def used_numbers(self) -> dict[int, set[int]]:
        """Numbers of the shuffles of this iteration that have files, whichever program made them, with percents."""
        name = re.compile(rf"{re.escape(self.task + self.date)}-trainset(\d+)shuffle(\d+)")
        documentation = re.compile(rf"Documentation_data-{re.escape(self.task)}_(\d+)shuffle(\d+)\.pickle")
        iteration = f"iteration-{self.iteration}"
        found: dict[int, set[int]] = {}
        for folder, pattern in (
            (self.root / "dlc-models-pytorch" / iteration, name),
            (self.root / "dlc-models" / iteration, name),
            (self.training_set_dir, documentation),
        ):
            for path in folder.iterdir() if folder.is_dir() else ():
                if match := pattern.fullmatch(path.name):
                    found.setdefault(int(match[2]), set()).add(int(match[1]))
        return found

    def shuffles(self) -> list[Shuffle]:
        """All shuffles of this iteration that have a model folder, by fraction and number."""
        found = []
        folder = self.root / "dlc-models-pytorch" / f"iteration-{self.iteration}"
        for fraction in self.train_fractions:
            prefix = f"{self.task}{self.date}-trainset{int(100 * fraction)}shuffle"
            for path in folder.glob(f"{prefix}*"):
                number = path.name.removeprefix(prefix)
                if re.fullmatch(r"\d{1,9}", number):
                    found.append(Shuffle(self, int(number), fraction))
        return sorted(found, key=lambda shuffle: (shuffle.fraction, shuffle.number))


@dataclass(frozen=True)
class Shuffle:
    """One training dataset with one network."""

    project: Project
    number: int
    fraction: float

    @property
    def percent(self) -> int:
        """The training fraction in file names; truncated as DeepLabCut does (0.29 -> 28)."""
        return int(100 * self.fraction)

    @property
    def name(self) -> str:
        """``<task><date>-trainset<TF>shuffle<S>``."""
        return f"{self.project.task}{self.project.date}-trainset{self.percent}shuffle{self.number}"

    @property
    def flags(self) -> tuple[str, ...]:
        """What a call must say to mean this shuffle; nothing for the first one.

        ``--trainset-index`` only where the number alone means another one.
        """
        number = ("--shuffle", str(self.number)) if self.number != 1 else ()
        try:
            unique = self.project.shuffle(self.number).fraction == self.fraction
        except DlcxError:
            unique = False
        return number if unique else (*number, "--trainset-index", str(self.trainset_index))

    @property
    def trainset_index(self) -> int:
        """Position of its fraction in TrainingFraction."""
        return self.project.train_fractions.index(self.fraction)

    @property
    def create_hint(self) -> str:
        """The hint where its files are missing."""
        others = [fraction for fraction in self.project.train_fractions if replace(self, fraction=fraction).has_files]
        if others and not self.has_files:
            return f"Leave out --trainset-index: the training fraction of shuffle {self.number} is {others[0]:g}."
        first = f"Run `{shlex.join(('dlcx', 'create-dataset', *self.flags))}` first, or name another --shuffle."
        return f"{first} {iteration_hint(self.project.other_trained_iterations)}".rstrip()

    @property
    def train_hint(self) -> str:
        """The hint where its snapshots are missing."""
        if not self.model_config_path.is_file():
            return self.create_hint
        first = f"Run `{shlex.join(('dlcx', 'train', *self.flags))}` first."
        return f"{first} {iteration_hint(self.project.other_trained_iterations)}".rstrip()

    @property
    def supply_hint(self) -> str:
        """The hint where its snapshots are missing and dlcx does not train its network."""
        name = self.snapshot_path(200).name
        return f"Put a snapshot of its network into {self.train_dir}, such as {name}, or name one with --snapshot PATH."

    @property
    def model_dir(self) -> Path:
        """Folder that holds ``train`` and ``test``."""
        return self.project.root / "dlc-models-pytorch" / f"iteration-{self.project.iteration}" / self.name

    @property
    def tensorflow_dir(self) -> Path:
        """Folder of the network that DeepLabCut's TensorFlow engine trained."""
        return self.project.root / "dlc-models" / f"iteration-{self.project.iteration}" / self.name

    @property
    def has_files(self) -> bool:
        """Whether any engine has files of it."""
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
        """``train/dlcx.yaml``: what only dlcx knows of the shuffle."""
        return self.train_dir / "dlcx.yaml"

    def training_files(self, *, detector: bool = False) -> TrainingFiles:
        """What the training of the pose net, or of a top-down net's detector, leaves beside its snapshots."""
        return TrainingFiles(self.train_dir, "detector" if detector else "")

    @property
    def learning_stats_path(self) -> Path:
        """``train/learning_stats.csv``, the pose net's."""
        return self.training_files().learning_stats

    @property
    def train_lock(self) -> Path:
        """``train/train.lock``: held by the process that trains the shuffle, or replaces it."""
        return self.train_dir / "train.lock"

    @property
    def train_log_path(self) -> Path:
        """``train/train.txt``: one line an epoch with date and time."""
        return self.train_dir / "train.txt"

    def prefix(self, kind: str = POSE) -> str:
        """How the names of the snapshots of the pose net, or of the detector, begin; other words are prefixes."""
        return self.project.snapshot_prefixes(self.model_config_path).get(kind, kind)

    def snapshot_path(self, epoch: int, *, best: bool = False, prefix: str = POSE) -> Path:
        """``train/snapshot-010.pt`` or, for the best one, ``train/snapshot-best-010.pt``."""
        return self.train_dir / f"{self.prefix(prefix)}-{'best-' if best else ''}{epoch:03d}.pt"

    @property
    def resume_state_path(self) -> Path:
        """``train/dlcx-resume.pt``, the pose net's."""
        return self.training_files().resume_state

    @property
    def documentation_path(self) -> Path:
        """The pickle that holds the split."""
        name = f"Documentation_data-{self.project.task}_{self.percent}shuffle{self.number}.pickle"
        return self.project.training_set_dir / name

    @property
    def dataset_path(self) -> Path:
        """The training rows without suffix; ``.mat`` for a single animal, ``.pickle`` for several."""
        name = f"{self.project.task}_{self.project.scorer}{self.percent}shuffle{self.number}"
        return self.project.training_set_dir / name

    @property
    def evaluation_dir(self) -> Path:
        """Evaluation results of this shuffle."""
        return self.project.evaluation_dir / self.name

    def export_path(self, net_type: str, snapshot: Snapshot, detector: Snapshot | None = None) -> Path:
        """``exported-models-pytorch/DLC_<task>_<net>_iteration-<I>_shuffle-<S>/..._snapshot-<uid>.pt``, DeepLabCut's.

        Names with a slash are written as in scorers: ``timm/x_y`` as ``TimmXY``.
        """
        project = self.project
        net = net_name(net_type) if "/" in net_type else net_type
        name = f"DLC_{project.task}_{net}_iteration-{project.iteration}_shuffle-{self.number}"
        boxes = f"_snapshot-detector{detector.uid}" if detector else ""
        return project.root / "exported-models-pytorch" / name / f"{name}{boxes}_snapshot-{snapshot.uid}.pt"

    def scorer(self, net_type: str, snapshot: Snapshot, detector: Snapshot | None = None) -> str:
        """The scorer name in result files: ``DLC_Resnet50_<task><date>shuffle<S>_snapshot_best-25``."""
        boxes = f"detector_{detector.uid}_" if detector else ""
        project = self.project
        return (
            f"DLC_{net_name(net_type)}_{project.task}{project.date}shuffle{self.number}_{boxes}snapshot_{snapshot.uid}"
        )

    def snapshots(self, prefix: str = POSE) -> list[Snapshot]:
        """Snapshots by epoch, the best one last, as DeepLabCut lists them."""
        pattern = re.compile(rf"{re.escape(self.prefix(prefix))}(-best)?-\d+\.pt$")
        paths = self.train_dir.iterdir() if self.train_dir.is_dir() else ()
        found = [Snapshot.of(path) for path in paths if pattern.match(path.name) and path.is_file()]
        return sorted(found, key=lambda snapshot: (snapshot.best, snapshot.epoch))

    def snapshot(self, which: str | None = None, prefix: str = POSE) -> Snapshot:
        """The snapshot that ``best``, ``last``, an epoch or a path names; ``best`` falls back to the last one.

        None means the one at config.yaml's snapshotindex (detector_snapshotindex), as DeepLabCut counts: from 0, or
        from -1 backwards.  ``all`` there means the last one, here as in DeepLabCut's analyses.

        Raises
        ------
        DlcxError
            When there is none; the message lists those that exist.
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
        if which in ("best", "last"):  # the best may be of the last epoch, whose own snapshot was then not saved
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
        found, of_detector = self._existing_snapshots(prefix), prefix == DETECTOR
        index = self.project.detector_snapshot_index if of_detector else self.project.snapshot_index
        index = -1 if index == "all" else index
        if -len(found) <= index < len(found):
            return found[index]
        key, flag = "snapshotindex", "--snapshot"
        if of_detector:
            key, flag = "detector_snapshotindex", "--detector-snapshot"
        raise DlcxError(
            f"{self.project.config_path}: {key} is {index}, but {self.name} has {len(found)} snapshot(s): "
            f"{', '.join(snapshot.uid for snapshot in found)}",
            hint=f"Set {key} to a number from {-len(found)} to {len(found) - 1}, or name a snapshot with {flag}.",
        )


@dataclass(frozen=True)
class TrainingFiles:
    """What the training of one net leaves in a folder, but for snapshots; ``kind`` is "" or ``detector``."""

    folder: Path
    kind: str = ""

    @property
    def learning_stats(self) -> Path:
        """``learning_stats.csv``, ``learning_stats_detector.csv``: one row an epoch."""
        return self.folder / f"learning_stats{self.kind and '_' + self.kind}.csv"

    @property
    def learning_curve(self) -> Path:
        """``learning_curve.png``, ``learning_curve_detector.png``."""
        return self.folder / f"learning_curve{self.kind and '_' + self.kind}.png"

    @property
    def resume_state(self) -> Path:
        """``dlcx-resume.pt``, ``dlcx-resume-detector.pt``: all that an unfinished training needs to go on."""
        return self.folder / f"dlcx-resume{self.kind and '-' + self.kind}.pt"


@dataclass(frozen=True)
class Snapshot:
    """A file of network weights, ``snapshot[-best]-<epoch>.pt``."""

    path: Path
    epoch: int
    best: bool

    @classmethod
    def of(cls, path: Path) -> Snapshot:
        """Read epoch and kind off a file name; other names count as epoch 0."""
        match = re.search(r"(-best)?-(\d+)\.pt$", path.name)
        return cls(path, epoch=int(match[2]) if match else 0, best=bool(match and match[1]))

    @property
    def uid(self) -> str:
        """``best-25`` or ``10``, as scorer names carry it."""
        return f"best-{self.epoch}" if self.best else str(self.epoch)

    def fingerprint(self) -> str:
        """The file's name and what it holds, in few characters."""
        with open_binary(self.path) as file:
            return f"{self.path.name} ({hashlib.file_digest(file, 'sha256').hexdigest()[:16]})"
