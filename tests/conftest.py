"""Fixtures that several rooms share."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

pytest_plugins = ["project_fixtures"]

ROOT = Path(__file__).resolve().parents[1]


#: Signals that tests send, and what a shell in the foreground lets a new process do on them.
DISPOSITIONS = {
    "SIGINT": signal.default_int_handler,
    "SIGTERM": signal.SIG_DFL,
    "SIGUSR1": signal.SIG_DFL,
    "SIGALRM": signal.SIG_DFL,
    "SIGCHLD": signal.SIG_DFL,
}


#: Variables of the caller's environment that change what dlcx does or how its output looks.
OUTSIDE = re.compile(
    r"(DLCX|SLURM|TORCHELASTIC|DASK)_.*|(LOCAL_)?(RANK|WORLD_SIZE)|MASTER_(ADDR|PORT)|NO_COLOR|FORCE_COLOR|PY_COLORS"
    r"|GITHUB_ACTIONS|CLICOLOR.*|TTY_.*|COLUMNS|LINES"
)


def pytest_configure() -> None:
    """The tests, and the processes that they start, know nothing of where they are started.

    Background jobs and some CI runners start their processes with signals ignored, which is inherited.
    """
    for name in list(os.environ):
        if OUTSIDE.fullmatch(name):
            del os.environ[name]
    os.umask(0o022)
    for name, handler in DISPOSITIONS.items():
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [getattr(signal, name) for name in DISPOSITIONS])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs signals, ``fork``, named pipes, pseudo-terminals or bash where there are none."""
    if os.name != "posix":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="needs signals, fork, named pipes, a pseudo-terminal or bash"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Two cores run many tests best with one thread each, and sums come out the same everywhere."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Small numbers that DeepLabCut 3.0.2 produced, copied into the tests."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real projects and bulky golden data beside the checkout; skips where it is missing."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("real projects and bulky golden data (../shared) are not here")
    return folder


@pytest.fixture
def openfield(shared: Path, tmp_path: Path) -> Path:
    """A writable copy of the openfield project: 116 labeled frames of one mouse and a video."""
    target = tmp_path / "openfield-Pranav-2018-10-30"
    shutil.copytree(shared / "data" / "projects" / target.name, target, copy_function=shutil.copyfile)
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    return target


@pytest.fixture(autouse=True)
def _json_fits_its_schema(monkeypatch: pytest.MonkeyPatch):
    """Check each JSON output of a command that runs in this process against the schema of its result."""
    import dlcx.cli.commands as module

    def emit(result: object, *, as_json: bool, **options: object) -> None:
        if as_json and result is not None:
            from json_output import check_result

            check_result(result)
        usual(result, as_json=as_json, **options)

    usual = module.emit
    monkeypatch.setattr(module, "emit", emit)


@pytest.fixture(autouse=True)
def _log_as_before():
    """The command line takes dlcx's log over; the next test hears of it again."""
    logger = logging.getLogger("dlcx")
    before = logger.handlers[:], logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate = before[:2]
    logger.setLevel(before[2])


@pytest.fixture(autouse=True)
def _errors_name_flags():
    """Let errors of the Python functions read as on the command line; tests of their own wording override this."""
    from dlcx.options.entry_points import naming_flags

    with naming_flags():
        yield
