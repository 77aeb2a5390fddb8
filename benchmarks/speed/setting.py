"""The common environment of the rows: copies of real projects with snapshots, and both programs as subprocesses."""

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
#: Prefix of the line with which a process reports its result.
RESULT = "result: "


class Unavailable(Exception):
    """A requirement of a row is missing."""


@dataclass(frozen=True)
class Setting:
    """Source and target folders of the projects, number of rounds, and DeepLabCut's Python interpreter."""

    projects: Path
    folder: Path
    rounds: int
    python: Path
    quick: bool = False
    """Use few frames and images, to test that everything runs."""

    @cached_property
    def has_deeplabcut(self) -> bool:
        """Whether the environment of DeepLabCut exists."""
        return self.python.is_file()

    def dlcx(self, verb: str, **arguments: Any) -> Any:
        """Run a verb of dlcx_side.py and return its result."""
        return self._run(sys.executable, HERE / "dlcx_side.py", verb, arguments)

    def deeplabcut(self, verb: str, **arguments: Any) -> Any:
        """Run a verb of deeplabcut_side.py and return its result."""
        return self._run(self.python, HERE / "deeplabcut_side.py", verb, arguments)

    def dlcx_analyze(self, **arguments: Any) -> list[float]:
        """Return the seconds that dlcx takes to analyze each video."""
        return self.dlcx("analyze", **arguments)

    def deeplabcut_analyze(self, **arguments: Any) -> list[float]:
        """Return the seconds that DeepLabCut takes to analyze each video."""
        return self.deeplabcut("analyze", **arguments)

    def cpu_seconds(self, *command: object) -> float:
        """Return the user plus system CPU time of a command, which must succeed."""
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
        results = [text for text in done.stdout.splitlines() if text.startswith(RESULT)]
        if done.returncode or not results:
            raise RuntimeError(f"{script.name} {verb}: exit code {done.returncode}, see {log}")
        return json.loads(results[-1].removeprefix(RESULT))

    def project(self, name: str) -> Path:
        """Return the prepared copy of a project: ``single``, ``top-down``, ``buctd`` or ``training``."""
        from speed import prepared

        target = self.folder / name
        if not (target / "ready").is_file():
            shutil.rmtree(target, ignore_errors=True)
            source = self.projects / prepared.SOURCES[name]
            if not source.is_dir():
                raise Unavailable(f"{source} does not exist; set the folder of the projects with PROJECTS=FOLDER")
            prepared.prepare(name, source, target)
            (target / "ready").touch()
        return target

    def clip(self, name: str, frames: int) -> Path:
        """Return a Motion JPEG file with the first frames of a project's video."""
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
