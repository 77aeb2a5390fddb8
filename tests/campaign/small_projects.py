"""Create the two small projects that the cases copy, with known labels."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np

#: Width and height of images and frames in pixels.
SIZE = (96, 64)
SCORER = "me"
PARTS = ("nose", "ear", "tail", "paw")
TWO_PARTS, ANIMALS, UNIQUE = ("nose", "ear", "tail"), ("ann", "bob"), ("lamp",)
#: Numbers of the labeled frames, and number of frames of the video.
LABELED, FRAMES = (0, 2, 4, 6, 8, 10), 12
IMAGES = tuple(("labeled-data", "arena", f"img{number:03}.png") for number in LABELED)
TRAIN = "dlc-models-pytorch/iteration-0/campJan1-trainset50shuffle1/train"
DATASET = "training-datasets/iteration-0/UnaugmentedDataSet_campJan1"
SNAPSHOT = f"{TRAIN}/snapshot-010.pt"
LABELS = "labeled-data/arena/CollectedData_me"
CROPS = tuple(f"data.train.crop_sampling.{side}=64" for side in ("width", "height"))

#: Name of a point: image, individual (empty for a single animal), bodypart.
Point = tuple[str, str, str]
Points = dict[Point, tuple[float, float]]

CONFIG = """\
# Config schema version. Do not edit manually.
config_version: 0
# Project definitions (do not edit)
Task: camp
scorer: me
date: Jan1
multianimalproject: {multi}
identity: {identity}

# Project path (change when moving around)
project_path: {root}
engine: pytorch

# Annotation data set configuration (and individual video cropping parameters)
video_sets:
  {root}/videos/arena.avi:
    crop: 0, 96, 0, 64
{names}
# Fraction of video to start/stop when extracting frames for labeling/refinement
start: 0.0
stop: 1.0
numframes2pick: 4

# Plotting configuration
skeleton: {skeleton}
skeleton_color: black
pcutoff: 0.1
dotsize: 3
alphavalue: 0.7
colormap: rainbow

# Training,Evaluation and Analysis configuration
TrainingFraction:
- 0.5
iteration: 0
default_net_type: resnet_50
default_augmenter: default
default_track_method: ellipse
snapshotindex: -1
detector_snapshotindex: -1
batch_size: 4
detector_batch_size: 1

# Cropping Parameters (for analysis and outlier frame detection)
cropping: false
x1: 0
x2: 96
y1: 0
y2: 64
"""


def names_of(multi: bool) -> str:
    """Return the lines of config.yaml with bodyparts and individuals."""
    if not multi:
        return f"bodyparts: [{', '.join(PARTS)}]\n"
    return (
        f"bodyparts: MULTI!\nindividuals: [{', '.join(ANIMALS)}]\nuniquebodyparts: [{', '.join(UNIQUE)}]\n"
        f"multianimalbodyparts: [{', '.join(TWO_PARTS)}]\n"
    )


def config_text(root: Path, *, multi: bool = False, names: str | None = None, skeleton: str = "") -> str:
    """Return a config.yaml in DeepLabCut's format."""
    skeleton = skeleton or ("[[nose, ear], [ear, tail], [nose, tail]]" if multi else "[[nose, ear], [ear, tail]]")
    text = names_of(multi) if names is None else names
    flags = {"multi": str(multi).lower(), "identity": "false" if multi else ""}
    return CONFIG.format(root=root, names=text, skeleton=skeleton, **flags)


def columns(multi: bool) -> list[tuple[str, ...]]:
    """Return the column names below the scorer, in DeepLabCut's order."""
    if not multi:
        return [(part, coord) for part in PARTS for coord in "xy"]
    owners = [*itertools.product(ANIMALS, TWO_PARTS), *(("single", part) for part in UNIQUE)]
    return [(*owner, coord) for owner in owners for coord in "xy"]


def values(multi: bool) -> np.ndarray:
    """Return labels (6, columns): different multiples of 1/4 inside the image, some of them nan."""
    count = len(columns(multi)) // 2
    row, point = np.mgrid[: len(IMAGES), :count].astype(float)
    xy = np.stack([8.25 + 9 * point + 2 * row, 6.5 + 6 * point + 1.75 * row], axis=-1)
    xy[1, 2] = xy[3, 0] = xy[5, 1] = np.nan
    if multi:
        xy[4, 3:6] = np.nan
    return xy.reshape(len(IMAGES), 2 * count)


def points_of(multi: bool = False, table: np.ndarray | None = None) -> Points:
    """Return the labels by name."""
    table = values(multi) if table is None else table
    found: Points = {}
    for image, row in zip(IMAGES, table, strict=True):
        for number, column in enumerate(columns(multi)[::2]):
            x, y = row[2 * number : 2 * number + 2]
            if np.isfinite(x) and np.isfinite(y):
                whose = "" if not multi or column[0] == "single" else column[0]
                found["/".join(image), whose, column[-2]] = float(x), float(y)
    return found


def label_table(multi: bool = False, array: np.ndarray | None = None):
    """Return the labels as a DataFrame in DeepLabCut's format."""
    import pandas as pd

    names = ["scorer", *(["individuals"] if multi else []), "bodyparts", "coords"]
    return pd.DataFrame(
        values(multi) if array is None else array,
        index=pd.MultiIndex.from_tuples(IMAGES),
        columns=pd.MultiIndex.from_tuples([(SCORER, *column) for column in columns(multi)], names=names),
    )


def write_tables(folder: Path, multi: bool) -> None:
    """Write the labels as h5 and csv."""
    table = label_table(multi)
    table.to_hdf(folder / f"{LABELS}.h5", key="df_with_missing", mode="w")
    table.to_csv(folder / f"{LABELS}.csv")


def make_project(root: Path, *, multi: bool) -> None:
    """Create a labeled project with a video, but without a trained network."""
    import cv2
    from small_videos import frame, write_video

    (root / "labeled-data" / "arena").mkdir(parents=True)
    write_video(root / "videos" / "arena.avi", FRAMES, size=SIZE)
    for number, image in zip(LABELED, IMAGES, strict=True):
        cv2.imwrite(str(root.joinpath(*image)), cv2.cvtColor(frame(number, SIZE), cv2.COLOR_RGB2BGR))
    write_tables(root, multi)
    (root / "config.yaml").write_text(config_text(root, multi=multi))


def train_and_analyze(root: Path, *, multi: bool) -> None:
    """Add a shuffle with a snapshot, evaluate it, and analyze the video."""
    from fill_weights import fill_weights

    from dlcx.formats.shuffles.model_config import read_model_config
    from dlcx.formats.weights.snapshot import write_snapshot
    from dlcx.nets.build import build_model
    from dlcx.workflow.analyze_video import analyze_video
    from dlcx.workflow.create_dataset import create_dataset
    from dlcx.workflow.evaluate import evaluate

    create_dataset(root, net_type="timm/test_resnet", weights="none", overrides=CROPS)
    model = build_model(read_model_config(root / TRAIN / "pytorch_config.yaml"))
    fill_weights(model, seed=1)
    write_snapshot(root / SNAPSHOT, model=model.state_dict(), epoch=10, metrics={}, losses={})
    (root / TRAIN / "learning_stats.csv").write_text(
        "step,losses/train.total_loss,losses/eval.total_loss,metrics/test.rmse\n"
        "1,0.5,0.4,12.0\n5,0.3,0.35,9.0\n10,0.2,0.3,7.5\n"
    )
    evaluate(root)
    analyze_video(root, root / "videos" / "arena.avi")


def copy_of(base: Path, folder: Path) -> Path:
    """Copy a project to ``P`` in a new folder and set its path in config.yaml."""
    target = folder / "P"
    shutil.copytree(base, target, symlinks=True)
    for path in (target / "config.yaml", target / TRAIN / "pytorch_config.yaml"):
        path.write_text(path.read_text().replace(str(base), str(target)))
    return target
