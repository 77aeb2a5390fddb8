"""The training dataset of each shuffle in ``training-datasets/iteration-<I>/UnaugmentedDataSet_<task><date>``.

::

    CollectedData_<scorer>.h5 .csv                          merged labels; splits refer to its rows
    Documentation_data-<task>_<TF>shuffle<S>.pickle         [training rows, train, test, fraction]
    <task>_<scorer><TF>shuffle<S>.mat | .pickle             training rows of a single animal | of several
    metadata.yaml                                           fraction, number, split number, engine of each shuffle
    dlc-models-pytorch/.../test/pose_cfg.yaml, inference_cfg.yaml

A training row is ``{"image": (folder, video, image), "size": (channels, height, width), "joints": ...}``.  Joints are
rows of bodypart number, x, y: integers for a single animal; for several animals one array per individual with two
decimals, unique bodyparts last.  DeepLabCut reads image sizes from these rows and labels from the merged h5.
Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.serialization.pickles import dump_pickle, load_plain_pickle
from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.formats.shuffles.metadata import METADATA_HEADER, read_metadata
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.tensorflow_shuffles import tensorflow_shuffles
from dlcx.locks import exclusive_edit
from dlcx.outputs import atomic_file
from dlcx.poses import Labels
from dlcx.project import Project, Shuffle
from dlcx.untrusted_files import image_header


def load_training_set(shuffle: Shuffle) -> tuple[Labels, Split]:
    """Read the merged labels and the split of a shuffle.

    Raises
    ------
    DlcxError
        If the shuffle does not exist, or its split refers to rows that the labels do not have.
    """
    project = shuffle.project
    if not shuffle.documentation_path.is_file():
        raise DlcxError(
            f"no training dataset for {shuffle.name}: {shuffle.documentation_path} does not exist",
            hint=shuffle.create_hint,
        )
    labels = read_labels(project.merged_labels_path, project.layout, project.scorer)
    split = read_split(shuffle.documentation_path)
    last = max([*split.train, *split.test], default=-1)
    if last >= len(labels):
        raise DlcxError(
            f"{shuffle.documentation_path.name}: the split names row {last}, "
            f"but {project.merged_labels_path.name} has {len(labels)} rows",
            hint="The labels were merged again since the split was made. Run `dlcx create-dataset` again.",
        )
    return labels, split


def read_split(path: str | Path) -> Split:
    """Read the split in a Documentation pickle, without the entries of -1 that DeepLabCut pads it with.

    Raises
    ------
    DlcxError
        If the file cannot be read or is another pickle.
    """
    # In files of DeepLabCut 2, the fraction is an object of its YAML library.
    data = load_plain_pickle(Path(path), foreign=True)
    if not isinstance(data, list | tuple) or len(data) != 4:
        raise DlcxError(f"{path}: expected [rows, train, test, fraction]")
    train, test = (_indices(rows, path) for rows in data[1:3])
    given = isinstance(data[3], int | float) and 0 <= data[3] <= 1
    fraction = float(data[3]) if given else round(len(train) / max(len(train) + len(test), 1), 2)
    return Split(train, test, fraction)


def _indices(rows: Any, path: object) -> np.ndarray:
    try:
        array: np.ndarray = np.asarray(rows, dtype=np.int64).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        raise DlcxError(f"{path}: expected lists of row numbers") from None
    array = array[array != -1]
    if (array < 0).any():
        raise DlcxError(f"{path}: expected lists of row numbers, got {array.min()}")
    return array


def write_documentation(rows: list[dict[str, Any]], split: Split, path: Path) -> None:
    """Write the Documentation pickle with training rows and split."""
    dump_pickle([rows, split.train, split.test, split.fraction], path)


def rows_path(shuffle: Shuffle) -> Path:
    """Return the file of the training rows: ``.mat``, or ``.pickle`` for several animals."""
    base = shuffle.dataset_path
    return base.with_name(base.name + (".pickle" if shuffle.project.layout.multi else ".mat"))


def write_rows(rows: list[dict[str, Any]], shuffle: Shuffle) -> Path:
    """Write the training rows, from which DeepLabCut reads image sizes, and return the file.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    path = rows_path(shuffle)
    if shuffle.project.layout.multi:
        dump_pickle(rows, path)
        return path
    from scipy.io import savemat

    cells = np.zeros((1, len(rows)), dtype=[("image", "O"), ("size", "O"), ("joints", "O")])
    for index, row in enumerate(rows):
        joints = np.empty((1, 1), dtype=object)
        joints[0, 0] = row["joints"]
        cells[0, index] = (np.array([row["image"]]), np.array([row["size"]]), joints)
    with atomic_file(path) as temporary:
        savemat(temporary, {"dataset": cells})
    return path


def training_rows(labels: Labels, split: Split, sizes: Mapping[int, tuple[int, int, int]]) -> list[dict[str, Any]]:
    """Return the training rows of all training images with at least one label inside the image.

    Parameters
    ----------
    labels
        The merged labels, in pixels.
    split
        The split.
    sizes
        Channels, height and width of each image by row number.

    Raises
    ------
    DlcxError
        If no label lies inside its image.
    """
    make = _several if labels.layout.multi else _single
    rows = (make(labels, int(index), sizes[int(index)]) for index in split.train)
    shown = [row for row in rows if row is not None]
    if not shown:
        raise DlcxError(
            f"none of the {len(split.train)} training images has a label inside the image",
            hint="Run `dlcx check-labels`, and compare the names of bodyparts with those in config.yaml.",
        )
    return shown


def _inside(xy: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """Return which points (..., 2) lie strictly inside the image; nan does not."""
    _, height, width = size
    result: np.ndarray = np.all((xy > 0) & (xy < (width, height)), axis=-1)
    return result


def _single(labels: Labels, index: int, size: tuple[int, int, int]) -> dict[str, Any] | None:
    xy = labels.xy[index, 0]
    integers = np.where(np.isfinite(xy), np.trunc(xy), 0).astype(np.int64)  # 0 is not inside
    visible = np.flatnonzero(_inside(integers, size))
    joints = np.column_stack([visible, integers[visible]])
    return {"image": labels.images[index], "size": size, "joints": joints} if len(joints) else None


def _several(labels: Labels, index: int, size: tuple[int, int, int]) -> dict[str, Any] | None:
    joints = {}
    # Unique bodyparts follow the last animal, and their numbers follow those of the animals' bodyparts.
    groups = [(xy, 0) for xy in labels.xy[index]] + [(labels.unique_xy[index], len(labels.layout.bodyparts))]
    for owner, (xy, first) in enumerate(groups):
        visible = np.flatnonzero(_inside(xy, size))
        if len(visible):
            joints[owner] = np.column_stack([visible + first, xy[visible]]).astype(np.float32).round(2)
    return {"image": labels.images[index], "size": np.array(size), "joints": joints} if joints else None


def read_sizes(project: Project, labels: Labels) -> list[tuple[int, int, int]]:
    """Read channels, height and width of every labeled image from the header of its file.

    Raises
    ------
    DlcxError
        If images are missing or cannot be read; the message names the first one and their number.
    """
    sizes: list[tuple[int, int, int]] = []
    missing: list[Path] = []
    for parts in labels.images:
        path = project.root.joinpath(*parts)
        header = image_header(path) if path.exists() else None
        if header is None:
            missing.append(path)
        else:
            sizes.append((header.channels, header.height, header.width))
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        problem = "is not a readable image" if missing[0].is_file() else "does not exist"
        raise DlcxError(
            f"labeled image {missing[0]} {problem}{others}",
            hint="Restore the image, or delete it and run `dlcx clean-labels` to drop its row of labels.",
        )
    return sizes


def metadata_with(project: Project, shuffle: Shuffle, split: Split) -> dict[str, dict[str, Any]]:
    """Return the entries of metadata.yaml with ``shuffle`` added; equal splits get the same number.

    Existing shuffles without an entry are added first, each with its engine.  Without an entry, DeepLabCut would
    take PyTorch shuffles for TensorFlow shuffles and would not find TensorFlow shuffles.
    """
    entries = {name: dict(entry) for name, entry in read_metadata(project).items() if name != shuffle.name}
    splits = {name: known for name in entries if (known := _split_of(project, name, entries[name])) is not None}
    engines = dict.fromkeys(tensorflow_shuffles(project), "tensorflow") | dict.fromkeys(project.shuffles(), "pytorch")
    absent = [other for other in engines if other.name not in entries and other.name != shuffle.name]
    engines[shuffle] = "pytorch"
    for other, known_split in [*((other, None) for other in absent), (shuffle, split)]:
        if known_split is None and not other.documentation_path.is_file():
            continue
        rows = known_split or read_split(other.documentation_path)
        same = (entries[name]["split"] for name, known in splits.items() if known.same_rows(rows))
        free = max((entry.get("split", 0) for entry in entries.values()), default=0) + 1
        entries[other.name] = {
            "train_fraction": other.fraction,
            "index": other.number,
            "split": next(same, free),
            "engine": engines[other],
        }
        splits[other.name] = rows
    return dict(sorted(entries.items(), key=lambda item: (item[1].get("train_fraction", 0), item[1].get("index", 0))))


def _split_of(project: Project, name: str, entry: Mapping[str, Any]) -> Split | None:
    if not {"train_fraction", "index", "split"} <= set(entry):
        raise DlcxError(f"{project.metadata_path}: {name}: expected train_fraction, index, split, engine")
    path = Shuffle(project, entry["index"], entry["train_fraction"]).documentation_path
    return read_split(path) if path.is_file() else None


def register_shuffle(project: Project, shuffle: Shuffle, split: Split) -> None:
    """Add a shuffle to metadata.yaml, see :func:`metadata_with`; several processes may do so at the same time.

    Raises
    ------
    DlcxError
        If the file cannot be read or written, or is locked by another process.
    """
    with exclusive_edit(project.metadata_path):
        entries = metadata_with(project, shuffle, split)
        write_yaml({"shuffles": entries}, project.metadata_path, header=METADATA_HEADER)


def pose_cfg(project: Project, net_type: str) -> dict[str, Any]:
    """Return the content of ``test/pose_cfg.yaml``, which DeepLabCut needs for analysis."""
    names = [*project.layout.bodyparts, *project.layout.unique]
    return {
        "dataset": str(project.root),
        "num_joints": len(names),
        "all_joints": [[joint] for joint in range(len(names))],
        "all_joints_names": names,
        "net_type": net_type,
        "dataset_type": "multi-animal-imgaug",
        "global_scale": 1.0,
        "scoremap_dir": "test",
    }


def inference_cfg(project: Project) -> dict[str, Any]:
    """Return the content of ``test/inference_cfg.yaml``: DeepLabCut's settings for assembly and tracking."""
    return {
        "variant": 0,
        "pafthreshold": 0.1,
        "method": "m1",
        "minimalnumberofconnections": len(project.layout.bodyparts) // 2,
        "pcutoff": 0.1,
        "topktoretain": len(project.layout.individuals),
        "withid": project.identity,
        "boundingboxslack": 0,
        "iou_threshold": 0.6,
        "max_age": 1,
        "min_hits": 1,
    }


def read_paf_best(shuffle: Shuffle) -> list[int] | None:
    """Read the edges of the pruned part-affinity graph from ``test/pose_cfg.yaml``; None if it was not pruned."""
    path = shuffle.test_dir / "pose_cfg.yaml"
    edges = read_yaml(path).get("paf_best") if path.is_file() else None
    if edges is not None and not (isinstance(edges, list) and all(isinstance(edge, int) for edge in edges)):
        raise DlcxError(f"{path}: paf_best: expected a list of edge numbers, got {edges!r:.60}")
    return edges
