"""``<video><scorer>_full.pickle`` and ``_meta.pickle``: all detections of an analysis, and its settings.

::

    _full  {"metadata": {"nms radius": None, "minimal confidence": None, "sigma": 1, "PAFgraph": None,
                         "PAFinds": list or empty array, "all_joints": [[0], [1], ...], "all_joints_names": [...],
                         "nframes": int, "key_str_width": w},
            "frame007": {"coordinates": ([(N, 2) per bodypart],), "confidence": [(N, 1) per bodypart], "costs": None,
                         "bboxes": (N, 4), "bbox_scores": (N,),      top-down nets; BUCTD nets have boxes without scores
                         "identity": [(N, A) per bodypart]},         projects with identity
            ...}
    _meta  {"data": {"start", "stop", "run_duration", "Scorer", "pytorch-config", "fps", "batch_size",
                     "frame_dimensions", "nframes", "iteration (active-learning)", "training set fraction",
                     "cropping", "cropping_parameters", "individuals", "bodyparts", "unique_bodyparts"}}
           DeepLabCut 2.x: "DLC-model-config file" instead of "pytorch-config", no names of animals and bodyparts,
           and "frame_dimensions" as (height, width)

N is the number of individuals, or of detected animals if there are more.  Animals that were not detected are -1, and
bodyparts that were not detected are nan with confidence 0.  Unique bodyparts follow the bodyparts in the lists, with
N = 1.  Values are float32, identities float64; positions are pixels of the full image.  In "pytorch-config", DeepLabCut
stores objects of its own classes; dlcx writes plain values, which DeepLabCut reads as well.  Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization import checked_values
from dlcx.formats.serialization.pickles import Streamed, dump_pickle, load_plain_pickle, without_stubs
from dlcx.poses import Instances, Layout, Prediction

#: The last second of the year 9999, the latest time that Python can format as a date.
MAX_TIME = 253402300799.0


@dataclass(frozen=True)
class AnalysisMeta:
    """Settings and time of the analysis of a video.

    Attributes
    ----------
    scorer
        Name of the network.
    layout
        Names of bodyparts and individuals; None if the file does not name them.
    start, stop
        Start and end in seconds since 1970.
    fps
        Frames per second of the video.
    size
        Width and height of the video in pixels.
    frames
        Number of frames of the video.
    batch_size
        Number of frames per forward pass.
    iteration, fraction
        Iteration and training fraction of the shuffle.
    crop
        If given as (x1, x2, y1, y2), positions in the h5 are relative to (x1, y1).  dlcx always writes positions in the
        full frame, so it writes None even if only a part of the frame was analyzed.
    config
        Content of pytorch_config.yaml.
    duration
        Seconds that all runs and parts of the analysis took; None means from ``start`` to ``stop``.
    """

    scorer: str
    layout: Layout | None
    start: float
    stop: float
    fps: float
    size: tuple[int, int]
    frames: int
    batch_size: int
    iteration: int
    fraction: float
    crop: tuple[int, int, int, int] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    duration: float | None = None

    @property
    def seconds(self) -> float:
        """Duration of the analysis in seconds."""
        return self.stop - self.start if self.duration is None else self.duration


def write_meta_pickle(meta: AnalysisMeta, path: Path) -> None:
    """Write a ``_meta.pickle``.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    width, height = meta.size
    data = {
        "start": float(meta.start),
        "stop": float(meta.stop),
        "run_duration": float(meta.seconds),
        "Scorer": meta.scorer,
        "pytorch-config": _plain(meta.config),
        "fps": float(meta.fps),
        "batch_size": int(meta.batch_size),
        "frame_dimensions": (int(width), int(height)),
        "nframes": int(meta.frames),
        "iteration (active-learning)": int(meta.iteration),
        "training set fraction": float(meta.fraction),
        "cropping": meta.crop is not None,
        "cropping_parameters": [int(edge) for edge in meta.crop or (0, width, 0, height)],
    }
    if meta.layout is not None:
        data |= {
            "individuals": list(meta.layout.individuals),
            "bodyparts": list(meta.layout.bodyparts),
            "unique_bodyparts": list(meta.layout.unique),
        }
    dump_pickle({"data": data}, path)


def read_meta_pickle(path: Path) -> AnalysisMeta:
    """Read a ``_meta.pickle`` of DeepLabCut or dlcx.

    Raises
    ------
    DlcxError
        If the file is missing, damaged, or another pickle.
    """
    content = load_plain_pickle(path, foreign=True)
    try:
        return _meta(without_stubs(content["data"]))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise DlcxError(
            f"{path}: not the metadata of an analysis ({error!r} is missing or has the wrong type)"
        ) from error


def _meta(data: Mapping[str, Any]) -> AnalysisMeta:
    """Return the metadata after checking the type and range of every value."""
    old = "pytorch-config" not in data and "DLC-model-config file" in data
    crop = checked_values.integers(data["cropping_parameters"], "cropping_parameters", 4) if data["cropping"] else None
    one, other = checked_values.integers(data["frame_dimensions"], "frame_dimensions", 2)
    return AnalysisMeta(
        scorer=checked_values.text(data["Scorer"], "Scorer"),
        layout=None if old else _layout(data),
        start=checked_values.number(data["start"], "start", 0, MAX_TIME),
        stop=checked_values.number(data["stop"], "stop", 0, MAX_TIME),
        fps=checked_values.number(data["fps"], "fps", 0),
        size=(other, one) if old else (one, other),
        frames=checked_values.integer(data["nframes"], "nframes"),
        batch_size=checked_values.integer(data["batch_size"], "batch_size"),
        iteration=checked_values.integer(data["iteration (active-learning)"], "iteration (active-learning)"),
        fraction=checked_values.number(data["training set fraction"], "training set fraction", 0, 1),
        crop=None if crop is None else (crop[0], crop[1], crop[2], crop[3]),
        config={} if old else checked_values.mapping(data["pytorch-config"], "pytorch-config"),
        duration=checked_values.number(data["run_duration"], "run_duration", 0) if "run_duration" in data else None,
    )


def _layout(data: Mapping[str, Any]) -> Layout:
    individuals = checked_values.names(data["individuals"], "individuals")
    return Layout(
        checked_values.names(data["bodyparts"], "bodyparts"),
        individuals,
        checked_values.names(data["unique_bodyparts"], "unique_bodyparts"),
        multi=individuals != ("individual_1",),
    )


def write_full_pickle(
    predictions: Iterable[Prediction],
    path: Path,
    layout: Layout,
    *,
    frames: int,
    first: int = 0,
    paf_edges: Sequence[int] | None = None,
) -> None:
    """Write a ``_full.pickle`` frame by frame, without holding all predictions in memory.

    Parameters
    ----------
    predictions
        One prediction per frame, in pixels of the full frame.
    path
        The file to write.
    layout
        Names of bodyparts and individuals.
    frames
        Number of frames of the complete video, which determines the number of digits in the keys.
    first
        Number of the first frame.
    paf_edges
        Edges of the part-affinity graph that are in use; None for networks without one.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    names = [*layout.bodyparts, *layout.unique]
    width = frame_digits(frames)
    metadata = {
        "nms radius": None,
        "minimal confidence": None,
        "sigma": 1,
        "PAFgraph": None,
        "PAFinds": np.zeros(0, np.int64) if paf_edges is None else [int(edge) for edge in paf_edges],
        "all_joints": [[index] for index in range(len(names))],
        "all_joints_names": names,
        "nframes": int(frames),
        "key_str_width": width,
    }

    def items() -> Iterator[tuple[str, dict[str, Any]]]:
        yield "metadata", metadata
        for number, prediction in enumerate(predictions, first):
            yield f"frame{number:0{width}d}", _frame(prediction, layout)

    dump_pickle(Streamed(items()), path)


def read_full_pickle(path: Path, unique: int = 0) -> dict[int, Prediction]:
    """Read a ``_full.pickle``.

    Parameters
    ----------
    path
        The file.
    unique
        Number of unique bodyparts, which are the last ones in the file.

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
    if not isinstance(content, dict) or "metadata" not in content:
        raise DlcxError(f"{path}: expected the predictions of a video (keys 'metadata', 'frame0', ...)")
    frames = {key: value for key, value in content.items() if key != "metadata"}
    try:
        return {_frame_number(key): _prediction(value, unique) for key, value in frames.items()}
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DlcxError(f"{path}: not the predictions of a video ({error!r})") from error


def _frame_number(key: str) -> int:
    return checked_values.integer(int(key.removeprefix("frame")), "frame")


def frame_digits(frames: int) -> int:
    """Return the number of digits in the keys of frames, as in DeepLabCut: 2 for 100 frames, 3 for 101."""
    return max(int(np.ceil(np.log10(max(frames, 1)))), 1)


def _frame(prediction: Prediction, layout: Layout) -> dict[str, Any]:
    """Return the entry of one frame."""
    animals, unique = prediction.animals, len(layout.unique)
    absent = np.flatnonzero(~animals.is_present)
    count = max(len(animals), len(layout.individuals))
    groups = [(animals.with_absent_at_minus_one(), count)]
    if unique:
        groups.append((prediction.unique if prediction.unique is not None else Instances.empty(unique), 1))
    coordinates = [part for found, rows in groups for part in _by_part(_filled(found.xy, rows))]
    confidence = [part for found, rows in groups for part in _by_part(_filled(found.score[..., None], rows))]
    entry: dict[str, Any] = {"coordinates": (coordinates,), "confidence": confidence, "costs": None}
    if animals.box is not None:
        entry["bboxes"] = np.asarray(_filled(animals.box, count), np.float32)
    if animals.box_score is not None:
        entry["bbox_scores"] = np.asarray(_filled(animals.box_score, count), np.float32)
    if animals.identity is not None:
        scores = _filled(animals.identity, count).astype(np.float64)
        scores[absent] = -1
        no_scores = np.full((count, scores.shape[-1]), -1.0)
        entry["identity"] = [*np.ascontiguousarray(scores.swapaxes(0, 1)), *[no_scores] * unique]
    return entry


def _filled(values: np.ndarray, count: int) -> np.ndarray:
    """Pad (N, ...) to (count, ...) with -1."""
    missing = np.full((count - len(values), *values.shape[1:]), -1, values.dtype)
    return np.concatenate([values, missing]) if len(missing) else values


def _by_part(values: np.ndarray) -> list[np.ndarray]:
    """Split (N, K, C) into K arrays (N, C), float32."""
    return list(np.ascontiguousarray(np.swapaxes(values, 0, 1), np.float32))


def _prediction(frame: Mapping[str, Any], unique: int) -> Prediction:
    """Return the prediction of one frame without the rows of animals that were not detected."""
    coordinates = [checked_values.array(part, "coordinates", (None, 2)) for part in frame["coordinates"][0]]
    confidence = [checked_values.array(part, "confidence", (None, 1)) for part in frame["confidence"]]
    parts = len(coordinates) - unique
    xy, score = np.stack(coordinates[:parts], 1), np.concatenate(confidence[:parts], 1)
    detected = ~(score < 0).all(1)
    identity = frame.get("identity")
    identity_scores = (
        None
        if identity is None
        else [checked_values.array(part, "identity", (None, None)) for part in identity[:parts]]
    )
    animals = Instances(
        xy[detected],
        score[detected],
        box=_chosen(frame.get("bboxes"), "bboxes", (None, 4), detected),
        box_score=_chosen(frame.get("bbox_scores"), "bbox_scores", (None,), detected),
        identity=None if identity_scores is None else np.stack(identity_scores, 1)[detected],
    )
    if not unique:
        return Prediction(animals)
    xy, score = np.stack(coordinates[parts:], 1), np.concatenate(confidence[parts:], 1)
    detected = ~(score < 0).all(1)
    return Prediction(animals, Instances(xy[detected], score[detected]) if detected.any() else None)


def _chosen(values: Any, name: str, shape: tuple[int | None, ...], rows: Any) -> np.ndarray | None:
    return None if values is None else checked_values.array(values, name, shape)[rows]


def _plain(value: Any) -> Any:
    """Convert settings to plain types: enumerations to their values, paths to text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value
