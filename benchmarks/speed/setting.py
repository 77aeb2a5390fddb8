"""What the rows share: copies of real projects with snapshots, and both programs, each in processes of its own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "interchange"), str(ROOT / "tests")]

OPENFIELD, FLIES = "openfield-Pranav-2018-10-30", "flypair24"
#: Words before the line in which a process tells what it found.
RESULT = "result: "


class Unavailable(Exception):
    """Something that a row needs is not there."""


@dataclass(frozen=True)
class Setting:
    """Where projects come from and copies go, how often everything is measured, and DeepLabCut's Python."""

    projects: Path
    folder: Path
    rounds: int
    python: Path
    quick: bool = False
    """Few frames and images, to see that everything runs."""

    @cached_property
    def has_deeplabcut(self) -> bool:
        """Whether its environment is there."""
        return self.python.is_file()

    def dlcx(self, verb: str, **arguments: Any) -> Any:
        """What a process of dlcx's half finds."""
        return self._run(sys.executable, HERE / "dlcx_side.py", verb, arguments)

    def deeplabcut(self, verb: str, **arguments: Any) -> Any:
        """What a process of DeepLabCut's half finds."""
        return self._run(self.python, HERE / "deeplabcut_side.py", verb, arguments)

    def dlcx_analyze(self, **arguments: Any) -> list[float]:
        """Seconds of dlcx's analysis of each video."""
        return self.dlcx("analyze", **arguments)

    def deeplabcut_analyze(self, **arguments: Any) -> list[float]:
        """Seconds of DeepLabCut's analysis of each video."""
        return self.deeplabcut("analyze", **arguments)

    def cpu_seconds(self, *command: object) -> float:
        """Processor time, user and system, of a command that must succeed."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=self.folder, env=_own_path())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"{command}: exit code {done.returncode}: {done.stderr[-2000:]}")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def _run(self, python: object, script: Path, verb: str, arguments: dict[str, Any]) -> Any:
        call = [str(python), str(script), verb, json.dumps(arguments, default=str)]
        log = self.folder / "log.txt"
        with open(log, "a") as stream:
            print("$", *call, file=stream, flush=True)
            done = subprocess.run(
                call, stdout=subprocess.PIPE, stderr=stream, text=True, cwd=self.folder, env=_own_path()
            )
            stream.write(done.stdout)
        told = [text for text in done.stdout.splitlines() if text.startswith(RESULT)]
        if done.returncode or not told:
            raise RuntimeError(f"{script.name} {verb}: exit code {done.returncode}, see {log}")
        return json.loads(told[-1].removeprefix(RESULT))

    def project(self, name: str) -> Path:
        """A copy of a project with what a row needs, made once: ``single``, ``top-down``, ``buctd``, ``training``."""
        from speed import prepared

        target = self.folder / name
        if not (target / "ready").is_file():
            shutil.rmtree(target, ignore_errors=True)
            source = self.projects / prepared.SOURCES[name]
            if not source.is_dir():
                raise Unavailable(f"no project {source}: PROJECTS=FOLDER names the folder of projects")
            prepared.prepare(name, source, target)
            (target / "ready").touch()
        return target

    def clip(self, name: str, frames: int) -> Path:
        """The first frames of a project's video, as Motion JPEG."""
        from project_copy import write_clip

        from speed.prepared import video_of

        target = self.folder / "clips" / f"{name}-{frames}.avi"
        if not target.is_file():
            import cv2

            source = video_of(self.project(name))
            capture = cv2.VideoCapture(str(source))
            size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            target.parent.mkdir(parents=True, exist_ok=True)
            write_clip(source, target, frames, size)
        return target


def _own_path() -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "interchange")))
    }
