"""Do movement, sleap-io and napari-deeplabcut read what dlcx writes?  ``make consumers`` runs this.

movement loads prediction h5 and csv, of one and of several animals; sleap-io loads the labels csv and the split of the
training set (it reads no DeepLabCut h5); napari-deeplabcut opens labels and machine labels.  Prints one table; the exit
code is 1 on any failure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from checks import Check, largest, measured, table
from project_copy import small_copy

from dlcx.formats.labels import read_labels, write_labels
from dlcx.formats.machine_labels import MachineLabels, write_machine_labels
from dlcx.formats.predictions import write_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.training_set import read_split
from dlcx.poses import Labels, Layout, Tracks

HERE = Path(__file__).resolve().parent
CONSUMERS = HERE.parents[1] / ".venv-consumers" / "bin" / "python"
NAPARI = HERE.parents[1] / ".venv-consumers-napari" / "bin" / "python"
LAYOUTS = {
    "single": Layout(("snout", "leftear", "tailbase")),
    "several": Layout(("snout", "leftear", "tailbase"), ("anne", "bert"), multi=True),
}


def made_up_tracks(layout: Layout, frames: int = 12) -> Tracks:
    """Poses with an unseen animal and an unseen part."""
    draw = np.random.default_rng(0)
    shape = (frames, len(layout.individuals), len(layout.bodyparts))
    xy = draw.uniform(0, 640, (*shape, 2)).astype(np.float32)
    score = draw.uniform(0, 1, shape).astype(np.float32)
    xy[3:5, -1], score[3:5, -1] = np.nan, np.nan
    xy[7, 0, 1], score[7, 0, 1] = np.nan, 0
    return Tracks(layout, xy, score)


def write_everything(source: Path, folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A project and predictions written by dlcx; returns the project and what the programs should read."""
    expected: dict[str, np.ndarray] = {}
    for name, layout in LAYOUTS.items():
        tracks = made_up_tracks(layout)
        write_predictions(tracks, folder / f"{name}.h5", f"DLC_Resnet50_{name}")
        for suffix in ("h5", "csv"):
            expected[f"movement {name}.{suffix} position"] = tracks.xy
            expected[f"movement {name}.{suffix} confidence"] = tracks.score
            expected[f"movement {name}.{suffix} keypoints"] = np.array(layout.bodyparts)

    tracks = made_up_tracks(LAYOUTS["several"])  # movement refuses an h5 with the key "tracks", which DeepLabCut wants
    write_predictions(tracks, folder / "tracked_el.h5", "DLC_Resnet50_tracked", key="tracks")
    expected["movement tracked_el.csv position"] = tracks.xy
    expected["movement tracked_el.csv confidence"] = tracks.score
    expected["movement tracked_el.csv keypoints"] = np.array(LAYOUTS["several"].bodyparts)

    root = folder / source.name
    small_copy(source, root)
    project = open_project(root)
    (stem,) = [path.name for path in project.labeled_data.iterdir()]
    path = project.labels_path(stem)
    labels = read_labels(path, project.layout, project.scorer)
    write_labels(labels, path, project.scorer)
    by_name = labels.xy[:, :, np.argsort(labels.layout.bodyparts)]  # as sleap-io orders them
    expected["sleap-io labels csv"] = by_name
    subprocess.run(
        [sys.executable, "-m", "dlcx", "create-dataset", "-q", "-p", str(root), "--weights", "none"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    split = read_split(project.shuffle(1).documentation_path)
    for name, rows in (("train", split.train), ("test", split.test)):
        expected[f"sleap-io {name} split"] = by_name[rows]
    return root, expected


def napari_checks(folder: Path) -> list[Check]:
    """Labels and machine labels of one and of several animals, as points in the window's layers."""
    files, expected = [], []
    for name, layout in LAYOUTS.items():
        tracks = made_up_tracks(layout, frames=9)
        video = folder / "napari" / f"{name}-me-2026-01-01" / "labeled-data" / "vid"
        images = tuple(("labeled-data", "vid", f"img{number}.png") for number in range(9))
        video.mkdir(parents=True)
        for image in images:
            cv2.imwrite(str(video / image[-1]), np.zeros((8, 8, 3), np.uint8))
        none = np.zeros((9, 0, 2)), np.zeros((9, 0))
        write_labels(Labels(layout, images, tracks.xy.astype(float), none[0]), video / "CollectedData_me", "me")
        found = MachineLabels("DLC_Resnet50_x", layout, images, tracks.xy, tracks.score, *none)
        write_machine_labels(found, video / "machinelabels-iter0.h5")
        files += [video / "CollectedData_me.h5", video / "machinelabels-iter0.h5"]
        expected += [(f"{name} labels", layout, tracks.xy), (f"{name} machine labels", layout, tracks.xy)]
    subprocess.run(
        [str(NAPARI), str(HERE / "napari_side.py"), str(folder / "napari.npz"), *map(str, files)], check=True
    )
    checks = []
    with np.load(folder / "napari.npz") as read:
        for number, (what, layout, xy) in enumerate(expected):
            points, names = read[f"{number} points"], read[f"{number} bodyparts"]
            owners = read[f"{number} individuals"] if layout.multi else np.full(len(points), layout.individuals[0])
            shown = np.full(xy.shape, np.nan)
            at = [layout.individuals.index(name) for name in owners], [layout.bodyparts.index(name) for name in names]
            shown[points[:, 0].astype(int), at[0], at[1]] = points[:, 1:]
            checks.append(measured("napari-deeplabcut", what, largest(xy.astype(float), shown), 1e-4))
    return checks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a single-animal project with labels and a video")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        root, expected = write_everything(options.project, folder)
        files = [folder / f"{name}.{suffix}" for name in LAYOUTS for suffix in ("h5", "csv")]
        files.append(folder / "tracked_el.csv")
        call = [CONSUMERS, HERE / "consumers_side.py", root, folder / "read.npz", *files]
        subprocess.run(list(map(str, call)), check=True)
        with np.load(folder / "read.npz") as read:
            checks = [compare(name, values, read[name]) for name, values in expected.items()]
        checks += napari_checks(folder)
    print(table(checks))
    return 0 if all(check.ok for check in checks) else 1


def compare(name: str, wrote: np.ndarray, read: np.ndarray) -> Check:
    """Names must be the same, numbers the same float32."""
    program, what = name.split(" ", 1)
    if wrote.dtype.kind == "U":
        return Check(program, what, ok=wrote.tolist() == read.tolist(), note=" ".join(read))
    return measured(program, what, largest(wrote, read.astype(wrote.dtype)), 0)


if __name__ == "__main__":
    sys.exit(main())
