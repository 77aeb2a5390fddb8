"""``<video><scorer>_assemblies.pickle``: the animals of every frame, before tracking.

::

    {"single": {0: (U, 3), 1: ...},     float32; x, y, score of the unique bodyparts; empty if there are none
     0: (n, K, 4),                      float64; x, y, score, identity of the n animals of frame 0
     1: ...}

An identity is the number of the individual with the highest identity score at a keypoint, or -1 for networks without an
identity head.  Animals that were not detected are absent; a bodypart that was not detected is nan, nan, 0.  Positions
are pixels of the full image.  Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization import checked_values
from dlcx.formats.serialization.pickles import Streamed, dump_pickle, load_plain_pickle
from dlcx.poses import Instances, Prediction


def write_assemblies(predictions: Sequence[Prediction], path: Path, *, first: int = 0) -> None:
    """Write the file frame by frame.

    Parameters
    ----------
    predictions
        One prediction per frame, in pixels of the full frame.
    path
        The file to write.
    first
        Number of the first frame.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """

    def items() -> Iterator[tuple[Any, Any]]:
        yield "single", Streamed(singles())
        for number, prediction in enumerate(predictions, first):
            yield number, _animals(prediction.animals.present())

    def singles() -> Iterator[tuple[int, np.ndarray]]:
        for number, prediction in enumerate(predictions, first):
            if prediction.unique is not None and len(prediction.unique):
                unique = prediction.unique
                yield number, np.concatenate([unique.xy[0], unique.score[0, :, None]], -1).astype(np.float32)

    dump_pickle(Streamed(items()), path)


def read_assemblies(path: Path, individuals: int = 0) -> dict[int, Prediction]:
    """Read the animals of every frame.

    Parameters
    ----------
    path
        The file.
    individuals
        Number A of individuals.  If it is not 0, identities become identity scores (N, K, A) of 0 and 1.

    Returns
    -------
    dict
        Predictions by frame number, in pixels of the full frame.

    Raises
    ------
    DlcxError
        If the file is missing, damaged, or another pickle.
    """
    content = load_plain_pickle(path)
    if not isinstance(content, dict) or not isinstance(content.get("single"), dict):
        raise DlcxError(f"{path}: expected the animals of a video (keys 'single', 0, 1, ...)")
    single = content["single"]
    try:
        return {
            checked_values.integer(number, "frame"): Prediction(
                _instances(poses, individuals), _unique(single.get(number))
            )
            for number, poses in content.items()
            if number != "single"
        }
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DlcxError(f"{path}: not the animals of a video ({error})") from error


def _animals(found: Instances) -> np.ndarray:
    """Return the array (n, K, 4), float64, of one frame."""
    if found.identity is None:
        identity = np.full(found.score.shape, -1.0)
    else:
        identity = found.identity.argmax(-1).astype(np.float64)
    return np.concatenate([found.xy, found.score[..., None], identity[..., None]], -1, dtype=np.float64)


def _instances(poses: np.ndarray, individuals: int) -> Instances:
    poses = checked_values.array(poses, "animals", (None, None, 4))
    identity = None
    if individuals and len(poses) and (poses[..., 3] >= 0).any():
        identity = (poses[..., 3:] == np.arange(individuals)).astype(np.float32)
    return Instances(poses[..., :2].astype(np.float32), poses[..., 2].astype(np.float32), identity=identity)


def _unique(pose: np.ndarray | None) -> Instances | None:
    if pose is None or not np.size(pose):
        return None
    pose = checked_values.array(pose, "single", (None, 3))
    return Instances(pose[None, :, :2], pose[None, :, 2])
