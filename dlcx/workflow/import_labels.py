"""Labels of another program in the project."""

from __future__ import annotations

import logging
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats import project_config
from dlcx.formats.given_labels import GivenImage, GivenLabels
from dlcx.formats.labels import changing_labels, read_labels, write_labels
from dlcx.formats.merged_labels import in_layout, no_labels, with_more
from dlcx.formats.project_config import open_project
from dlcx.outputs import whole_file
from dlcx.paths import user_path
from dlcx.poses import Labels, Layout
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.settings.base import part_of_path
from dlcx.workflow.export_labels import FORMATS

logger = logging.getLogger(__name__)

Image = tuple[str, str, str]


@dataclass(frozen=True)
class ImportedFolder:
    """The labels of one video: images that are new, those that had labels (replaced or kept), images copied here."""

    video: str
    new: int
    replaced: int
    kept: int
    copied: int
    labels: Path


@dataclass(frozen=True)
class ImportLabelsResult:
    """What came in by video, and bodyparts of the file that the project does not have."""

    format: str
    folders: tuple[ImportedFolder, ...]
    left_out: tuple[str, ...]
    listed: tuple[str, ...]

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What to do now."""
        kept = ("--overwrite replaces labels that are there.",) if any(one.kept for one in self.folders) else ()
        return (*kept, "Next: dlcx check-labels")

    def lines(self) -> list[str]:
        """One fact a line."""
        said = []
        for one in self.folders:
            more = f", {one.replaced} replaced" if one.replaced else ""
            more += f", {one.kept} kept as they were" if one.kept else ""
            more += f", {one.copied} images copied" if one.copied else ""
            said.append(f"{one.video}: {one.new} newly labelled images{more}")
            said.append(f"  labels: {one.labels}")
        said += [f"left out, for config.yaml does not name it: {name}" for name in self.left_out]
        return said + [f"added to config.yaml: {name}" for name in self.listed]


def import_labels(
    project: str | Path | None = None,
    file: str | Path = "labels.json",
    *,
    images: str | Path | None = None,
    video: str | None = None,
    predicted: bool = False,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> ImportLabelsResult:
    """Take labels into ``labeled-data``, with the images they are of; labels that are there stay.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    file
        ``.json``: COCO keypoints; ``.slp``: SLEAP; ``.h5`` or ``.csv``: DeepLabCut's.
    images
        Folder of the images or videos that the file names; default: where it says, or beside it.
    video
        Name of the folder of labeled-data for images; default: the name of the folder they are in.
    predicted
        Take what SLEAP's network has predicted, too.
    overwrite
        Replace labels of images that have some.

    Raises
    ------
    DlcxError
        When the file, an image or a video cannot be used, or does not fit the project.
    """
    home, path = open_project(project), user_path(file)
    given = _read(path, predicted=predicted)
    aligned, left_out = _fitted(given, home.layout, path)
    place = _Places(home, path.parent, user_path(images) if images else None, video)
    with progress.task("import", total=len(given.images), unit="image") as task:
        rows: list[Image] = []
        for image in given.images:
            rows.append(place(image))
            task.advance()
    twice = [image for image, count in Counter(rows).items() if count > 1]
    if twice:
        raise DlcxError(f"{path}: {'/'.join(twice[0])} is labelled twice", hint="Images of one name: use --video.")
    labels = Labels(home.layout, tuple(rows), aligned.xy, aligned.unique_xy)
    folders = tuple(_merge(home, labels, stem, place, overwrite) for stem in dict.fromkeys(row[1] for row in rows))
    listed = _list_videos(home, labels)
    return ImportLabelsResult(FORMATS[path.suffix], folders, left_out, listed)


def _read(path: Path, *, predicted: bool) -> GivenLabels:
    if path.suffix == ".json":
        from dlcx.formats.coco import read_coco

        return read_coco(path)
    if path.suffix == ".slp":
        from dlcx.formats.slp import read_slp

        return read_slp(path, predicted=predicted)
    if path.suffix in FORMATS:
        return GivenLabels.of(read_labels(path))
    raise DlcxError(f"{path}: unknown format '{path.suffix}'", hint=f"Choose from: {', '.join(FORMATS)}")


def _fitted(given: GivenLabels, layout: Layout, path: Path) -> tuple[Labels, tuple[str, ...]]:
    """The labels under the project's names, and the names that it does not have."""
    wanted = (*layout.bodyparts, *layout.unique)
    theirs = (*given.layout.bodyparts, *given.layout.unique)
    if not set(wanted) & set(theirs):
        raise DlcxError(
            f"{path}: its bodyparts are {', '.join(theirs)}, config.yaml's {', '.join(wanted)}: none is the same",
            hint="Give them the same names in config.yaml.",
        )
    left_out = tuple(name for name in theirs if name not in wanted)
    for name in left_out:
        logger.warning("%s: %s is not in config.yaml, left out. %s", path, name, did_you_mean(name, wanted))
    names = tuple(("labeled-data", "", str(row)) for row in range(len(given.images)))
    if layout.multi:
        renamed = Layout(given.layout.bodyparts, _individuals(given, layout, path), given.layout.unique, multi=True)
        return in_layout(Labels(renamed, names, given.xy, given.unique_xy), layout), left_out
    xy = given.xy
    several = np.isfinite(xy).any((2, 3)).sum(1)  # (M,)
    if (several > 1).any():
        worst = given.images[int(several.argmax())].file
        raise DlcxError(f"{path}: {several.max()} animals in {worst}, but config.yaml is of a single animal")
    first = np.isfinite(xy).any((2, 3)).argmax(1)
    alone = np.take_along_axis(xy, first[:, None, None, None], axis=1)
    # a single-animal project has no unique bodyparts: those of the file are bodyparts like all others
    points = np.concatenate([alone, given.unique_xy[:, None]], axis=2)
    once = Labels(Layout(theirs), names, points, np.zeros((len(names), 0, 2)))
    return in_layout(once, layout), left_out


def _individuals(given: GivenLabels, layout: Layout, path: Path) -> tuple[str, ...]:
    """The project's individual that each of the file's is: the one of its name, else the next free one."""
    theirs = given.layout.individuals
    free = [name for name in layout.individuals if name not in theirs]
    if len(theirs) > len(layout.individuals):
        raise DlcxError(
            f"{path}: {len(theirs)} individuals ({', '.join(theirs)}), config.yaml names {len(layout.individuals)}",
            hint="Name as many individuals in config.yaml.",
        )
    places = [name if name in layout.individuals else free.pop(0) for name in theirs]
    if given.named:
        for one, other in zip(theirs, places, strict=True):
            if one != other:
                logger.warning("%s: individual %s becomes %s", path, one, other)
    return tuple(places)


class _Places:
    """Where an image of a file is in labeled-data; it is brought there when it is elsewhere."""

    def __init__(self, project: Project, beside: Path, images: Path | None, video: str | None) -> None:
        self._project, self._beside, self._images, self._video = project, beside, images, video
        self.copied: Counter[str] = Counter()

    def __call__(self, image: GivenImage) -> Image:
        parts = [part for part in re.split(r"[\\/]+", image.file) if part not in ("", ".")]
        if not parts:
            raise DlcxError(f"an image has no name: {image.file!r}")
        stem = self._video or self._stem(image, parts)
        self._check(image, stem, parts)
        if image.frame is not None:
            return ("labeled-data", stem, self._frame(image, stem))
        target = self._project.labeled_data / stem / parts[-1]
        if not target.is_file():
            source = self._find(image.file, parts)
            with whole_file(target) as beside:
                shutil.copyfile(source, beside)
            self.copied[stem] += 1
        return ("labeled-data", stem, parts[-1])

    def _check(self, image: GivenImage, stem: str, parts: Sequence[str]) -> None:
        """Refuse names that lead out of labeled-data, and images whose names are none of an image."""
        from dlcx.data.images import IMAGE_SUFFIXES
        from dlcx.data.video import VIDEO_SUFFIXES

        try:
            part_of_path(stem)
            part_of_path(parts[-1])
        except ValueError:
            raise DlcxError(f"image {image.file!r} leads out of labeled-data") from None
        suffixes = VIDEO_SUFFIXES if image.frame is not None and image.pixels is None else IMAGE_SUFFIXES
        if image.pixels is None and Path(parts[-1]).suffix.lower() not in suffixes:
            raise DlcxError(f"{image.file}: expected a name that ends in {', '.join(suffixes)}")

    def _stem(self, image: GivenImage, parts: Sequence[str]) -> str:
        if image.frame is not None:
            return parts[-1].rsplit(".", 1)[0]
        if len(parts) > 1:
            return parts[-2]
        if self._images is not None:
            return self._images.name
        raise DlcxError(f"{image.file}: nothing tells its video", hint="Name the folder of labeled-data with --video.")

    def _find(self, stored: str, parts: Sequence[str]) -> Path:
        """The file that a path of another machine means."""
        tails = [Path(*parts[start:]) for start in range(len(parts))]
        roots = [self._images] if self._images else [self._beside, self._project.root, self._project.videos_dir]
        for candidate in (Path(stored), *(root / tail for root in roots for tail in tails)):
            if candidate.is_file():
                return candidate
        raise DlcxError(f"no such file: {stored}", hint="Name the folder of the images or videos with --images DIR.")

    def _frame(self, image: GivenImage, stem: str) -> str:
        """The name of the image of a frame, saved when it is not there."""
        from dlcx.data.video import open_video
        from dlcx.visuals.labeled_images import write_picture
        from dlcx.workflow.videos.saved_frames import save_frames, saved_numbers

        folder, number = self._project.labeled_data / stem, int(image.frame or 0)
        if name := saved_numbers(folder).get(number):
            return name
        self.copied[stem] += 1
        if image.pixels is not None:
            name = f"img{number:06d}.png"
            write_picture(image.pixels(), folder / name)
            return name
        video = open_video(self._find(image.file, re.split(r"[\\/]+", image.file)))
        return save_frames(video, [number], folder).names[number]


def _merge(project: Project, labels: Labels, stem: str, place: _Places, overwrite: bool) -> ImportedFolder:
    """Join the labels of one video with those that are there, and write them."""
    path, layout = project.labels_path(stem), project.layout
    rows = [row for row, image in enumerate(labels.images) if image[1] == stem]
    came = Labels(layout, tuple(labels.images[row] for row in rows), labels.xy[rows], labels.unique_xy[rows])
    with changing_labels(path):
        exists = any(path.with_name(path.name + suffix).is_file() for suffix in (".h5", ".csv"))
        there = read_labels(path, layout, project.scorer) if exists else no_labels(layout)
        both = len(set(there.images) & set(came.images))
        merged = with_more(came, there) if overwrite else with_more(there, came)
        write_labels(merged, path, project.scorer)
    replaced, kept = (both, 0) if overwrite else (0, both)
    return ImportedFolder(stem, len(came) - both, replaced, kept, place.copied[stem], path.with_name(path.name + ".h5"))


def _list_videos(project: Project, labels: Labels) -> tuple[str, ...]:
    """Name in config.yaml the videos whose labels would be left out otherwise."""
    from dlcx.data.images import image_size

    crops = {}
    for image in labels.images:
        stored = str(project.videos_dir / f"{image[1]}.mp4")
        if project.video_of(image[1]) is None and stored not in crops:
            width, height = image_size(project.root.joinpath(*image))
            crops[stored] = (0, width, 0, height)
    project_config.add_videos(project.config_path, crops)
    return tuple(crops)
