"""SLEAP's labels, ``.slp``, through sleap-io (the extra ``sleap``).

An image file of labeled-data is a frame of a video made of images, an individual is a track, and unique bodyparts are
a skeleton of their own called ``single``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.imported_labels import SINGLE, Found, ImportedImage, ImportedLabels
from dlcx.formats.serialization.hdf5 import check_hdf5
from dlcx.outputs import atomic_file, reserve
from dlcx.poses import Labels


def read_slp(path: Path, *, predicted: bool = False) -> ImportedLabels:
    """Read the labels of a .slp; with ``predicted`` also instances that a net found and nobody corrected.

    Raises
    ------
    DlcxError
        When sleap-io is missing, the file is none of its files, or it holds no labels.
    """
    library = import_sleap_io()
    check_hdf5(path, "a SLEAP file")
    try:
        return _given(library.load_slp(str(path), open_videos=False), path, predicted=predicted)
    except DlcxError:
        raise
    except Exception as error:  # h5py and sleap-io raise whatever they meet in a broken file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DlcxError(f"{path}: not a SLEAP file: {reason}") from None


def _given(labels: Any, path: Path, *, predicted: bool) -> ImportedLabels:
    images, found = [], []
    for frame in labels.labeled_frames:
        instances = frame.instances if predicted else frame.user_instances
        if instances:
            images.append(_image(frame, path))
            found += [_found(len(images) - 1, instance) for instance in instances]
    if not images:
        raise DlcxError(
            f"{path}: nobody labelled any of its {len(labels.labeled_frames)} frames",
            hint="--predicted takes what SLEAP's network has predicted.",
        )
    parts = dict.fromkeys(
        name for skeleton in labels.skeletons if skeleton.name != SINGLE for name in skeleton.node_names
    )
    unique = dict.fromkeys(
        name for skeleton in labels.skeletons if skeleton.name == SINGLE for name in skeleton.node_names
    )
    return ImportedLabels.gathered(list(parts), list(unique), images, found)


def _found(image: int, instance: Any) -> Found:
    names, track = tuple(instance.skeleton.node_names), instance.track
    return Found(image, track.name if track else None, instance.skeleton.name or "", names, instance.numpy()[:, :2])


def _image(frame: Any, path: Path) -> ImportedImage:
    video, number = frame.video, int(frame.frame_idx)
    size, frames = _shape(video)
    if isinstance(video.filename, list):
        return ImportedImage(str(video.filename[number]))
    if str(video.filename).endswith((".slp", ".h5", ".hdf5")):  # pixels are in the file
        source = video.source_video
        name = str(source.filename) if source is not None and isinstance(source.filename, str) else str(path)
        return ImportedImage(name, number, lambda: _pixels(video, number))
    return ImportedImage(str(video.filename), number, size=size, frames=frames)


def _shape(video: Any) -> tuple[tuple[int, int] | None, int | None]:
    """Width and height of a video, and its number of frames, where the file says them."""
    shape = (getattr(video, "backend_metadata", None) or {}).get("shape")
    if not isinstance(shape, list | tuple) or len(shape) != 4 or not all(isinstance(side, int) for side in shape):
        return None, None
    frames, height, width, _ = shape
    return (width, height), frames


def _pixels(video: Any, number: int) -> np.ndarray:
    image = np.asarray(video[number])
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def write_slp(labels: Labels, root: Path, path: Path, skeleton: Sequence[tuple[str, str]] = ()) -> None:
    """Write labels whose images lie below ``root``.

    Raises
    ------
    DlcxError
        When sleap-io is missing.
    """
    library = import_sleap_io()
    layout = labels.layout
    bones = [bone for bone in skeleton if set(bone) <= set(layout.bodyparts)]
    animal = library.Skeleton(nodes=list(layout.bodyparts), edges=bones, name="animal")
    single = library.Skeleton(nodes=list(layout.unique), name=SINGLE) if layout.unique else None
    tracks = [library.Track(name=name) for name in layout.individuals] if layout.multi else [None]
    by_video: dict[str, list[int]] = {}
    for row, image in enumerate(labels.images):
        by_video.setdefault(image[1], []).append(row)
    frames, videos = [], []
    for rows in by_video.values():
        video = library.Video.from_filename([str(root.joinpath(*labels.images[row])) for row in rows])
        videos.append(video)
        for number, row in enumerate(rows):
            animals = [
                library.Instance.from_numpy(xy, skeleton=animal, track=track)
                for xy, track in zip(labels.xy[row], tracks, strict=True)
                if np.isfinite(xy).all(-1).any()
            ]
            if single is not None and np.isfinite(labels.unique_xy[row]).all(-1).any():
                animals.append(library.Instance.from_numpy(labels.unique_xy[row], skeleton=single))
            frames.append(library.LabeledFrame(video=video, frame_idx=number, instances=animals))
    skeletons = [animal, *([single] if single is not None else [])]
    whole = library.Labels(frames, videos=videos, skeletons=skeletons, tracks=[track for track in tracks if track])
    points = labels.xy[..., 0].size + labels.unique_xy[..., 0].size
    names = sum(len(os.fsencode(root.joinpath(*image))) for image in labels.images)
    size = 2**16 + 64 * points + 512 * len(labels.images) + 2 * names
    with atomic_file(path, size) as beside:
        reserve(beside, size)  # the HDF5 library crashes on a full disk
        beside.unlink()
        library.save_slp(whole, str(beside), verbose=False)


def import_sleap_io() -> Any:
    """The module sleap_io.

    Raises
    ------
    DlcxError
        When it is not installed.
    """
    try:
        import sleap_io
    except ImportError as error:
        raise DlcxError(
            "files of SLEAP need sleap-io, which is not installed", hint="Install it with: pip install 'dlcx[sleap]'"
        ) from error
    return sleap_io
