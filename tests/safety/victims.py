"""Runs commands in processes of their own and ends them with a signal in the midst of what they do.

``python victims.py`` imports dlcx once and answers requests, one JSON object a line: it forks a child that runs the
command, and sends it a signal in the n-th beginning of a phase (decoding, the net, tracking, writing), some time after
that.  A fork takes milliseconds where a new interpreter takes seconds; it shares but the counts with its parent.
"""

from __future__ import annotations

import functools
import importlib
import json
import mmap
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PHASES = ("start", "decoding", "net", "chunk", "results", "tracking", "learning", "evaluating", "snapshot", "state")
#: How long a command may take, and how often its counts are looked at, in seconds.
PATIENCE, GLANCE = 120.0, 0.0002


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (negative: the signal's number), phases that were going on, and what was begun.

    ``frames`` went through the net; ``seconds`` is the mean length of each phase.
    """

    code: int
    said: str
    during: tuple[str, ...]
    begun: dict[str, int]
    seconds: dict[str, float]
    frames: int


@dataclass
class Victims:
    """The program below, running; ``sizes`` are dlcx's constants in it: ``module.NAME`` and the value."""

    log: Path
    sizes: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Victims:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, str(self.log), json.dumps(self.sizes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | threads | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=PATIENCE)

    def run(
        self,
        arguments: Sequence[object],
        *,
        phase: str = "",
        nth: int = 1,
        after: float = 0.0,
        kind: signal.Signals = signal.SIGKILL,
    ) -> Ended:
        """Run ``dlcx arguments`` and, where a phase is named, send the signal ``after`` seconds of its nth beginning.

        At 0 seconds the process itself sends it, so that it comes in that very moment.
        """
        words = [str(word) for word in arguments]
        request = {"arguments": words, "phase": phase, "nth": nth, "after": after, "signal": int(kind)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return Ended(**{**answer, "during": tuple(answer["during"])})


class Counts:
    """What parent and child both see: of each phase how often it was begun, whether it goes on, how long it took."""

    def __init__(self) -> None:
        import numpy as np

        memory = mmap.mmap(-1, (3 * len(PHASES) + 1) * 8)
        self.cells = np.frombuffer(memory, np.float64)
        self.begun, self.active, self.spent = self.cells[1:].reshape(3, len(PHASES))
        self.at_once: tuple[str, int, int] | None = None

    @contextmanager
    def within(self, phase: str) -> Iterator[None]:
        number, since = PHASES.index(phase), time.monotonic()
        self.active[number] += 1
        self.begun[number] += 1
        if self.at_once is not None and self.at_once[:2] == (phase, self.begun[number]):
            os.kill(os.getpid(), self.at_once[2])
        try:
            yield
        finally:
            self.active[number] -= 1
            self.spent[number] += time.monotonic() - since

    def wrap(self, owner: Any, name: str, phase: str, frames: Callable[..., int] = lambda *_: 0) -> None:
        """Count the calls of a function."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def counted(*arguments: Any, **options: Any) -> Any:
            with self.within(phase):
                found = inner(*arguments, **options)
            self.cells[0] += frames(*arguments)
            return found

        setattr(owner, name, counted)

    def wrap_items(self, owner: Any, name: str, phase: str) -> None:
        """Count the items of a generator."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def counted(*arguments: Any, **options: Any) -> Iterator[Any]:
            items = inner(*arguments, **options)
            while True:
                with self.within(phase):
                    item = next(items, None)
                if item is None:
                    return
                yield item

        setattr(owner, name, counted)


def child(request: dict[str, Any], counts: Counts, log: str) -> None:
    """Run the command; never returns."""
    code = 1
    try:
        with open(log, "w", buffering=1) as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
            from dlcx.cli.app import run

            if request["phase"] and not request["after"]:
                counts.at_once = request["phase"], request["nth"], request["signal"]
            with counts.within("start"):
                pass
            code = run(request["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(request: dict[str, Any], counts: Counts, log: str) -> dict[str, Any]:
    """Run the command in a child and send it the signal in time."""
    counts.cells[:] = 0
    pid = os.fork()
    if not pid:
        child(request, counts, log)
    wanted = PHASES.index(request["phase"]) if request["phase"] and request["after"] else None
    status, due, until = None, None, time.monotonic() + PATIENCE
    during: list[str] = []
    while status is None:
        found, result = os.waitpid(pid, os.WNOHANG)
        if found:
            status = result
            break
        now = time.monotonic()
        if now > until:
            os.kill(pid, signal.SIGKILL)
        if wanted is not None and due is None and counts.begun[wanted] >= request["nth"]:
            due = now + request["after"]
        if due is not None and now >= due:
            os.kill(pid, request["signal"])
            during = [name for name, active in zip(PHASES, counts.active, strict=True) if active]
            wanted, due = None, None
        time.sleep(GLANCE)
    code = os.waitstatus_to_exitcode(status)
    if code == -request["signal"] and not during:
        during = [name for name, active in zip(PHASES, counts.active, strict=True) if active]
    begun = {name: int(count) for name, count in zip(PHASES, counts.begun, strict=True)}
    seconds = {name: float(spent) / max(begun[name], 1) for name, spent in zip(PHASES, counts.spent, strict=True)}
    said = Path(log).read_text() if os.path.exists(log) else ""
    frames = int(counts.cells[0])
    return {"code": code, "said": said, "during": during, "begun": begun, "seconds": seconds, "frames": frames}


def main() -> None:
    """Answer requests until there are no more."""
    log, sizes = sys.argv[1], json.loads(sys.argv[2])
    import av  # noqa: F401
    import cv2
    import timm  # noqa: F401
    import torch
    import torch._dynamo  # optimizers import it with their first step

    import dlcx
    from dlcx.analysis import output_files, tracking, video_analysis
    from dlcx.cli.app import parser
    from dlcx.data import video
    from dlcx.predictors import temporal
    from dlcx.store import chunks
    from dlcx.training import checkpointer, loop

    for module in pkgutil.walk_packages(dlcx.__path__, "dlcx."):  # what a child need not import
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    parser()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for name, value in sizes.items():
        owner, constant = name.split(".")
        setattr({"chunks": chunks, "temporal": temporal, "loop": loop}[owner], constant, value)
    counts = Counts()
    counts.wrap_items(video, "_decode", "decoding")
    counts.wrap(video_analysis.BatchPredictor, "predict", "net", frames=lambda _self, batch: len(batch))
    counts.wrap(chunks.ChunkStore, "close_chunk", "chunk")
    counts.wrap(output_files.VideoResults, "write", "results")
    counts.wrap(tracking.Linking, "link", "tracking")
    counts.wrap(loop.Training, "_learn", "learning")
    counts.wrap(checkpointer, "write_snapshot", "snapshot")
    counts.wrap(loop, "write_state", "state")
    for line in sys.stdin:
        print(json.dumps(ended(json.loads(line), counts, log)), flush=True)


if __name__ == "__main__":
    main()
