"""Poses from a predictions file as conditions, the initial poses of a BUCTD network.

All prediction files of DeepLabCut and dlcx can be used::

    <scorer>.h5 of evaluate                          images, identified by labeled-data, folder, name
    image_predictions_<scorer>.h5                    images, identified by path
    <video><scorer>[_el ...].h5 or .csv              frames of a video
    <video><scorer>_assemblies.pickle, _full.pickle  frames of a video

Images are matched by their name and the name of their folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import read_full_pickle
from dlcx.formats.predictions.assemblies import read_assemblies
from dlcx.formats.predictions.pose_tables import read_csv, read_h5, split_table
from dlcx.poses import Instances

#: Folder and name of an image.
Key = tuple[str, str]


@dataclass(frozen=True)
class ConditionPoses:
    """The poses of a predictions file.

    Attributes
    ----------
    path
        The file.
    frames
        Animals by frame number, in pixels of the full frame; empty if the file is of images.
    images
        Animals by folder and name of the image; empty if the file is of a video.
    """

    path: Path
    frames: Mapping[int, Instances] = field(default_factory=dict)
    images: Mapping[Key, Instances] = field(default_factory=dict)

    def of_image(self, image: Path) -> Instances:
        """Return the animals of an image, in pixels of the image.

        Raises
        ------
        DlcxError
            If the file has no poses of it.
        """
        if (found := self.images.get(_key(image))) is None:
            raise DlcxError(
                f"{self.path} has no poses of {image}" + (": its poses are of a video" if self.frames else ""),
                hint="The conditions of a BUCTD network must cover all images. Or name a shuffle that predicts them.",
            )
        return found

    def of_frames(self, first: int, count: int) -> list[Instances]:
        """Return the animals of ``count`` consecutive frames from frame ``first``, in pixels of the full frame.

        Raises
        ------
        DlcxError
            If the file has no poses of one of the frames.
        """
        wanted = range(first, first + count)
        if missing := [number for number in wanted if number not in self.frames]:
            raise DlcxError(
                f"{self.path} has no poses of frame {missing[0]}"
                + (": its poses are of images" if self.images else ""),
                hint="The conditions of a BUCTD network must cover all frames. Or name a shuffle that predicts them.",
            )
        return [self.frames[number] for number in wanted]


def read_condition_poses(path: Path, bodyparts: Sequence[str]) -> ConditionPoses:
    """Read a predictions file.

    Parameters
    ----------
    path
        A file of one of the kinds above.
    bodyparts
        Bodyparts of the conditions, in the order of the network.

    Raises
    ------
    DlcxError
        If the file is missing, is of another kind, or lacks one of the bodyparts.
    """
    if path.suffix == ".pickle":
        read = read_full_pickle if path.name.endswith("_full.pickle") else read_assemblies
        frames = {number: prediction.animals for number, prediction in read(path).items()}
        for found in frames.values():
            if len(found) and found.xy.shape[1] != len(bodyparts):
                raise DlcxError(f"{path}: expected {len(bodyparts)} bodyparts, got {found.xy.shape[1]}")
        return ConditionPoses(path, frames=frames)
    if path.suffix not in (".h5", ".csv"):
        raise DlcxError(
            f"{path}: not a file of predictions",
            hint="Expected an h5 or csv of poses, _assemblies.pickle or _full.pickle.",
        )
    return _of_table(path, read_csv(path) if path.suffix == ".csv" else read_h5(path), bodyparts)


def _of_table(path: Path, frame: pd.DataFrame, bodyparts: Sequence[str]) -> ConditionPoses:
    frame, _, layout = split_table(frame, path)
    if missing := [part for part in bodyparts if part not in layout.bodyparts]:
        raise DlcxError(f"{path}: bodypart '{missing[0]}' is missing; the file has {', '.join(layout.bodyparts)}")
    order = [layout.bodyparts.index(part) for part in bodyparts]
    animals, parts = len(layout.individuals), len(layout.bodyparts)
    values = frame.to_numpy(np.float32)[:, : 3 * animals * parts].reshape(len(frame), animals, parts, 3)[:, :, order]
    rows = {}
    for name, poses in zip(frame.index, values, strict=True):
        if not np.isnan(poses).all():  # all nan: an image that was not evaluated
            rows[name] = _animals(poses)
        elif isinstance(name, (int, np.integer)):
            rows[name] = Instances.empty(len(bodyparts))
    if isinstance(frame.index, pd.MultiIndex) or not pd.api.types.is_integer_dtype(frame.index):
        return ConditionPoses(path, images={_key(Path(*_parts(name))): found for name, found in rows.items()})
    return ConditionPoses(path, frames={int(name): found for name, found in rows.items()})


def _animals(poses: np.ndarray) -> Instances:
    """Return the animals among (A, K, 3) that were detected: neither -1 nor nan."""
    poses = poses[(poses[..., 2] >= 0).any(1)]
    return Instances(poses[..., :2], np.nan_to_num(np.maximum(poses[..., 2], 0.0)))


def _parts(name: object) -> tuple[str, ...]:
    return tuple(map(str, name)) if isinstance(name, tuple) else (str(name),)


def _key(image: Path) -> Key:
    return image.parent.name, image.name
