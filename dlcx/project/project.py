"""A project folder, its videos and its shuffles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcx.errors import DlcxError
from dlcx.iterations import trained_iterations
from dlcx.poses import Layout
from dlcx.project.shuffles import Shuffle
from dlcx.project.snapshots import default_prefixes

#: Folders of a project to which paths stored in its files may lead.
FOLDERS = (
    "videos",
    "labeled-data",
    "training-datasets",
    "dlc-models-pytorch",
    "dlc-models",
    "evaluation-results-pytorch",
    "exported-models-pytorch",
)


def frame_name(number: int, frames: int) -> str:
    """Return the file name of a frame in labeled-data: ``img007.png`` in a video of 101 to 1000 frames."""
    return f"img{number:0{math.ceil(math.log10(max(frames, 1)))}d}.png"


@dataclass(frozen=True)
class Video:
    """One entry of ``video_sets``: the path as stored, maybe on another machine, and the crop (x1, x2, y1, y2)."""

    stored: str
    crop: tuple[int, int, int, int] | None = None

    @property
    def stem(self) -> str:
        """File name without folder and suffix; the path may use either separator."""
        return re.split(r"[\\/]", self.stored)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class Project:
    """A project folder and the settings in its config.yaml.

    Use :func:`dlcx.formats.project_config.open_project` to create one.
    """

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
    crop: tuple[int, int, int, int] | None  # x1, x2, y1, y2 if ``cropping: true``
    colormap: str
    dotsize: int
    alphavalue: float
    skeleton_color: str
    #: Reads the prefixes of snapshot names from a pytorch_config.yaml, see :func:`default_prefixes`.
    snapshot_prefixes: Callable[[Path], Mapping[str, str]] = default_prefixes
    #: Snapshot to use by default: its index in :meth:`Shuffle.snapshots`.
    snapshot_index: int | Literal["all"] = -1
    detector_snapshot_index: int = -1
    stored_root: str = ""  # ``project_path`` of config.yaml: the folder in which the file was written

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
        """Return ``labeled-data/<stem>/CollectedData_<scorer>``, to which ``.h5`` and ``.csv`` are appended."""
        return self.labeled_data / stem / f"CollectedData_{self.scorer}"

    def machine_labels_path(self, stem: str) -> Path:
        """Return ``labeled-data/<stem>/machinelabels-iter<I>.h5``: predicted poses in frames chosen for correction."""
        return self.labeled_data / stem / f"machinelabels-iter{self.iteration}.h5"

    def video_of(self, stem: str) -> Video | None:
        """Return the entry of ``video_sets`` with this stem, or None."""
        return next((video for video in self.videos if video.stem == stem), None)

    @property
    def training_set_dir(self) -> Path:
        """Folder of the merged labels, the splits and ``metadata.yaml`` of the iteration."""
        folder = f"UnaugmentedDataSet_{self.task}{self.date}"
        return self.root / "training-datasets" / f"iteration-{self.iteration}" / folder

    @property
    def merged_labels_path(self) -> Path:
        """All labels of the iteration; ``.h5`` and ``.csv`` are appended."""
        return self.training_set_dir / f"CollectedData_{self.scorer}"

    @property
    def metadata_path(self) -> Path:
        """``metadata.yaml``: the shuffles of the iteration."""
        return self.training_set_dir / "metadata.yaml"

    @property
    def evaluation_dir(self) -> Path:
        """Folder of the evaluation results of the iteration: one folder per shuffle and the combined table."""
        return self.root / "evaluation-results-pytorch" / f"iteration-{self.iteration}"

    @property
    def combined_results_path(self) -> Path:
        """The table of all evaluations of the iteration."""
        return self.evaluation_dir / "CombinedEvaluation-results.csv"

    @property
    def other_trained_iterations(self) -> tuple[int, ...]:
        """Other iterations that have trained networks."""
        found = trained_iterations(self.root, f"{self.task}{self.date}-trainset")
        return tuple(number for number in found if number != self.iteration)

    def shuffle(self, number: int = 1, trainset_index: int | None = None, *, preferred: int = 0) -> Shuffle:
        """Return the shuffle with this number; it need not exist yet.

        Parameters
        ----------
        number
            Number of the shuffle.
        trainset_index
            Index of its training fraction in TrainingFraction.  None selects the fraction for which a shuffle with this
            number exists.
        preferred
            Index to use if shuffles with this number exist for several fractions, including this one, or for none.

        Raises
        ------
        DlcxError
            If the index is out of range, or shuffles with this number exist for several fractions without
            ``preferred``.
        """
        if trainset_index is None:
            trainset_index = self._fraction_index(number, preferred)
        if not 0 <= trainset_index < len(self.train_fractions):
            raise DlcxError(
                f"--trainset-index {trainset_index}: config.yaml lists {len(self.train_fractions)} "
                f"TrainingFraction value(s): {list(self.train_fractions)}",
                hint="Indices start at 0.",
            )
        return Shuffle(self, number, self.train_fractions[trainset_index])

    def _fraction_index(self, number: int, preferred: int) -> int:
        """Return the index in TrainingFraction of the shuffle with this number; PyTorch shuffles take precedence."""
        candidates = [Shuffle(self, number, fraction) for fraction in self.train_fractions]
        existing = [index for index, one in enumerate(candidates) if one.model_dir.is_dir()]
        existing = existing or [index for index, one in enumerate(candidates) if one.has_files]
        if preferred in existing or not existing:
            return preferred
        if len(existing) > 1:
            choices = ", ".join(f"--trainset-index {index} ({self.train_fractions[index]:g})" for index in existing)
            raise DlcxError(
                f"--shuffle {number}: several values of TrainingFraction have a shuffle {number}",
                hint=f"Choose one of {choices}.",
            )
        return existing[0]

    def used_numbers(self) -> dict[int, set[int]]:
        """Return the numbers of all shuffles of the iteration that have files of any program, with their percents."""
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
        """Return all shuffles of the iteration that have a model folder, sorted by fraction and number."""
        found = []
        folder = self.root / "dlc-models-pytorch" / f"iteration-{self.iteration}"
        for fraction in self.train_fractions:
            prefix = f"{self.task}{self.date}-trainset{int(100 * fraction)}shuffle"
            for path in folder.glob(f"{prefix}*"):
                number = path.name.removeprefix(prefix)
                if re.fullmatch(r"\d{1,9}", number):
                    found.append(Shuffle(self, int(number), fraction))
        return sorted(found, key=lambda shuffle: (shuffle.fraction, shuffle.number))
