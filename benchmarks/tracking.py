"""Compare the trackers of dlcx and DeepLabCut 3.0.2 on the same detections (`make bench-tracking`).

Synthetic scenes (2 to 8 animals, from spacious to crowded) have ground truth.  For these, the script prints HOTA, IDF1
and identity switches of both programs, and the paired differences with 95 % bootstrap intervals over scenes.  Real
detections (three mice, birds) have none, so the script prints how well the programs agree.  Finally, it measures the
time of both to assemble animals from keypoints and to link them, with one thread each.

DeepLabCut reads the detections from the pickles of an analysis and runs convert_detections2tracklets and
stitch_tracklets; dlcx runs `dlcx track`.  Both write their output files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from dlcx.analysis_files import AnalysisFiles
from dlcx.data import synthetic
from dlcx.data.synthetic.detections import DetectionErrors, simulate_detections
from dlcx.formats.predictions.analysis_pickles import AnalysisMeta, write_full_pickle, write_meta_pickle
from dlcx.formats.predictions.assemblies import write_assemblies
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.pickles import dump_pickle, load_plain_pickle
from dlcx.heads.paf.assembly import Assembler
from dlcx.heads.paf.linking import JointDetections
from dlcx.metrics.tracks import TrackMetrics, evaluate_tracks
from dlcx.poses import Layout, Prediction, Tracks
from dlcx.workflow import demo
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.track import track

HERE = Path(__file__).resolve().parent
FRAMES = 600
BODY = 50.0  # px
RESAMPLED = 10_000


@dataclass(frozen=True)
class Level:
    """Space per animal (squared body lengths), rates of encounters and of leaving, scale of the detection errors."""

    room: float
    meeting: float
    leaving: float
    faults: float


LEVELS = {
    "easy": Level(room=9.0, meeting=0.1, leaving=0.05, faults=0.5),
    "medium": Level(room=5.0, meeting=0.35, leaving=0.15, faults=1.0),
    "crowded": Level(room=3.0, meeting=0.6, leaving=0.2, faults=1.5),
}
OPEN, CLOSED = "animals leave", "no animal leaves"


@dataclass(frozen=True)
class Case:
    """Detections of a video and, for a synthetic one, the true tracks."""

    name: str
    kinds: tuple[str, ...]
    layout: Layout
    size: tuple[int, int]
    predictions: list[Prediction]
    truth: Tracks | None = None


def synthetic_case(animals: int, level: str, seed: int) -> Case:
    """Return a synthetic scene with simulated detections; with odd seeds, no animal leaves the image."""
    how = LEVELS[level]
    height = np.sqrt(max(animals * how.room, 6) * 3 / 4) * BODY
    scene = synthetic.scene(
        animals,
        FRAMES,
        size=(round(height * 4 / 3), round(height)),
        body_length=BODY,
        meeting=how.meeting,
        leaving=0 if seed % 2 else how.leaving,
        seed=seed,
    )
    found = simulate_detections(scene, DetectionErrors().scaled(how.faults), seed=seed)
    kinds = (level, CLOSED if seed % 2 else OPEN)
    return Case(f"{animals}-{level}-{seed}", kinds, scene.layout, scene.size, found, synthetic.true_tracks(scene))


def real_case(path: Path, animals: int) -> tuple[Case, list[JointDetections], Assembler]:
    """Return animals assembled from the keypoints of a real video; ``path`` is DeepLabCut's ``_full.pickle``."""
    content = load_plain_pickle(path)
    metadata = content.pop("metadata")
    edges = [int(edge) for edge in metadata["PAFinds"]]
    graph = tuple(tuple(map(int, metadata["PAFgraph"][edge])) for edge in edges)
    parts = 1 + max(map(max, metadata["PAFgraph"]))
    joints = [_joints(frame, edges, parts) for frame in content.values() if frame]
    assembler = Assembler(bodyparts=parts, graph=graph, animals=animals)
    names = tuple(map(str, metadata["all_joints_names"][:parts]))
    layout = Layout(names, tuple(f"mouse{number}" for number in range(1, animals + 1)), multi=True)
    found = [Prediction(assembler(one)) for one in joints]
    size = np.ceil(max(np.nanmax(one.xy.max(0)) for one in joints)) + 10
    return Case(path.name.split("_")[0], (), layout, (int(size), int(size)), found), joints, assembler


def _joints(frame: dict, edges: list[int], parts: int) -> JointDetections:
    xy = [np.asarray(part, np.float32).reshape(-1, 2) for part in frame["coordinates"][0][:parts]]
    score = [np.asarray(part, np.float32).ravel() for part in frame["confidence"][:parts]]
    cost = [np.asarray(frame["costs"][edge]["m1"], np.float32).ravel() for edge in edges]
    return JointDetections(
        np.array(list(map(len, xy))), np.concatenate(xy), np.concatenate(score), np.concatenate(cost)
    )


class Project:
    """A project with the individuals and bodyparts of a layout, as DeepLabCut requires to track a video."""

    def __init__(self, root: Path, layout: Layout) -> None:
        demo.FRAMES, demo.LABELED = 6, 4
        demo.demo(root, animals=len(layout.individuals))
        config = root / "config.yaml"
        self._rename(config, layout)
        create_dataset(root, net_type="resnet_50", weights="none")
        self.shuffle = open_project(root).shuffle(1, 0)
        (self.shuffle.train_dir / "snapshot-010.pt").touch()  # only its name is used
        self.config, self.videos = config, root / "videos"

    def _rename(self, config: Path, layout: Layout) -> None:
        """Change the bodyparts; the labels are random, because nothing is trained."""
        from dlcx.data.synthetic.scene import BODYPARTS
        from dlcx.formats.labels.collected_data import write_labels
        from dlcx.formats.project_config import read_project_config, write_project_config
        from dlcx.poses import Labels

        if layout.bodyparts == BODYPARTS:
            return
        changed = {"multianimalbodyparts": list(layout.bodyparts), "skeleton": []}
        write_project_config(read_project_config(config).model_copy(update=changed), config)
        project = open_project(config)
        images = tuple(
            ("labeled-data", "arena", path.name)
            for path in sorted((config.parent / "labeled-data" / "arena").glob("*.png"))
        )
        shape = (len(images), len(layout.individuals), len(layout.bodyparts), 2)
        xy = np.random.default_rng(0).uniform(20, 120, shape)
        write_labels(
            Labels(layout, images, xy, np.zeros((len(images), 0, 2))),
            project.labels_path("arena").with_suffix(""),
            project.scorer,
        )

    def add(self, case: Case) -> AnalysisFiles:
        """Write the files that an analysis of the video would leave."""
        video = self.videos / f"{case.name}.mp4"
        shutil.copy(self.videos / "arena.mp4", video)  # DeepLabCut opens the video but does not use its content
        scorer = self.shuffle.scorer("resnet_50", self.shuffle.snapshot("last"))
        files = AnalysisFiles(video, scorer, self.videos)
        frames = len(case.predictions)
        write_full_pickle(case.predictions, files.full_pickle, case.layout, frames=frames)
        write_assemblies(case.predictions, files.assemblies)
        meta = AnalysisMeta(scorer, case.layout, 0, 1, 30, case.size, frames, 1, 0, 0.8)
        write_meta_pickle(meta, files.meta_pickle)
        return files


def deeplabcut(python: Path, job: dict, path: Path) -> dict:
    """Run a job with DeepLabCut."""
    path.write_text(json.dumps(job))
    with open(path.with_suffix(".log"), "w") as log:
        subprocess.run([python, HERE / "tracking_deeplabcut.py", path], check=True, stdout=log, stderr=log)
    return json.loads(path.with_suffix(".done.json").read_text())


def dlcx(project: Project, files: AnalysisFiles) -> tuple[Tracks, float]:
    """Return dlcx's tracks and the seconds for all of `dlcx track`, in a separate folder."""
    folder = files.folder / "dlcx"
    folder.mkdir(exist_ok=True)
    for path in (files.assemblies, files.meta_pickle):
        shutil.copy(path, folder)
    started = time.perf_counter()
    result = track(project.config, files.video, snapshot="last", out=folder)
    seconds = time.perf_counter() - started
    return read_predictions(result.videos[0].h5), seconds


def theirs(files: AnalysisFiles, case: Case) -> Tracks:
    """Return DeepLabCut's tracks; nan if it failed."""
    path = files.folder / f"{files.stem}_el.h5"
    if path.is_file():
        return read_predictions(path)
    shape = (len(case.predictions), len(case.layout.individuals), len(case.layout.bodyparts))
    return Tracks(case.layout, np.full((*shape, 2), np.nan), np.zeros(shape))


def interval(difference: np.ndarray) -> tuple[float, float, float]:
    """Return the mean and its 95 % bootstrap interval over scenes."""
    rng = np.random.default_rng(0)
    means = rng.choice(difference, (RESAMPLED, len(difference))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(difference.mean()), float(low), float(high)


def scene_table(rows: list[tuple[Case, TrackMetrics, TrackMetrics]]) -> list[str]:
    """Return one line per scene, then means by level, then the paired differences."""
    lines = [
        "| scene | HOTA dlcx | HOTA DLC | IDF1 dlcx | IDF1 DLC | switches dlcx | switches DLC |",
        "|---|---|---|---|---|---|---|",
    ]

    def line(name: str, chosen: list[tuple[Case, TrackMetrics, TrackMetrics]]) -> str:
        values = [
            f"{np.mean([getattr(row[side], key) for row in chosen]):.{digits}f}"
            for key, digits in (("HOTA", 4), ("IDF1", 4), ("switches", 1))
            for side in (1, 2)
        ]
        return "| " + " | ".join([name, *values]) + " |"

    lines += [line(row[0].name, [row]) for row in rows]
    for kind in (*LEVELS, OPEN, CLOSED):
        if chosen := [row for row in rows if kind in row[0].kinds]:
            lines.append(line(f"**{kind}**", chosen))
    lines += [line("**all**", rows), ""]
    lines += [
        f"| dlcx - DeepLabCut, {len(rows)} scenes | mean | 95 % interval | dlcx better | DLC better |",
        "|---|---|---|---|---|",
    ]
    for key in ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "switches"):
        difference = np.array([getattr(mine, key) - getattr(other, key) for _, mine, other in rows], float)
        mean, low, high = interval(difference)
        better = -difference if key == "switches" else difference
        lines.append(
            f"| {key} | {mean:+.4f} | {low:+.4f} to {high:+.4f} | {(better > 0).sum()} | {(better < 0).sum()} |"
        )
    return lines


def agreement(case: Case, mine: Tracks, other: Tracks) -> str:
    """Return a line with the agreement of two trackers on a real video."""
    m = evaluate_tracks(mine, other)
    poses = [int(np.isfinite(tracks.xy).any((2, 3)).sum()) for tracks in (mine, other)]
    return (
        f"| {case.name}, {len(case.predictions)} frames | {m.HOTA:.4f} | {m.IDF1:.4f} "
        f"| {m.switches} | {m.fragmentations} | {poses[0]} | {poses[1]} |"
    )


def repeated(items: list, count: int) -> list:
    """Repeat the items forward and backward, so that nothing jumps, up to ``count``."""
    cycle = [*items, *items[::-1]]
    return [cycle[index % len(cycle)] for index in range(count)]


def main() -> None:
    """Run all measurements and print them as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = HERE.parent
    parser.add_argument("--python", type=Path, default=root / ".venv-deeplabcut" / "bin" / "python")
    parser.add_argument("--real", type=Path, default=root.parent / "shared" / "data" / "fixtures" / "dlc-tests")
    parser.add_argument("--folder", type=Path, default=root / "bench-tracking")
    parser.add_argument("--seeds", type=int, default=2, help="scenes per number of animals and level")
    parser.add_argument("--first-seed", type=int, default=0, help="use other seeds for scenes not used in development")
    parser.add_argument("--speed-frames", type=int, default=10_000, help="frames for the speed measurement; 0 skips it")
    options = parser.parse_args()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    seeds = range(options.first_seed, options.first_seed + options.seeds)
    cases = [synthetic_case(animals, level, seed) for animals in range(2, 9) for level in LEVELS for seed in seeds]
    real = {}
    for name in ("trimouse", "montblanc"):
        path = options.real / f"{name}_full.pickle"
        if path.is_file():
            real[name] = real_case(path, 3)
        else:
            print(f"missing detections: {path}", file=sys.stderr)
    cases += [case for case, _, _ in real.values()]
    job: dict = {"track": []}
    timed = None
    if options.speed_frames and "trimouse" in real:
        case = real["trimouse"][0]
        job["assemble"] = {"full": str(folder / "long_full.pickle"), "parts": 12, "animals": 3}
        long_full(options.real / "trimouse_full.pickle", folder / "long_full.pickle", options.speed_frames)
        timed = replace(case, name="long", predictions=repeated(case.predictions, options.speed_frames))
        cases.append(timed)

    projects: dict[tuple, Project] = {}
    files, mine = {}, {}
    for case in cases:
        key = (case.layout.bodyparts, len(case.layout.individuals))
        if key not in projects:
            projects[key] = Project(folder / f"project{len(projects)}", case.layout)
        files[case.name] = projects[key].add(case)
        job["track"].append({"config": str(projects[key].config), "video": str(files[case.name].video)})
        mine[case.name] = dlcx(projects[key], files[case.name])
    done = deeplabcut(options.python, job, folder / "job.json")
    report(cases, files, mine, done, real, timed, options.speed_frames)


def long_full(path: Path, target: Path, frames: int) -> None:
    """Write a longer ``_full.pickle`` by repeating the frames."""
    content = load_plain_pickle(path)
    metadata = {**content.pop("metadata"), "nframes": frames}
    items = repeated([frame for frame in content.values() if frame], frames)
    dump_pickle({"metadata": metadata, **{f"frame{index:05d}": frame for index, frame in enumerate(items)}}, target)


def report(
    cases: list[Case],
    files: dict[str, AnalysisFiles],
    mine: dict[str, tuple[Tracks, float]],
    done: dict,
    real: dict,
    timed: Case | None,
    frames: int,
) -> None:
    """Print the results."""
    print(f"DeepLabCut {done['version']}, filterpy {done['filterpy']}\n")
    steps = {case.name: step for case, step in zip(cases, done["track"], strict=True)}
    for name, step in steps.items():
        if "error" in step:
            print(f"DeepLabCut failed on {name}: {step['error']}\n")
    rows = []
    for case in cases:
        if case.truth is not None:
            other = theirs(files[case.name], case)
            rows.append((case, evaluate_tracks(mine[case.name][0], case.truth), evaluate_tracks(other, case.truth)))
    print("\n".join(scene_table(rows)))
    if real:
        print(
            "\n| dlcx against DeepLabCut | HOTA | IDF1 | switches | fragmentations | poses dlcx | poses DLC |\n"
            + "|---" * 7
            + "|"
        )
        for name, (case, *_) in real.items():
            print(agreement(case, mine[name][0], theirs(files[name], case)))
    if timed is None:
        return
    _, joints, assembler = real["trimouse"]
    spent = seconds(joints, assembler, mine["long"][1], done, steps["long"], frames)
    print(f"\n| three mice, {frames} frames | dlcx s | DeepLabCut s | speedup |\n|---|---|---|---|")
    for name, title in (("assembling", "assemble animals"), ("tracking", "track"), ("both", "both")):
        one, other = spent[name]
        print(f"| {title} | {one:.1f} | {other:.1f} | {other / one:.1f} |")


def seconds(
    joints: list[JointDetections], assembler: Assembler, tracking: float, done: dict, step: dict, frames: int
) -> dict[str, tuple[float, float]]:
    """Return the seconds of dlcx and DeepLabCut to assemble the animals, to link them, and for both."""
    started = time.perf_counter()
    animals = sum(len(assembler(one)) for one in repeated(joints, frames))
    assembling = time.perf_counter() - started
    theirs, linking = done["assemble"]["seconds"], step.get("tracklets", np.nan) + step.get("stitching", np.nan)
    print(f"assembled animals: dlcx {animals}, DeepLabCut {done['assemble']['animals']}", file=sys.stderr)
    both = assembling + tracking, theirs + linking
    return {"assembling": (assembling, theirs), "tracking": (tracking, linking), "both": both}


def timed(real: Path, folder: Path, python: Path | None, frames: int) -> dict[str, tuple[float, float | None]]:
    """Measure only the times, on three mice; DeepLabCut's are None without its ``python``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    case, joints, assembler = real_case(real / "trimouse_full.pickle", 3)
    long = replace(case, name="long", predictions=repeated(case.predictions, frames))
    project = Project(folder / "project", case.layout)
    files = project.add(long)
    tracking = dlcx(project, files)[1]
    if python is None:
        nothing = {"assemble": {"seconds": np.nan, "animals": 0}}
        return {
            name: (one, None) for name, (one, _) in seconds(joints, assembler, tracking, nothing, {}, frames).items()
        }
    long_full(real / "trimouse_full.pickle", folder / "long_full.pickle", frames)
    job = {
        "track": [{"config": str(project.config), "video": str(files.video)}],
        "assemble": {"full": str(folder / "long_full.pickle"), "parts": 12, "animals": 3},
    }
    done = deeplabcut(python, job, folder / "job.json")
    if "error" in (step := done["track"][0]):
        raise RuntimeError(f"DeepLabCut failed: {step['error']}")
    return dict(seconds(joints, assembler, tracking, done, step, frames))


if __name__ == "__main__":
    main()
