"""SLEAP's label files, ``.slp``, through sleap-io (the extra ``sleap``).

Each folder of labeled-data is written as a video made of images, each individual as a track, and unique bodyparts as a
second skeleton named ``single``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.imported_labels import SINGLE, ImportedImage, ImportedLabels, LabeledAnimal
from dlcx.formats.labels.registry import LabelExport, label_reader, label_writer
from dlcx.outputs import atomic_file, reserve


def import_sleap_io() -> Any:
    """Return the module sleap_io.

    Raises
    ------
    DlcxError
        If it is not installed.
    """
    try:
        import sleap_io
    except ImportError as error:
        raise DlcxError(
            "SLEAP files need sleap-io, which is not installed", hint="Install it with: pip install 'dlcx[sleap]'"
        ) from error
    return sleap_io


@label_reader("SLEAP", suffixes=(".slp",))
def read_slp(path: Path, *, predicted: bool = False) -> ImportedLabels:
    """Read the labels of a SLEAP file.

    Parameters
    ----------
    path
        A ``.slp`` file.
    predicted
        Include instances that SLEAP's network predicted and nobody corrected.

    Raises
    ------
    DlcxError
        If sleap-io is not installed, the file is not a SLEAP file, or it holds no labels.
    """
    from dlcx.formats.serialization.hdf5.tables import check_hdf5

    sleap_io = import_sleap_io()
    check_hdf5(path, "a SLEAP file")
    try:
        return _imported(sleap_io.load_slp(str(path), open_videos=False), path, predicted=predicted)
    except DlcxError:
        raise
    except Exception as error:  # h5py and sleap-io raise errors of any type on a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DlcxError(f"{path}: not a SLEAP file: {reason}") from None


def _imported(labels: Any, path: Path, *, predicted: bool) -> ImportedLabels:
    images, animals = [], []
    for frame in labels.labeled_frames:
        instances = frame.instances if predicted else frame.user_instances
        if instances:
            images.append(_image(frame, path))
            animals += [_animal(len(images) - 1, instance) for instance in instances]
    if not images:
        raise DlcxError(
            f"{path}: none of its {len(labels.labeled_frames)} frames has labels made by a person",
            hint="Add --predicted to import the predictions of SLEAP's network.",
        )
    names: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for skeleton in labels.skeletons:
        names[skeleton.name == SINGLE] |= dict.fromkeys(skeleton.node_names)
    return ImportedLabels.from_animals(list(names[False]), list(names[True]), images, animals)


def _animal(image: int, instance: Any) -> LabeledAnimal:
    bodyparts, track = tuple(instance.skeleton.node_names), instance.track
    individual = track.name if track else None
    return LabeledAnimal(image, individual, instance.skeleton.name or "", bodyparts, instance.numpy()[:, :2])


def _image(frame: Any, path: Path) -> ImportedImage:
    video, number = frame.video, int(frame.frame_idx)
    size, frames = _shape(video)
    if isinstance(video.filename, list):
        return ImportedImage(str(video.filename[number]))
    if str(video.filename).endswith((".slp", ".h5", ".hdf5")):  # the file embeds the pixels
        source = video.source_video
        name = str(source.filename) if source is not None and isinstance(source.filename, str) else str(path)
        return ImportedImage(name, number, lambda: _pixels(video, number))
    return ImportedImage(str(video.filename), number, size=size, frames=frames)


def _shape(video: Any) -> tuple[tuple[int, int] | None, int | None]:
    """Return width and height of a video and its number of frames, or None if the file does not give them."""
    shape = (getattr(video, "backend_metadata", None) or {}).get("shape")
    if not isinstance(shape, list | tuple) or len(shape) != 4 or not all(isinstance(side, int) for side in shape):
        return None, None
    frames, height, width, _ = shape
    return (width, height), frames


def _pixels(video: Any, number: int) -> np.ndarray:
    image = np.asarray(video[number])
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


@label_writer("SLEAP", suffixes=(".slp",), requirements=import_sleap_io)
def write_slp(export: LabelExport, path: Path) -> None:
    """Write labels as a SLEAP file that refers to the images by their absolute paths.

    Raises
    ------
    DlcxError
        If sleap-io is not installed or the file cannot be written.
    """
    sleap_io = import_sleap_io()
    labels, layout, root = export.labels, export.labels.layout, export.root
    bones = [bone for bone in export.skeleton if set(bone) <= set(layout.bodyparts)]
    animal = sleap_io.Skeleton(nodes=list(layout.bodyparts), edges=bones, name="animal")
    single = sleap_io.Skeleton(nodes=list(layout.unique), name=SINGLE) if layout.unique else None
    tracks = [sleap_io.Track(name=name) for name in layout.individuals] if layout.multi else [None]
    rows_of_video: dict[str, list[int]] = {}
    for row, image in enumerate(labels.images):
        rows_of_video.setdefault(image[1], []).append(row)
    frames, videos = [], []
    for rows in rows_of_video.values():
        video = sleap_io.Video.from_filename([str(root.joinpath(*labels.images[row])) for row in rows])
        videos.append(video)
        for number, row in enumerate(rows):
            instances = [
                sleap_io.Instance.from_numpy(xy, skeleton=animal, track=track)
                for xy, track in zip(labels.xy[row], tracks, strict=True)
                if np.isfinite(xy).all(-1).any()
            ]
            if single is not None and np.isfinite(labels.unique_xy[row]).all(-1).any():
                instances.append(sleap_io.Instance.from_numpy(labels.unique_xy[row], skeleton=single))
            frames.append(sleap_io.LabeledFrame(video=video, frame_idx=number, instances=instances))
    skeletons = [animal, *([single] if single is not None else [])]
    content = sleap_io.Labels(frames, videos=videos, skeletons=skeletons, tracks=[track for track in tracks if track])
    size = _max_file_size(export)
    with atomic_file(path, size) as temporary:
        reserve(temporary, size)  # the HDF5 library crashes if the disk is full
        temporary.unlink()
        sleap_io.save_slp(content, str(temporary), verbose=False)


def _max_file_size(export: LabelExport) -> int:
    """Return a number of bytes that the SLEAP file of these labels does not exceed."""
    labels = export.labels
    points = labels.xy[..., 0].size + labels.unique_xy[..., 0].size
    names = sum(len(os.fsencode(export.root.joinpath(*image))) for image in labels.images)
    return 2**16 + 64 * points + 512 * len(labels.images) + 2 * names
