"""What a frame of an analysis costs: decoding, net, the rest, and bytes on the disk.

    python benchmarks/frame_cost.py --project PROJECT [--shuffle N] [--video VIDEO] [--frames N] [--threads N]
                                    [--processes 1 2]

Runs ``analyze-video`` over the first frames of a video as a user calls it, prints milliseconds a frame by step, and
the bytes a frame of the coded video, of the chunk store and of all result files.  With ``--processes`` it then runs
``--devices N`` for each number over the whole video, each process with ``--threads`` threads, and prints the frames a
second: run that where nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dlcx.data.video import find_videos, open_video


def analyze(call: argparse.Namespace, video: Path, out: Path, *flags: str) -> tuple[dict, float]:
    """The result of the command, and the seconds it took."""
    words = [str(video), "-p", str(call.project), "--shuffle", str(call.shuffle), "--out", str(out), "--json", "-q"]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dlcx", "analyze-video", *words, *flags],
        env={**os.environ, "OMP_NUM_THREADS": str(call.threads)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)["videos"][0], time.perf_counter() - begun


def size(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--shuffle", type=int, default=1)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, nargs="*", default=[])
    call = parser.parse_args()
    video = call.video or find_videos([call.project / "videos"])[0]
    known = open_video(video)
    frames = min(call.frames, known.frames)
    with tempfile.TemporaryDirectory() as folder:
        found, _ = analyze(call, video, Path(folder), "--frames", f"0:{frames}")
        spent = found["time"]
        for name, seconds in {**spent["seconds"], "decoding, beside these": spent["decoding"]}.items():
            print(f"{name}: {1e3 * seconds / frames:.2f} ms a frame")
        (store,) = Path(folder).glob("*.dlcx")
        print(f"video: {video.stat().st_size / known.frames:.0f} bytes a frame, {known.width}x{known.height}")
        print(f"chunk store: {size(list(store.rglob('*'))) / frames:.0f} bytes a frame")
        print(f"results: {size(list(Path(folder).iterdir())) / frames:.0f} bytes a frame")
    rates = {}
    for count in call.processes:
        with tempfile.TemporaryDirectory() as folder:
            _, seconds = analyze(call, video, Path(folder), "--devices", str(count))
        rates[count] = known.frames / seconds
        print(f"--devices {count}: {seconds:.1f} s, {rates[count]:.2f} frames/s, all start-up included")
    for count in call.processes[1:]:
        first = call.processes[0]
        print(f"from {first} to {count}: {rates[count] / rates[first]:.2f} times as fast")


if __name__ == "__main__":
    main()
