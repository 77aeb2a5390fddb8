"""Measure the cost of a frame: milliseconds per step, bytes on disk, and the speed of several processes.

    python benchmarks/frame_cost.py --project PROJECT [--shuffle N] [--video VIDEO] [--frames N] [--long N]
                                    [--threads N] [--processes 1 2]

The script runs ``dlcx analyze-video`` on the first frames of a video and prints the milliseconds per frame of each
step.  Because files also contain parts of constant size, it then repeats the encoded frames and their poses up to
``--long`` frames, saves the poses in a chunk store, and lets the same command write the output files, without the
network.  The times for writing and linking and the bytes per frame come from this second run.  Finally, the script
prints the consequences for the clusters in docs/scale.md.

With ``--processes``, the script cuts as many clips of ``--frames`` frames as the largest number, and analyzes all of
them with ``--devices N`` for each number N, with ``--threads`` threads per process.  It prints frames per second with
and without the start.  Run this on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
from small_videos import first_frames

from dlcx.data.video import find_videos, open_video
from dlcx.data.video_file import VideoFile
from dlcx.store import inspect_store, open_store

#: Frames per second of a worker, number of workers, hours of video, and frames per second of the video.
SPEED, WORKERS, HOURS, RATE = 200, 100, 1e6, 30
STORE = "chunk store"


@dataclass(frozen=True)
class Cost:
    """Milliseconds and bytes per frame of one process; the encoded ``video`` is read, ``files`` are written.

    ``steps`` run one after another, ``decoding`` runs in parallel; ``starting`` is in seconds per call.
    """

    steps: dict[str, float]
    decoding: float
    starting: float
    video: float
    files: dict[str, float]

    @property
    def worker(self) -> float:
        """Milliseconds per frame of a worker that waits only for its own decoder."""
        return max(self.decoding, sum(self.steps.values()) - self.steps["waiting"])

    @property
    def results(self) -> float:
        """Bytes per frame of all files except the store."""
        return sum(count for name, count in self.files.items() if name != STORE)

    def lines(self) -> list[str]:
        """Return the report, one value per line."""
        frames, hours = SPEED * WORKERS, HOURS * 3600 * RATE
        return [
            *(f"{name}: {spent:.3g} ms per frame" for name, spent in self.steps.items()),
            f"decoding (in parallel): {self.decoding:.3g} ms per frame",
            f"one worker: {self.worker:.3g} ms per frame, {1e3 / self.worker:.3g} frames/s",
            f"starting and ending: {self.starting:.1f} s per call",
            f"video: {self.video:.0f} bytes per frame",
            *(f"{name}: {count:.0f} bytes per frame" for name, count in self.files.items()),
            f"results without the store: {self.results:.0f} bytes per frame",
            f"{WORKERS} workers at {SPEED} frames/s: {frames * self.video / 1e6:.3g} MB/s of video read, "
            f"{frames * self.files[STORE] / 1e6:.2g} MB/s of chunks written",
            f"{HOURS:.0e} hours at {RATE} frames/s: {hours * self.files[STORE] / 1e12:.3g} TB of chunks, "
            f"{hours * self.results / 1e12:.3g} TB of other results",
        ]


@dataclass(frozen=True)
class Rate:
    """Frames per second of several processes, including and excluding the start."""

    processes: int
    frames: int
    seconds: float
    working: float

    @property
    def whole(self) -> float:
        """Including the start."""
        return self.frames / self.seconds

    @property
    def at_work(self) -> float:
        """Sum over all processes, without starting, merging and writing."""
        return self.frames * self.processes / self.working

    def line(self, first: Rate) -> str:
        """Return one line, with the speedup over ``first``."""
        gain = (
            f"; {self.whole / first.whole:.2f} and {self.at_work / first.at_work:.2f} times --devices {first.processes}"
        )
        return (
            f"--devices {self.processes}: {self.frames} frames in {self.seconds:.1f} s, {self.whole:.3g} frames/s, "
            f"{self.at_work:.3g} at work{gain if self is not first else ''}"
        )


def analyze(call: argparse.Namespace, videos: Sequence[Path], out: Path, *flags: str) -> tuple[list[dict], float]:
    """Return the results of the command and the seconds it took."""
    words = [*map(str, videos), "-p", str(call.project), "--shuffle", str(call.shuffle), "--out", str(out)]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dlcx", "analyze-video", *words, "--json", "-q", *flags],
        env={**os.environ, "OMP_NUM_THREADS": str(call.threads)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"analyze-video ended with exit code {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)["videos"], time.perf_counter() - begun


def sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of the store and of each file, named by its suffix after the scorer."""
    (store,) = folder.glob("*.dlcx")
    stem = min((path.stem for path in folder.glob("*.h5")), key=len)
    found = {STORE: sum(path.stat().st_size for path in store.rglob("*") if path.is_file())}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            name = path.name.removeprefix(stem)
            found[name] = found.get(name, 0) + path.stat().st_size
    return found


def measure(call: argparse.Namespace, known: VideoFile, folder: Path) -> Cost:
    """Analyze the first frames of a video and write the files of a long one."""
    frames = min(call.frames, known.frames)
    (found,), took = analyze(call, [known.path], folder / "short", "--frames", f"0:{frames}")
    spent = found["time"]
    steps = {name: 1e3 * seconds / frames for name, seconds in spent["seconds"].items()}
    times = -(-call.long // frames)
    long = open_video(first_frames(known.path, folder / f"long{known.path.suffix}", frames, times))
    stored = store_repeated(known, long, frames, folder)
    (written,), _ = analyze(call, [long.path], folder / "long")
    if written["analyzed"]:
        raise RuntimeError(
            f"{written['analyzed']} frames of {long.path.name} were analyzed although they were in the store"
        )
    seconds = written["time"]["seconds"]
    steps["writing"] = 1e3 * (stored + seconds["writing"]) / long.frames
    if "linking" in steps:
        steps["linking"] = 1e3 * seconds["linking"] / long.frames
    return Cost(
        steps,
        1e3 * spent["decoding"] / frames,
        took - spent["total"],
        known.path.stat().st_size / known.frames,
        {name: count / long.frames for name, count in sizes(folder / "long").items()},
    )


def store_repeated(known: VideoFile, long: VideoFile, frames: int, folder: Path) -> float:
    """Fill the store of the long video with repeated poses of the short one; return the seconds it takes."""
    (short,) = (folder / "short").glob("*.dlcx")
    store = inspect_store(short)
    assert store is not None
    found = store.read(0, frames)
    target = folder / "long" / (long.path.stem + short.name.removeprefix(known.path.stem))
    begun = time.perf_counter()
    with open_store(target, {**store.settings, "video": long.fingerprint()}) as filled:
        for first in range(0, long.frames, frames):
            at = (first + np.arange(frames)) / long.fps
            filled.append(first, found.predictions, at, found.readable, found.repeated)
    return time.perf_counter() - begun


def rate(call: argparse.Namespace, clips: Sequence[Path], processes: int, out: Path) -> Rate:
    """Measure how fast several processes analyze all clips."""
    found, seconds = analyze(call, clips, out, "--devices", str(processes), "--shares", "1")
    frames = sum(open_video(clip).frames for clip in clips)
    return Rate(processes, frames, seconds, sum(one["time"]["total"] for one in found))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--shuffle", type=int, default=1)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--frames", type=int, default=80)
    parser.add_argument("--long", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, nargs="*", default=[])
    call = parser.parse_args(words)
    known = open_video(call.video or find_videos([call.project / "videos"])[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{known.path.name}: {known.width}x{known.height}, {min(call.frames, known.frames)} frames")
        print(*measure(call, known, folder / "cost").lines(), sep="\n")
        clips = [
            first_frames(known.path, folder / f"clip{number}{known.path.suffix}", call.frames)
            for number in range(max(call.processes, default=0))
        ]
        rates = [rate(call, clips, count, folder / f"devices-{count}") for count in call.processes]
    for one in rates:
        print(one.line(rates[0]))


if __name__ == "__main__":
    main()
