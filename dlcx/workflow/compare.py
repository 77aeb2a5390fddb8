"""Compare shuffles or snapshots on the same test images, with confidence intervals of their differences."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.trained_network import TrainedNetwork, check_detector_flag
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.metrics import Interval, KeypointErrors, PoseMetrics, evaluate_poses, keypoint_errors, mean_interval
from dlcx.next_steps import analyze_step
from dlcx.options.commands.compare import CompareOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Labels, Prediction
from dlcx.progress import SILENT, Progress
from dlcx.project import Project, Shuffle

#: Minimum number of videos to bootstrap over videos rather than images.
VIDEOS = 5
#: Below this number of images, verdicts mention the number.
FEW = 20

if TYPE_CHECKING:
    from dlcx.options.keywords import CompareKeywords


@dataclass(frozen=True)
class NetworkComparison:
    """Errors and speed of one network on the common images, and its size.

    ``parameters`` counts the parameters of the pose network without the detector; ``bytes`` is the file size of the
    pose and detector snapshots together.
    """

    name: str
    net_type: str
    snapshot: str
    detector: str | None
    metrics: PoseMetrics
    images_per_second: float
    parameters: int
    bytes: int


@dataclass(frozen=True)
class Difference:
    """Difference between a network and the first one.

    ``error`` is the difference in error in pixels over the ``keypoints`` labels that both networks found, and ``found``
    the difference in the percentage of labels found.  Both are this network minus the first.  ``verdict`` is better,
    worse, mixed, or no difference.
    """

    name: str
    against: str
    error: Interval
    found: Interval
    keypoints: int
    verdict: str


@dataclass(frozen=True)
class CompareResult:
    """Results of the networks on the same test images, and their differences from the first."""

    images: int
    videos: int
    drawn: str
    nets: tuple[NetworkComparison, ...]
    differences: tuple[Difference, ...]
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Lines of the text output: a table, then the verdicts."""
        videos = f"{self.videos} video{'s' if self.videos > 1 else ''}"
        lines = [f"images: {self.images} test images of {videos}, on which none of the nets was trained"]
        for one in self.nets:
            detector = f", detector {one.detector}" if one.detector else ""
            size = f"{one.parameters / 1e6:.1f} M parameters, {one.bytes / 1e6:.1f} MB"
            lines.append(f"{one.name}: {one.net_type}, snapshot {one.snapshot}{detector}, {size}")
        width = max(len(one.name) for one in self.nets)
        lines.append(f"{'':{width}}{'error px':>10}{'found':>12}{'mAP':>7}{'mAR':>7}{'images/s':>10}")
        for one in self.nets:
            metrics = one.metrics
            lines.append(
                f"{one.name:{width}}{_number(metrics.rmse, 2):>10}{f'{metrics.keypoints}/{metrics.labelled}':>12}"
                f"{_number(metrics.mAP, 1):>7}{_number(metrics.mAR, 1):>7}{one.images_per_second:>10.1f}"
            )
        return lines + [self._sentence(one) for one in self.differences]

    def _sentence(self, one: Difference) -> str:
        text = f"{one.name} against {one.against}: {one.verdict}; error {_signed(one.error, ' px')}"
        text += f" on {one.keypoints} keypoints that both found"
        if one.found.value or one.found.excludes_zero:
            text += f", found {_signed(one.found, ' %')}"
        return text + (f" (only {self.images} images)" if self.images < FEW else "")


@keyword_options(CompareOptions)
def compare(
    project: str | Path | None = None,
    nets: Sequence[str | int] = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[CompareKeywords],
) -> CompareResult:
    """Evaluate networks on their common test images and test whether they differ.

    Common test images are in the test set of every network and in the training set of none.  Two networks are compared
    by the pixel errors of the labels that both found.  The confidence interval of the difference is a paired bootstrap
    over images, or over videos if there are at least five.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    nets
        Two or more networks, each a shuffle (``1``) or one of its snapshots (``"1:last"``, ``"1:best"``, ``"1:40"``,
        ``"1:PATH"``).  The others are compared with the first.

    Returns
    -------
    CompareResult
        The errors, speed and size of each network, and its difference from the first.

    Raises
    ------
    DlcxError
        If fewer than two networks are given, one does not exist, or they have no common test images.
    """
    options = CompareOptions.of(project=project, nets=nets, **keywords)
    home = open_project(options.project)
    asked = [
        _Asked.of(home, str(net), options.trainset_index, options.detector_snapshot, options.device)
        for net in options.nets
    ]
    if len({one.net.snapshot.path.resolve() for one in asked}) < max(2, len(asked)):
        raise DlcxError(
            f"compare {' '.join(map(str, options.nets)) or 'nothing'}: expected two or more different nets",
            hint="Name shuffles, such as 1 2, or snapshots of them, such as 1:best 1:last.",
        )
    labels, rows = _common_rows([one.net.shuffle for one in asked])
    check_detector_flag([one.net for one in asked], options.detector_snapshot)
    cutoff = home.pcutoff if options.pcutoff is None else options.pcutoff
    for one in asked:  # check all of them before loading the first network
        one.net.check()
    run = _Run(home, labels, rows, cutoff, progress)
    results = [run(one) for one in asked]
    videos = [labels.images[row][1] for row in rows]
    many = len(set(videos)) >= VIDEOS
    clusters: list[str] = videos if many else [str(row) for row in rows]
    first = results[0]
    differences = tuple(_difference(other, first, clusters) for other in results[1:])
    best = min(results, key=lambda one: one.compared.metrics.rmse)
    chosen = next(one for one in asked if one.name == best.compared.name)
    return CompareResult(
        images=len(rows),
        videos=len(set(videos)),
        drawn="videos" if many else "images",
        nets=tuple(one.compared for one in results),
        differences=differences,
        next_steps=(
            f"With the least error: {analyze_step(home, chosen.net.shuffle.options, snapshot=chosen.snapshot)}",
        ),
    )


@dataclass(frozen=True)
class _Asked:
    """A network to compare, with the name given by the user."""

    name: str
    snapshot: str
    net: TrainedNetwork

    @classmethod
    def of(
        cls, home: Project, text: str, trainset_index: int | None, detector_snapshot: str | None, device: str
    ) -> _Asked:
        number, _, snapshot = text.partition(":")
        if re.fullmatch(r"\d{1,9}", number) is None:
            raise DlcxError(f"compare {text}: no shuffle", hint="Name a shuffle's number, or NUMBER:SNAPSHOT.")
        shuffle = home.shuffle(int(number), trainset_index)
        config = shuffle_config(shuffle)
        net = TrainedNetwork.find(
            shuffle,
            config=config,
            snapshot=snapshot or None,
            detector_snapshot=detector_snapshot if config.uses_detector else None,
            device=device,
        )
        return cls(text, snapshot or net.snapshot.uid, net)


@dataclass(frozen=True)
class _Evaluated:
    """The results of a network and its error for each label."""

    compared: NetworkComparison
    labels: KeypointErrors


def _common_rows(shuffles: Sequence[Shuffle]) -> tuple[Labels, list[int]]:
    sets = [load_training_set(shuffle) for shuffle in shuffles]
    rows = set.intersection(*(set(split.test.tolist()) for _, split in sets))
    rows -= set.union(*(set(split.train.tolist()) for _, split in sets))
    if without := [shuffle.number for shuffle, (_, split) in zip(shuffles, sets, strict=True) if not len(split.test)]:
        raise DlcxError(
            f"shuffle {without[0]} has no test image: it was trained on all images of its dataset",
            hint="Compare networks that leave the same images out of training.",
        )
    if not rows:
        names = ", ".join(dict.fromkeys(str(shuffle.number) for shuffle in shuffles))
        raise DlcxError(
            f"the shuffles {names} have no test image in common on which none was trained",
            hint="Run `dlcx create-dataset` with --from-shuffle to give another network the same test images.",
        )
    return sets[0][0], sorted(rows)


@dataclass(frozen=True)
class _Run:
    """Evaluates networks on the same images."""

    project: Project
    labels: Labels
    rows: Sequence[int]
    pcutoff: float
    progress: Progress

    def __call__(self, asked: _Asked) -> _Evaluated:
        """Run a network on the images one by one."""
        from dlcx.data.labeled_images import LabeledImages

        paths = [self.project.root.joinpath(*self.labels.images[row]) for row in self.rows]
        images = LabeledImages(paths, [self.labels.pose(row) for row in self.rows], cache=0)
        loaded = asked.net
        _ = loaded.predictor  # load it before measuring its speed
        truth: list[Prediction] = []
        found: list[Prediction] = []
        seconds: list[float] = []
        with self.progress.task(f"compare {asked.name}", total=len(images), unit="image") as task:
            for labeled in images:
                conditions = loaded.conditions_of_images([labeled])
                for _ in range(2 if not found else 1):  # the first call is slower
                    started = time.perf_counter()
                    (prediction,) = loaded.predictor.predict(labeled.image[None], conditions)
                    elapsed = time.perf_counter() - started
                truth.append(labeled.pose)
                found.append(prediction)
                seconds.append(elapsed)
                task.advance()
        single = len(self.project.layout.individuals) == 1
        errors = keypoint_errors(truth, found, single=single)
        snapshots = [loaded.snapshot, *([loaded.detector] if loaded.detector else [])]
        compared = NetworkComparison(
            name=asked.name,
            net_type=loaded.config.net_type,
            snapshot=loaded.snapshot.uid,
            detector=loaded.detector.uid if loaded.detector else None,
            metrics=evaluate_poses(truth, found, pcutoff=self.pcutoff, single=single),
            images_per_second=1 / max(float(np.median(seconds)), 1e-9),
            parameters=sum(weights.numel() for weights in loaded.model.parameters()),
            bytes=sum(one.path.stat().st_size for one in snapshots),
        )
        return _Evaluated(compared, errors)


def _difference(one: _Evaluated, first: _Evaluated, clusters: Sequence[str]) -> Difference:
    """Paired differences of a network minus the first."""
    error_difference = one.labels.error - first.labels.error
    error = mean_interval(error_difference, clusters)
    found_difference = np.isfinite(one.labels.error).astype(float) - np.isfinite(first.labels.error)
    found = mean_interval(np.where(first.labels.labeled, 100 * found_difference, np.nan), clusters)
    return Difference(
        name=one.compared.name,
        against=first.compared.name,
        error=error,
        found=found,
        keypoints=int(np.isfinite(error_difference).sum()),
        verdict=_verdict(error, found),
    )


def _verdict(error: Interval, found: Interval) -> str:
    intervals = ((error, -error.value), (found, found.value))
    signs = {np.sign(value) for interval, value in intervals if interval.excludes_zero}
    if not signs:
        return "no difference to be seen"
    if len(signs) > 1:
        return "mixed: " + ("more exact, finds less" if error.value < 0 else "less exact, finds more")
    return "better" if signs == {1} else "worse"


def _signed(interval: Interval, unit: str) -> str:
    if not np.isfinite(interval.value):
        return "unknown"
    bounds = f" (95 %: {interval.low:+.2f} to {interval.high:+.2f})" if np.isfinite(interval.low) else ""
    return f"{interval.value:+.2f}{unit}{bounds}"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"
