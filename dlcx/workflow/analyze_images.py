"""Estimate poses in individual images."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.options.commands.analyze_images import AnalyzeImagesOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.progress import SILENT, Progress
from dlcx.user_paths import distinct_names, user_path

if TYPE_CHECKING:
    from dlcx.options.keywords import AnalyzeImagesKeywords
    from dlcx.project import Project
    from dlcx.visuals.labeled_images import LabeledImagePainter

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FailedImage:
    """An image that could not be read and the reason."""

    image: Path
    error: str


@dataclass(frozen=True)
class AnalyzeImagesResult:
    """The analyzed images, the files with their poses, and the images that failed."""

    scorer: str
    images: tuple[Path, ...]
    h5: Path
    csv: Path | None
    pictures: Path | None = None
    failed: tuple[FailedImage, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """4 if an image failed, else 0."""
        return 4 if self.failed else 0

    def lines(self) -> list[str]:
        """Lines of the text output."""
        lines = [f"scorer: {self.scorer}", f"images: {len(self.images)}"]
        files = {"h5": self.h5, "csv": self.csv, "pictures": self.pictures}
        lines += [f"{name}: {path}" for name, path in files.items() if path]
        return lines + [f"failed: {failure.image}: {failure.error}" for failure in self.failed]


@keyword_options(AnalyzeImagesOptions)
def analyze_images(
    project: str | Path | None = None,
    images: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[AnalyzeImagesKeywords],
) -> AnalyzeImagesResult:
    """Analyze images with the network of a shuffle and write ``image_predictions_<scorer>.h5``.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    images
        Files, folders and glob patterns.

    Returns
    -------
    AnalyzeImagesResult
        The analyzed images, the files written, and the images that failed.

    Raises
    ------
    DlcxError
        If an option is invalid, the network cannot be loaded, or no image can be read.  If only some of several
        images cannot be read, the result names them.
    """
    options = AnalyzeImagesOptions.of(project=project, images=images, **keywords)
    from dlcx.data.images import find_images, same_size_batches
    from dlcx.formats.predictions.image_predictions import write_image_predictions
    from dlcx.visuals.image_writer import write_picture

    place = open_project(options.project)
    found = find_images(options.images)
    net = TrainedNetwork.of(options)
    net.check_for_new_images()
    h5 = _folder(found, options.out) / f"image_predictions_{net.scorer}.h5"
    if h5.exists() and not options.overwrite:
        raise DlcxError(f"{h5} exists", hint="--overwrite replaces it, --out DIR writes elsewhere.")
    check_folder(h5.parent)
    pictures = h5.parent / f"LabeledImages_{net.scorer}"
    paint = _painter(place, options.pcutoff) if options.plot else None

    if net.engine != "auto":
        _ = net.predictor  # report a network that cannot be loaded before reading images
    done, predictions, names = [], [], distinct_names(found)
    failed: list[FailedImage] = []
    with progress.task("analyze images", total=len(found), unit="image") as task:
        for batch in same_size_batches(_readable(found, failed), options.batch_size, lambda item: item[1].shape):
            conditions = net.conditions_of_files([path for path, _ in batch])
            stack = np.stack([image for _, image in batch])
            net = net.with_fastest_engine(stack, conditions) if net.engine == "auto" else net
            poses = net.predictor.predict(stack, conditions)
            for (path, image), pose in zip(batch, poses, strict=True):
                done.append(path)
                predictions.append(pose)
                if paint:
                    write_picture(paint(image, None, pose), pictures / f"predictions_{names[path]}.png")
            task.advance(len(batch))
    if not done:
        raise DlcxError(f"none of the {len(found)} images could be read")
    write_image_predictions(done, predictions, place.layout, h5, net.scorer, csv=options.csv)
    return AnalyzeImagesResult(
        scorer=net.scorer,
        images=tuple(done),
        h5=h5,
        csv=h5.with_suffix(".csv") if options.csv else None,
        pictures=pictures if paint else None,
        failed=tuple(failed),
    )


def _folder(images: Sequence[Path], out: str | Path | None) -> Path:
    if out is not None:
        return user_path(out)
    folders = list(dict.fromkeys(path.parent for path in images))
    if len(folders) > 1:
        raise DlcxError(
            f"the images are in {len(folders)} folders, such as {folders[0]} and {folders[1]}",
            hint="Name the folder of the results with --out DIR.",
        )
    return folders[0]


def _readable(images: Sequence[Path], failed: list[FailedImage]) -> Iterator[tuple[Path, np.ndarray]]:
    """Yield each image with its pixels; append images that cannot be read to ``failed``."""
    from dlcx.data.images import read_image

    for path in images:
        try:
            image = read_image(path)
        except DlcxError as error:
            if len(images) == 1:
                raise
            logger.error("%s", error)
            failed.append(FailedImage(path, str(error)))
        else:
            yield path, image


def _painter(project: Project, pcutoff: float | None) -> LabeledImagePainter:
    from dlcx.visuals.labeled_images import LabeledImagePainter

    cutoff = project.pcutoff if pcutoff is None else pcutoff
    return LabeledImagePainter(
        project.layout,
        pcutoff=cutoff,
        colormap=project.colormap,
        dotsize=project.dotsize,
        opacity=project.alphavalue,
    )
