"""Draw the output maps of a network: score maps, offsets and part-affinity fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.heads import HEADS
from dlcx.options.commands.score_maps import ScoreMapsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Instances, Prediction
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle
from dlcx.settings import ModelConfig
from dlcx.user_paths import distinct_names

if TYPE_CHECKING:
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.options.keywords import ScoreMapsKeywords
    from dlcx.predictors.maps import HeadMaps, InputMaps

#: Maximum number of tiles per picture.
MOST = 60


@dataclass(frozen=True)
class MappedImage:
    """Pictures of one image; none if a top-down network found no animal in it."""

    image: Path
    pictures: tuple[Path, ...]


@dataclass(frozen=True)
class ScoreMapsResult:
    """Drawn pictures of each image."""

    snapshot: str
    images: tuple[MappedImage, ...]

    @property
    def exit_code(self) -> int:
        """4 if an image has no picture, else 0."""
        return 4 if any(not one.pictures for one in self.images) else 0

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"picture: {picture}" for one in self.images for picture in one.pictures]
        return lines + [f"no animal found: {one.image}" for one in self.images if not one.pictures]


@keyword_options(ScoreMapsOptions)
def score_maps(
    project: str | Path | None = None,
    images: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ScoreMapsKeywords],
) -> ScoreMapsResult:
    """Draw the output maps of a network over images: ``<image>_{scmap,locref,paf}_<train|test|new>_....png``.

    Top-down networks get one set of pictures per box.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    images
        Image files, folders and glob patterns.

    Returns
    -------
    ScoreMapsResult
        Drawn pictures of each image.

    Raises
    ------
    DlcxError
        If an option is invalid, the network or an image cannot be read, or the network has no such maps.
    """
    options = ScoreMapsOptions.of(project=project, images=images, **keywords)
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.data.images import find_images, read_image
    from dlcx.predictors.maps import compute_maps

    place = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
    layout = place.project.layout
    for name in options.bodyparts:
        if name not in (*layout.bodyparts, *layout.unique):
            known = (*layout.bodyparts, *layout.unique)
            raise DlcxError(f"--bodypart {name}: the project has none", hint=did_you_mean(name, known))
    found = find_images(options.images)
    folder = options.out or place.evaluation_dir / "maps"
    check_folder(folder)
    net = TrainedNetwork.of(options)
    _check_kinds(options.kinds, net.config)
    labeled = _labeled_images(place)
    end = f"{place.number}_{place.fraction}_{net.snapshot.path.stem}.png"
    done, names = [], distinct_names(found)
    with progress.task("draw maps", total=len(found), unit="image") as task:
        for path in found:
            pixels = read_image(path)
            split, pose = labeled.get(path.resolve(), ("new", None))
            rows = compute_maps(net.predictor, pixels, _conditions(net, path, pixels, pose))  # type: ignore[arg-type]
            pictures = []
            for number, seen in enumerate(rows):
                owner = f"_animal{number + 1}" if len(rows) > 1 else ""
                for kind, draw in _drawings(seen, place, options.kinds, options.bodyparts):
                    picture = folder / f"{names[path]}{owner}_{kind}_{split}_{end}"
                    _write(draw, picture, path, overwrite=options.overwrite)
                    pictures.append(picture)
            done.append(MappedImage(path, tuple(pictures)))
            task.advance()
    if not any(one.pictures for one in done):
        what = f"has no {', '.join(options.kinds)} there" if options.kinds else "finds no animal in these images"
        raise DlcxError(f"the net {net.config.net_type} {what}")
    return ScoreMapsResult(net.snapshot.uid, tuple(done))


def _check_kinds(kinds: Sequence[str], config: ModelConfig) -> None:
    """Reject kinds of maps that the network lacks, before it is loaded; heads of other packages are not checked."""
    heads = config.model.heads.values()
    if any(head.get("type") not in HEADS for head in heads):
        return
    blocks = {"locref": ("locref_config", "offset_config"), "paf": ("paf_config",)}
    for kind in kinds:
        if kind in blocks and not any(head.get(block) for head in heads for block in blocks[kind]):
            raise DlcxError(f"--kind {kind}: {config.net_type} has no such maps", hint="Leave --kind out: all it has.")


def _write(draw: Callable[[], np.ndarray], picture: Path, image: Path, *, overwrite: bool) -> None:
    """Draw a picture unless it exists; an existing picture of a different image is an error."""
    from dlcx.visuals.image_writer import read_texts, write_picture

    with open(image, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    if picture.exists() and not overwrite:
        there = read_texts(picture)
        if there.get("Image", digest) != digest:
            raise DlcxError(
                f"{picture} shows the maps of another image than {image}: of {there.get('Source')}",
                hint="--out DIR is elsewhere, --overwrite replaces it.",
            )
        return
    write_picture(draw(), picture, Source=str(image), Image=digest)


def _labeled_images(place: Shuffle) -> dict[Path, tuple[str, Prediction]]:
    """Split (train, test or new) and labels of each labeled image."""
    if not place.documentation_path.is_file():
        return {}
    labels, split = load_training_set(place)
    names = {row: name for name, rows in (("train", split.train), ("test", split.test)) for row in rows.tolist()}
    root = place.project.root
    return {
        root.joinpath(*image).resolve(): (names.get(row, "new"), labels.pose(row))
        for row, image in enumerate(labels.images)
    }


def _conditions(net: TrainedNetwork, path: Path, pixels: np.ndarray, pose: Prediction | None) -> Instances | None:
    """Boxes or initial poses of an image, for networks that need them."""
    from dlcx.data.labeled_images import LabeledImage

    if pose is None and net.needs_boxes:
        raise DlcxError(f"{path} has no labels, and there is no detector to find animals", hint="Run `dlcx train`.")
    found = net.conditions_of_images([LabeledImage(pixels, pose or Prediction(Instances.empty(0)), path)])
    return None if found is None else found[0]


def _drawings(
    seen: InputMaps, place: Shuffle, kinds: Sequence[str], bodyparts: Sequence[str]
) -> list[tuple[str, Callable[[], np.ndarray]]]:
    """Return the available drawings of one network input, with their names in file names."""
    from dlcx.visuals.map_pictures import paint_center_offsets, paint_fields, paint_offsets, paint_scores

    layout = place.project.layout
    named = {"bodypart": layout.bodyparts, "unique_bodypart": layout.unique, "identity": layout.individuals}
    drawings: list[tuple[str, Callable[[], np.ndarray]]] = []
    for head, maps in seen.heads.items():
        names = _names(maps, named.get(head, ()))
        parts = [part for part, name in enumerate(names) if not bodyparts or name in bodyparts]
        keypoints = [part for part in parts if part < len(names) - len(maps.extra_channels)]
        touched = [{names[part] for part in pair} for pair in maps.edges]
        edges = [edge for edge, ends in enumerate(touched) if not bodyparts or ends & {*bodyparts}]
        suffix = "" if head == "bodypart" else f"_{head}"
        for kind, has, chosen, draw in (
            ("scmap", True, parts, paint_scores),
            ("locref", maps.keypoint_offsets is not None, parts, paint_offsets),
            ("locref", maps.center_offsets is not None, keypoints, paint_center_offsets),
            ("paf", maps.fields is not None, edges, paint_fields),
        ):
            if has and chosen and (not kinds or kind in kinds):
                drawings.append((f"{kind}{suffix}", _later(draw, seen.image, maps, names, chosen[:MOST])))
    return drawings


def _later(draw: Callable[..., np.ndarray], *arguments: object) -> Callable[[], np.ndarray]:
    return lambda: draw(*arguments)


def _names(maps: HeadMaps, names: Sequence[str]) -> tuple[str, ...]:
    """Names of all channels."""
    unnamed = len(maps.scores) - len(names) - len(maps.extra_channels)
    return (*names, *(f"map {number}" for number in range(unnamed)), *maps.extra_channels)
