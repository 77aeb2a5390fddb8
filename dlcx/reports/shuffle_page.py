"""The page on a shuffle: learning curves, errors, likelihoods, near-duplicates and training set-up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dlcx.analysis.conditions import chosen_conditions
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.errors import DlcxError
from dlcx.formats.predictions.evaluation import read_evaluation
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.metrics import KeypointErrors, PoseMetrics, evaluate_poses, keypoint_errors, mean_interval
from dlcx.options.command_line import command_after
from dlcx.options.commands.evaluate import EvaluateOptions
from dlcx.poses import Labels, Prediction
from dlcx.progress import Progress
from dlcx.project import Shuffle, Snapshot
from dlcx.reports.learning_curves import detector_curves, pose_curves
from dlcx.settings import DlcxConfig, ModelConfig
from dlcx.training.leakage import NearDuplicateCheck, check_near_duplicates

#: Maximum number of images shown, those with the largest errors.
MAX_IMAGES = 10
#: Names of the sides of a split.
SIDES = {"train": "training", "test": "test"}
#: Minimum number of videos for a bootstrap over videos; with fewer, images are resampled.
MIN_CLUSTERS = 5


def shuffle_page(network: TrainedNetwork, pcutoff: float, *, out: Path | None, progress: Progress) -> Path:
    """Write the page on a shuffle that was evaluated.

    Parameters
    ----------
    network
        The snapshot, whose evaluation exists.
    pcutoff
        Likelihood from which a point counts as confident.
    out
        Folder of the page; None: beside the evaluation.
    progress
        Reports the images read.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    DlcxError
        If the shuffle, its evaluation or an image cannot be read, or the page cannot be written.
    """
    from dlcx import __version__
    from dlcx.reports.page import Section, write_page

    place, config, chosen, detector = network.shuffle, network.config, network.snapshot, network.detector
    labels, split = load_training_set(place)
    _, found = read_evaluation(network.evaluation_path)
    net_type = read_dlcx_config(place.dlcx_config_path).net_type
    facts = _Facts(place, config, chosen, detector, labels, split, found, pcutoff)
    duplicates = facts.near_duplicates(progress) if facts.rows["test"] else None
    metrics = facts.metrics
    path = (out or place.evaluation_dir) / f"{network.scorer}_report.html"
    judged = metrics[facts.judged]
    numbers = [
        ("test error", _px(metrics["test"].rmse)),
        ("training error", _px(metrics["train"].rmse)),
        (f"{SIDES[facts.judged]} mAP", _number(judged.mAP, 1)),
        ("images", f"{metrics['train'].images} + {metrics['test'].images}"),
        (f"confident (likelihood at least {pcutoff:g})", _share(judged.keypoints_pcutoff, judged.labelled)),
    ]
    write_page(
        path,
        f"{place.project.task}: shuffle {place.number}, {net_type or config.net_type}",
        f"{network.scorer}. Errors are mean distances from the labels in pixels of the image.{facts.reservation}",
        f"Snapshot {chosen.path.name}, epoch {chosen.epoch}.",
        numbers,
        [
            Section("Training", pose_curves(place, chosen)),
            Section("Training of the detector", detector_curves(place, detector)),
            Section("Error by bodypart", facts.bodyparts()),
            Section("Likelihood and error", facts.likelihood()),
            Section("Test images similar to training images", facts.novelty(duplicates)),
            Section(f"Largest errors on {SIDES[facts.judged]} images", facts.worst()),
            Section("Training set-up", facts.settings()),
        ],
        version=__version__,
    )
    return path


@dataclass(frozen=True)
class _Facts:
    """The data of the page."""

    place: Shuffle
    config: ModelConfig
    snapshot: Snapshot
    detector: Snapshot | None
    labels: Labels
    split: Split
    found: dict[tuple[str, str, str], Prediction]
    pcutoff: float

    @property
    def single(self) -> bool:
        """Whether images show a single animal."""
        return len(self.place.project.layout.individuals) == 1

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """Evaluated rows of the labels on each side of the split."""
        sides = {"train": self.split.train, "test": self.split.test}
        rows = {
            name: [row for row in side.tolist() if self.labels.images[row] in self.found]
            for name, side in sides.items()
        }
        if not rows["test"] and not rows["train"]:
            raise DlcxError(
                f"{self.place.name}: the evaluation contains no image of the training dataset",
                hint=f"Run `{command_after(EvaluateOptions, self.place.options)}` again.",
            )
        return rows

    @property
    def judged(self) -> str:
        """The side shown in detail: test images, or training images if there are no test images."""
        return "test" if self.rows["test"] else "train"

    @property
    def reservation(self) -> str:
        """A remark for shuffles without test images."""
        if self.rows["test"]:
            return ""
        return " There are no test images: errors refer to the training images."

    def _pairs(self, side: str) -> tuple[list[Prediction], list[Prediction]]:
        rows = self.rows[side]
        return [self.labels.pose(row) for row in rows], [self.found[self.labels.images[row]] for row in rows]

    @cached_property
    def metrics(self) -> dict[str, PoseMetrics]:
        """Errors on each side of the split."""
        return {
            side: evaluate_poses(*self._pairs(side), pcutoff=self.pcutoff, single=self.single)
            for side in ("train", "test")
        }

    @cached_property
    def errors(self) -> dict[str, KeypointErrors]:
        """Error and likelihood of every label, for sides that have images."""
        return {side: keypoint_errors(*self._pairs(side), single=self.single) for side in SIDES if self.rows[side]}

    @property
    def parts(self) -> tuple[str, ...]:
        """All bodyparts, unique ones last."""
        layout = self.place.project.layout
        return (*layout.bodyparts, *layout.unique)

    def bodyparts(self) -> str:
        """Bars with bootstrap intervals."""
        from dlcx.reports.charts import TEST, TRAINING, Bar, bar_chart
        from dlcx.reports.page import paragraph

        bars: list[list[Bar]] = [[] for _ in self.parts]
        many = False
        shown = [(color, side) for color, side in ((TRAINING, "train"), (TEST, "test")) if self.rows[side]]
        for color, side in shown:
            errors = self.errors[side]
            videos = [self.labels.images[row][1] for row in self.rows[side]]
            many = many or len(set(videos)) >= MIN_CLUSTERS
            clusters = videos if len(set(videos)) >= MIN_CLUSTERS else [str(row) for row in self.rows[side]]
            for part, row in enumerate(bars):
                interval = mean_interval(errors.error[:, errors.part == part], clusters)
                row.append(Bar(interval.value, interval.low, interval.high, series=color))
        what = "videos" if many else "images"
        note = f"Whiskers: 95 % bootstrap confidence interval over {what}; it does not cover other recordings."
        chart = bar_chart(
            self.parts, bars, x_label="mean error (px)", series=[(SIDES[side], color) for color, side in shown]
        )
        return chart + paragraph(note, "soft")

    def likelihood(self) -> str:
        """Error against likelihood, and the effect of the p-cutoff."""
        from dlcx.reports.charts import TEST, TRAINING, Series, line_chart
        from dlcx.reports.page import paragraph

        errors, color = self.errors[self.judged], TEST if self.judged == "test" else TRAINING
        known = np.isfinite(errors.error)
        error, score = errors.error[known], errors.score[known]
        if not len(error):
            return paragraph(f"No labeled keypoint of the {SIDES[self.judged]} images was detected.", "warn")
        name = f"keypoint of a {SIDES[self.judged]} image"
        dots = Series(name, score, np.maximum(error, 0.05), dots=True, color=color)
        across = (0.0, max(1.0, float(score.max())))
        mark = [(self.pcutoff, f"p-cutoff {self.pcutoff:g}")]
        scatter = line_chart([dots], x_label="likelihood", y_label="error (px)", log=True, marks=mark, x_range=across)
        cutoffs = np.linspace(0, 1, 51)
        order = np.argsort(score)
        kept = len(score) - np.searchsorted(score[order], cutoffs, side="left")
        sums = np.concatenate([np.cumsum(error[order][::-1])[::-1], [0.0]])
        mean = np.where(kept > 0, sums[len(score) - kept] / np.maximum(kept, 1), np.nan)
        share = 100 * kept / max(int(errors.labeled.sum()), 1)
        curves = (
            (mean, "mean error of kept predictions (px)", None),
            (share, "labels with a kept prediction (%)", (0.0, 100.0)),
        )
        return scatter + "".join(
            line_chart(
                [Series("", cutoffs, values, color=color)],
                x_label="p-cutoff",
                y_label=label,
                marks=mark,
                x_range=across,
                y_range=bounds,
                height=210,
            )
            for values, label, bounds in curves
        )

    def near_duplicates(self, progress: Progress) -> NearDuplicateCheck:
        """Find near-duplicates of training images among the test images."""
        from dlcx.data.images import read_image
        from dlcx.data.near_duplicates import thumbnail

        rows = sorted({*self.rows["train"], *self.rows["test"]})
        small = {}
        with progress.task("read images", total=len(rows), unit="image") as task:
            for row in rows:
                small[row] = thumbnail(read_image(self.path(row)))
                task.advance()
        truth = {row: self.labels.pose(row) for row in rows}
        found = {row: self.found[self.labels.images[row]] for row in rows}
        split = Split(np.array(self.rows["train"]), np.array(self.rows["test"]), self.split.fraction)
        return check_near_duplicates(self.labels, split, small, truth, found, single=self.single)

    def path(self, row: int) -> Path:
        """The image file of a row."""
        return self.place.project.root.joinpath(*self.labels.images[row])

    def novelty(self, check: NearDuplicateCheck | None) -> str:
        """The split, and the closest near-duplicates across it."""
        from dlcx.data.images import read_image
        from dlcx.reports.page import paragraph, pictures

        if check is None:
            text = "The network was trained on all labeled images of its dataset. Without test images, the page cannot "
            return paragraph(f"{text}show how it performs on new images.", "warn")
        videos = {side: {self.labels.images[row][1] for row in rows} for side, rows in self.rows.items()}
        both = len(videos["train"] & videos["test"])
        count = len(self.rows["test"])
        of = len(videos["test"])
        also = "which also has training images" if of == both == 1 else f"{both} of which also have training images"
        text = paragraph(f"{count} test image{'s' * (count > 1)} from {of} video{'s' * (of > 1)}, {also}.")
        if not check.twins:
            return text + paragraph("No test image is nearly identical to a training image.")
        text += paragraph(check.line()[0].upper() + check.line()[1:] + ".", "warn")
        nearest = sorted(check.twins, key=lambda pair: pair.difference)[:2]
        shown = [
            (read_image(self.place.project.root / name), f"{side}: {name.removeprefix('labeled-data/')}")
            for pair in nearest
            for side, name in (("test", pair.test), ("training", pair.train))
        ]
        return text + pictures(shown, max_width=420, large=True)

    def worst(self) -> str:
        """Pictures of the images with the largest mean error."""
        from dlcx.data.images import read_image
        from dlcx.reports.page import colors, pictures
        from dlcx.visuals.colors import part_colors
        from dlcx.visuals.labeled_images import LabeledImagePainter

        project = self.place.project
        size = 2 * project.dotsize  # pictures are shown at half their size
        paint = LabeledImagePainter(
            project.layout,
            pcutoff=self.pcutoff,
            colormap=project.colormap,
            dotsize=size,
            opacity=project.alphavalue,
            named=False,
        )
        errors = self.errors[self.judged]
        error = errors.error
        known = np.isfinite(error)
        mean = np.where(known, error, 0).sum(1) / np.maximum(known.sum(1), 1)
        shown = []
        for index in np.argsort(-mean)[:MAX_IMAGES]:
            row = self.rows[self.judged][index]
            if known[index].any():
                picture = paint(read_image(self.path(row)), self.labels.pose(row), self.found[self.labels.images[row]])
                missed = int((errors.labeled[index] & ~known[index]).sum())
                also = f", {missed} missing" if missed else ""
                shown.append((picture, f"{'/'.join(self.labels.images[row][1:])}: {mean[index]:.1f} px{also}"))
        marks = f"+ label, \u25cf prediction, \u00d7 prediction with a likelihood below {self.pcutoff:g}"
        legend = colors(self.parts, part_colors(len(self.parts), project.colormap), marks)
        return legend + pictures(shown, max_width=900, large=True)

    def _helpers(self, own: DlcxConfig) -> list[tuple[str, str]]:
        """Rows on the detector or the source of conditions."""
        rows = []
        if self.config.detector is not None and self.detector is not None:
            model = self.config.detector.model
            rows += [
                ("detector", model.variant or model.type),
                ("detector snapshot", f"{self.detector.path.name}, initial weights {own.detector_source}"),
            ]
        try:
            conditions = chosen_conditions(self.place, self.config)
        except DlcxError:  # missing, or not configured
            conditions = None
        if conditions is not None:
            rows.append(("conditions", conditions.title))
        return rows

    def settings(self) -> str:
        """A table of settings."""
        from dlcx.reports.page import values

        own = read_dlcx_config(self.place.dlcx_config_path)
        train = self.config.train_settings
        rows = [
            ("project", str(self.place.project.root)),
            ("shuffle", f"{self.place.name}, iteration {self.place.project.iteration}"),
            ("network", own.net_type or self.config.net_type),
            ("snapshot", f"{self.snapshot.path.name}, epoch {self.snapshot.epoch} of {train.epochs}"),
            ("initial weights", own.weights),
            *self._helpers(own),
            ("batch size", str(train.batch_size)),
            ("optimizer", f"{self.config.runner.optimizer.type} {dict(self.config.runner.optimizer.params)}"),
            ("split", f"{own.split}, seed {own.seed}" if own.seed is not None else str(own.split)),
            ("bodyparts", ", ".join(self.parts)),
        ]
        if not self.single:
            rows.append(("individuals", ", ".join(self.place.project.layout.individuals)))
        rows += [("changed settings", text) for text in own.overrides]
        return values(rows)


def _px(value: float) -> str:
    return f"{value:.2f} px" if np.isfinite(value) else "-"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
