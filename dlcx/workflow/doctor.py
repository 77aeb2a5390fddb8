"""Diagnose the installation: versions, devices, threads, codecs, extras and disk space."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from dlcx.errors import DlcxError
from dlcx.operating_system import usable_cores

State = Literal["ok", "note", "bad"]
#: Free space in bytes below which a note is shown.
LITTLE_SPACE = 5 * 2**30
#: Number of frames in the test videos.
FRAMES = 12
SAMPLES = ("h264", "hevc")
#: Command that installs PyTorch without CUDA libraries.
CPU_BUILD = "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu"
#: Alternative distributions of the same package.
_TWINS = {"opencv-python": ("opencv-python-headless", "opencv-contrib-python")}


@dataclass(frozen=True)
class Check:
    """Result of one check: ``ok``, ``note`` (slow, or an optional part is missing) or ``bad``."""

    name: str
    state: State
    text: str
    hint: str = ""


@dataclass(frozen=True)
class DoctorResult:
    """All checks, in order."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """4 if a check is ``bad``, else 0."""
        return 4 if any(check.state == "bad" for check in self.checks) else 0

    @property
    def next_steps(self) -> tuple[str, ...]:
        """How to fix the problems found."""
        return tuple(f"{check.name}: {check.hint}" for check in self.checks if check.hint)

    def lines(self) -> list[str]:
        """Lines of the text output, one per check."""
        width = max(len(check.name) for check in self.checks)
        return [f"{check.state:4}  {check.name:{width}}  {check.text}" for check in self.checks]


def doctor() -> DoctorResult:
    """Check that this machine has what dlcx needs.

    The checks import packages, run computations, and write and read temporary files.  They change no settings and need
    no internet access.

    Returns
    -------
    DoctorResult
        The result of each check.
    """
    checks: list[Check] = []
    for run_check in (_versions, _devices, _threads, _codecs, _poses, _extras, _space):
        try:
            checks += run_check()
        except Exception as error:  # report any failure as the result of the check
            checks.append(Check(run_check.__name__.strip("_"), "bad", f"{type(error).__name__}: {error}"))
    return DoctorResult(tuple(checks))


def _versions() -> Iterator[Check]:
    """Versions of dlcx, Python and the required packages."""
    from dlcx import __version__

    yield Check("dlcx", "ok", f"{__version__}, {Path(__file__).parents[1]}")
    where = "in a virtual environment" if sys.prefix != sys.base_prefix else sys.prefix
    yield Check("python", "ok", f"{platform.python_version()}, {platform.platform(terse=True)}, {where}")
    for requirement in _requirements():
        if not requirement[1]:
            yield _installed(requirement[0])


def _requirements() -> list[tuple[str, str]]:
    """The requirements of dlcx, each with its extra (empty for required packages)."""
    from packaging.requirements import Requirement

    try:
        wanted = metadata.requires("dlcx") or []
    except metadata.PackageNotFoundError:
        raise DlcxError("dlcx is not installed, only found on the path") from None
    found = []
    for text in wanted:
        requirement = Requirement(text)
        extra = str(requirement.marker).rpartition("extra == ")[2].strip("\"'") if requirement.marker else ""
        found.append((f"{requirement.name}{requirement.specifier}", extra))
    return found


def _installed(wanted: str) -> Check:
    """Check that a package is installed in a compatible version."""
    from packaging.requirements import Requirement

    requirement = Requirement(wanted)
    command = f"pip install '{wanted}'"
    version = None
    for name in (requirement.name, *_TWINS.get(requirement.name, ())):
        with suppress(metadata.PackageNotFoundError):
            version = version or metadata.version(name)
    if version is None:
        return Check(requirement.name, "bad", f"missing, needed: {requirement.specifier}", command)
    if not requirement.specifier.contains(version, prereleases=True):
        return Check(requirement.name, "bad", f"{version}, needed: {requirement.specifier}", command)
    return Check(requirement.name, "ok", version)


def _devices() -> Iterator[Check]:
    """Run a convolution on each device that PyTorch finds."""
    import torch

    names = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    names += ["mps"] if torch.backends.mps.is_available() else []
    for name in names:
        title = torch.cuda.get_device_name(name) if name.startswith("cuda") else platform.processor()
        try:
            speed = _speed(name)
        except RuntimeError as error:
            yield Check(name, "bad", f"{title}: {str(error).splitlines()[0]}", "Install a torch built for this device.")
            continue
        memory = ""
        if name.startswith("cuda"):
            memory = f", {torch.cuda.get_device_properties(name).total_memory / 2**30:.0f} GiB"
        yield Check(name, "ok", f"{f'{title}, ' if title else ''}{speed / 1e9:.0f} GFLOP/s in a convolution{memory}")
    if len(names) == 1:
        nvidia = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists()
        yield _without_gpu(driver=bool(nvidia), cuda=torch.version.cuda)


def _without_gpu(*, driver: bool, cuda: str | None) -> Check:
    """Explain why PyTorch, built for CUDA version ``cuda`` (None: for CPUs), finds no GPU."""
    if driver:
        hint = "Install the CUDA build of torch that fits the driver; pytorch.org prints the command."
        return Check("gpu", "note", "an NVIDIA driver is installed, but torch sees no CUDA device", hint)
    text = "none: training takes hours on a CPU"
    if cuda:
        text += f"; torch is built for CUDA {cuda}, whose libraries take gigabytes and are not used here"
        return Check(
            "gpu", "note", text, f"To save the space, install the CPU build first in a new environment: {CPU_BUILD}"
        )
    return Check("gpu", "note", text)


def _speed(device: str) -> float:
    """Floating-point operations per second in a 3 x 3 convolution with 64 channels, typical of networks."""
    import torch

    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(device).eval()
    image = torch.zeros(1, 64, 96, 96, device=device)
    wait: Callable[[], object] = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    with torch.inference_mode():
        layer(image)
        wait()
        started, count = time.perf_counter(), 0
        while count < 3 or time.perf_counter() - started < 0.1:
            layer(image)
            count += 1
        wait()
        elapsed = time.perf_counter() - started
    return count * 2 * 64 * 64 * 9 * 96 * 96 / elapsed


def _threads() -> Iterator[Check]:
    """Number of CPU cores and of PyTorch threads."""
    import torch

    cores = usable_cores()
    used = torch.get_num_threads()
    text = f"{used} of {cores} cores for torch"
    named = ", ".join(
        f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ
    )
    if named:
        text += f" ({named})"
    quota = _quota()
    if quota and quota < cores:
        text += f", this container may use {quota:g}"
        cores = max(1, round(quota))
    if used > cores:
        yield Check(
            "threads", "note", text, f"Set OMP_NUM_THREADS={cores}: more threads than cores slow each other down."
        )
    elif named and used < cores // 2:
        yield Check("threads", "note", text, f"Set OMP_NUM_THREADS={cores} to use them all, unless others share them.")
    else:
        yield Check("threads", "ok", text)


def _quota() -> float | None:
    """CPU quota of the control group (of a container) in cores; None if unlimited."""
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def _codecs() -> Iterator[Check]:
    """Decode and encode test videos; each frame is identified by its gray level."""
    from dlcx.visuals.video_writer import OPENCV_CODECS, default_codec

    hint = "Install opencv-python from PyPI, whose ffmpeg has the codecs."
    samples = Path(__file__).parents[1] / "data" / "samples"
    read = {name: _read_back(samples / f"{name}.mp4") for name in SAMPLES}
    broken = {name: fault for name, fault in read.items() if fault}
    for name in SAMPLES:
        yield Check(
            f"read {name}", "bad" if read[name] else "ok", read[name] or f"{FRAMES} frames", hint if read[name] else ""
        )
    written = {codec: _write_and_read(codec) for codec in OPENCV_CODECS}
    good = [codec for codec, fault in written.items() if not fault]
    yield Check("write", "ok" if good else "bad", " ".join(good) or "nothing", "" if good else hint)
    broken = {codec: fault for codec, fault in written.items() if fault}
    for codec, fault in broken.items():
        yield Check(f"write {codec}", "bad" if codec == "mp4v" else "note", fault, hint)
    codec = default_codec()
    fault = _write_and_read(codec)
    if codec == "mp4v":
        fault = "PyAV has no encoder, so labeled videos are MPEG-4, which browsers do not play"
    yield Check("write h264", "note" if fault else "ok", fault or codec)


def _write_and_read(codec: str) -> str:
    """Write and read a test video with a codec; return the error, or an empty string."""
    import numpy as np

    from dlcx.visuals.video_writer import video_suffix, write_video

    images = [np.full((64, 64, 3), 20 * number, np.uint8) for number in range(FRAMES)]
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = Path(folder) / f"tiny{video_suffix(codec)}"
            write_video(path, images, fps=25, size=(64, 64), codec=codec)
        except DlcxError as error:
            return f"{error}"
        return _read_back(path)


def _read_back(path: Path) -> str:
    """Read a test video whose frame n has gray level 20 n; return the error, or an empty string."""
    import numpy as np

    from dlcx.data.video import open_video, read_frames

    try:
        video = open_video(path)
        images = np.concatenate([batch.images for batch in read_frames(video, 5)])
    except DlcxError as error:
        return str(error)
    seen = images.mean((1, 2, 3))
    if len(seen) != FRAMES:
        return f"{len(seen)} of {FRAMES} frames"
    wrong = int((np.abs(seen - 20 * np.arange(FRAMES)) > 8).sum())
    return f"{wrong} of {FRAMES} frames are wrong" if wrong else ""


def _poses() -> Iterator[Check]:
    """Write and read a pose file, which can fail because of HDF5 libraries and file systems."""
    import numpy as np

    from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
    from dlcx.poses import Layout, Tracks

    tracks = Tracks(
        Layout(("nose",)), np.arange(6, dtype=np.float32).reshape(3, 1, 1, 2), np.ones((3, 1, 1), np.float32)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "poses.h5"
        write_predictions(tracks, path, "doctor")
        same = np.array_equal(read_predictions(path).xy, tracks.xy)
    yield Check("h5", "ok" if same else "bad", "written and read" if same else "reads back otherwise than written")


def _extras() -> Iterator[Check]:
    """Check which optional extras are installed."""
    by_extra: dict[str, list[Check]] = {}
    for wanted, extra in _requirements():
        if extra and extra not in ("dev", "docs", "all"):
            by_extra.setdefault(extra, []).append(_installed(wanted))
    for extra, parts in by_extra.items():
        missing = [part.name for part in parts if part.state == "bad"]
        text = f"missing: {', '.join(missing)}" if missing else ", ".join(f"{part.name} {part.text}" for part in parts)
        hint = f"pip install 'dlcx[{extra}]' where it is wanted" if missing else ""
        yield Check(f"extra {extra}", "note" if missing else "ok", text, hint)


def _space() -> Iterator[Check]:
    """Free disk space in the working folder and the temporary folder."""
    for name, folder in (("working folder", Path.cwd()), ("temporary folder", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        is_low = free < LITTLE_SPACE
        text = f"{folder}, {free / 2**30:.0f} GiB free{'' if os.access(folder, os.W_OK) else ', not writable'}"
        yield Check(name, "note" if is_low else "ok", text, "Analyses and snapshots need gigabytes." if is_low else "")
