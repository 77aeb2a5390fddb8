"""Check that movement, sleap-io, keypoint-moseq and napari-deeplabcut read the files of dlcx (``make consumers``).

movement and keypoint-moseq read predictions as h5 and csv, for one and for several animals, and the tracks and unique
bodyparts written by ``export-predictions``.  sleap-io reads the labels csv and the split of the training set; it cannot
read DeepLabCut's h5.  napari-deeplabcut opens labels and machine labels.  The script prints one table; the exit code is
1 if any check fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from checks import Check, largest, measured, table
from project_copy import small_copy

from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.labels.machine_labels import MachineLabels, write_machine_labels
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.training_set import read_split
from dlcx.poses import Labels, Layout, Tracks
from dlcx.project import net_name

HERE = Path(__file__).resolve().parent
CONSUMERS = HERE.parents[1] / ".venv-consumers" / "bin" / "python"
MOSEQ = HERE.parents[1] / ".venv-consumers-moseq" / "bin" / "python"
NAPARI = HERE.parents[1] / ".venv-consumers-napari" / "bin" / "python"
LAYOUTS = {
    "single": Layout(("snout", "leftear", "tailbase")),
    "several": Layout(("snout", "leftear", "tailbase"), ("anne", "bert"), multi=True),
}


#: Several animals and a unique bodypart, which movement cannot read.
UNIQUE = Layout(("snout", "leftear", "tailbase"), ("anne", "bert"), ("lamp",), multi=True)


def random_tracks(layout: Layout, frames: int = 12) -> Tracks:
    """Return random poses with a missing animal and a missing bodypart."""
    draw = np.random.default_rng(0)
    shape = (frames, len(layout.individuals), len(layout.bodyparts))
    xy = draw.uniform(0, 640, (*shape, 2)).astype(np.float32)
    score = draw.uniform(0, 1, shape).astype(np.float32)
    xy[3:5, -1], score[3:5, -1] = np.nan, np.nan
    xy[7, 0, 1], score[7, 0, 1] = np.nan, 0
    unique = draw.uniform(0, 640, (frames, len(layout.unique), 2)).astype(np.float32)
    return Tracks(layout, xy, score, unique, draw.uniform(0, 1, unique.shape[:2]).astype(np.float32))


def dlcx(*words: str | Path) -> None:
    """Run a dlcx command, which must succeed."""
    call = [sys.executable, "-m", "dlcx", *map(str, words), "-q"]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)


def export_everything(folder: Path) -> tuple[list[Path], Tracks]:
    """Export the tracks of a video with ``export-predictions``; return the files and the tracks."""
    root = folder / "demo"
    dlcx("demo", root, "--animals", "2")
    dlcx("create-dataset", "-p", root, "--weights", "none")
    project = open_project(root)
    scorer = f"DLC_{net_name('resnet_50')}_{project.task}{project.date}shuffle1_snapshot_best-10"
    tracks = random_tracks(UNIQUE)
    video = project.root / "videos" / "arena.mp4"
    write_predictions(tracks, video.with_name(f"arena{scorer}_el.h5"), scorer, key="tracks", double=False)
    out = folder / "exported"
    dlcx("export-predictions", video, "-p", root, "--to", out / "nwb")
    dlcx("export-predictions", video, "-p", root, "--to", out / "h5", "--format", "h5", "--split-unique")
    return sorted(path for path in out.rglob("*") if path.suffix in (".nwb", ".h5")), tracks


def owner_of(file: Path) -> str:
    """Return the owner of an exported file: an individual, ``single``, or an empty string for all."""
    return file.stem.rpartition("_el")[2].removeprefix("_")


def expected_exports(files: Sequence[Path], tracks: Tracks) -> dict[str, np.ndarray]:
    """Return the values that movement should read from exported files."""
    expected = {}
    for file in files:
        owner, layout = owner_of(file), tracks.layout
        xy, score, parts = tracks.xy, tracks.score, layout.bodyparts
        if owner == "single":
            xy, score, parts = tracks.unique_xy[:, None], tracks.unique_score[:, None], layout.unique
        elif owner:
            number = layout.individuals.index(owner)
            xy, score = xy[:, number : number + 1], score[:, number : number + 1]
        if file.suffix == ".nwb":  # movement sorts the series by name
            order = np.argsort(parts)
            xy, score, parts = xy[:, :, order], score[:, :, order], tuple(parts[part] for part in order)
        expected[f"movement {file.name} position"] = xy
        expected[f"movement {file.name} confidence"] = score
        expected[f"movement {file.name} keypoints"] = np.array(parts)
    return expected


def moseq_checks(folder: Path, exported: Sequence[Path], tracks: Tracks) -> list[Check]:
    """Check every animal of every file in keypoint-moseq's naming and order.

    For several animals in a DeepLabCut file, it returns the bodyparts as a set; its arrays keep their order.
    """
    several = LAYOUTS["several"]
    sources = {
        f"{name}.{suffix}": random_tracks(layout) for name, layout in LAYOUTS.items() for suffix in ("h5", "csv")
    }
    sources |= {"tracked_el.csv": random_tracks(several), "tracked_el.h5": random_tracks(several)}
    files = [folder / name for name in sources]
    files += [path for path in exported if path.suffix == ".nwb" and owner_of(path) != "single"]
    subprocess.run(
        [str(MOSEQ), str(HERE / "moseq_side.py"), str(folder / "moseq.npz"), *map(str, files)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    checks = []
    with np.load(folder / "moseq.npz") as read:
        for file in files:
            poses = sources.get(file.name, tracks)
            layout = poses.layout
            owners = [owner_of(file)] if file.suffix == ".nwb" else layout.individuals
            for owner in owners:
                number = layout.individuals.index(owner)
                name = file.stem if file.suffix == ".nwb" or not layout.multi else f"{file.stem}_{owner}"
                order = read[f"{file.name} {name} bodyparts"].tolist()
                if not read[f"{file.name} {name} ordered"]:
                    assert set(order) == set(layout.bodyparts)
                    order = layout.bodyparts
                columns = [layout.bodyparts.index(part) for part in order]
                for what, wrote in (("coordinates", poses.xy), ("confidences", poses.score)):
                    found = read[f"{file.name} {name} {what}"]
                    wrote = wrote[:, number, columns]
                    off = largest(wrote, found.astype(wrote.dtype))
                    checks.append(measured("keypoint-moseq", f"{file.name} {owner} {what}", off, 0))
    return checks


def write_everything(source: Path, folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """Write a project and predictions; return the project and the values that the programs should read."""
    expected: dict[str, np.ndarray] = {}
    for name, layout in LAYOUTS.items():
        tracks = random_tracks(layout)
        write_predictions(tracks, folder / f"{name}.h5", f"DLC_Resnet50_{name}")
        for suffix in ("h5", "csv"):
            expected[f"movement {name}.{suffix} position"] = tracks.xy
            expected[f"movement {name}.{suffix} confidence"] = tracks.score
            expected[f"movement {name}.{suffix} keypoints"] = np.array(layout.bodyparts)

    tracks = random_tracks(
        LAYOUTS["several"]
    )  # movement refuses an h5 with the key "tracks", which DeepLabCut requires
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
    by_name = labels.xy[:, :, np.argsort(labels.layout.bodyparts)]  # in the order of sleap-io
    expected["sleap-io labels csv"] = by_name
    dlcx("create-dataset", "-p", root, "--weights", "none")
    split = read_split(project.shuffle(1).documentation_path)
    for name, rows in (("train", split.train), ("test", split.test)):
        expected[f"sleap-io {name} split"] = by_name[rows]
    return root, expected


def napari_checks(folder: Path) -> list[Check]:
    """Check that labels and machine labels, of one and of several animals, are the right points in napari's layers."""
    files, expected = [], []
    for name, layout in LAYOUTS.items():
        tracks = random_tracks(layout, frames=9)
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
        exported, tracks = export_everything(folder)
        files += exported
        expected |= expected_exports(exported, tracks)
        call = [CONSUMERS, HERE / "consumers_side.py", root, folder / "read.npz", *files]
        subprocess.run(list(map(str, call)), check=True)
        with np.load(folder / "read.npz") as read:
            checks = [compare(name, values, read[name]) for name, values in expected.items()]
        checks += moseq_checks(folder, exported, tracks)
        checks += napari_checks(folder)
    print(table(checks))
    return 0 if all(check.ok for check in checks) else 1


def compare(name: str, wrote: np.ndarray, read: np.ndarray) -> Check:
    """Compare names exactly, and numbers as float32."""
    program, what = name.split(" ", 1)
    if wrote.dtype.kind == "U":
        return Check(program, what, ok=wrote.tolist() == read.tolist(), note=" ".join(read))
    return measured(program, what, largest(wrote, read.astype(wrote.dtype)), 0)


if __name__ == "__main__":
    sys.exit(main())
