from __future__ import annotations

import json
from importlib import metadata

import pytest

from dlcx.cli.app import run
from dlcx.workflow import doctor as module
from dlcx.workflow.doctor import doctor


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch):
    """What pyproject.toml says, whichever version of it is installed."""
    wanted = ["torch>=2.4", "numpy>=1.26", "av>=14", 'pytest>=8; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", lambda _: wanted)


def by_name() -> dict[str, module.Check]:
    return {check.name: check for check in doctor().checks}


def test_a_sound_machine(capsys: pytest.CaptureFixture[str]):
    checks = by_name()
    assert {"dlcx", "python", "torch", "numpy", "cpu", "threads", "read h264", "read hevc", "h5"} <= set(checks)
    assert "pytest" not in checks
    assert checks["read h264"].text == "12 frames"
    assert "mp4v" in checks["write"].text
    assert [check for check in checks.values() if check.state == "bad"] == []
    assert run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checks"][0]["name"] == "dlcx"


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    wanted = ["numpy>=99", "no-such-thing>=1", 'no-such-extra>=2; extra == "nwb"']
    monkeypatch.setattr(metadata, "requires", lambda _: wanted)
    monkeypatch.setattr(module, "_read_back", lambda path: "frames are wrong")
    assert run(["doctor"]) == 4
    out, err = capsys.readouterr()
    lines = {line.split()[1]: line for line in out.splitlines()}
    assert lines["numpy"].startswith("bad ")
    assert "missing, needed: >=1" in lines["no-such-thing"]
    assert any(line.startswith("note  extra nwb") and "no-such-extra" in line for line in out.splitlines())
    assert any(line.startswith("bad   read h264") for line in out.splitlines())
    assert "hint: no-such-thing: pip install 'no-such-thing>=1'" in err
    assert "dlcx[nwb]" in err


def test_what_breaks_is_a_line_and_no_traceback(monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise OSError("no such driver")

    monkeypatch.setattr(module, "_devices", fail)
    result = doctor()
    assert result.exit_code == 4
    assert any("no such driver" in check.text for check in result.checks)


def test_another_build_of_opencv_will_do(monkeypatch: pytest.MonkeyPatch):
    versions = {"opencv-python-headless": "5.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    assert module._installed("opencv-python>=4.9") == module.Check("opencv-python", "ok", "5.0")


@pytest.mark.parametrize(
    ("driver", "cuda", "text", "hint"),
    [
        (True, None, "an NVIDIA driver is installed, but torch sees no CUDA device", "CUDA build of torch"),
        (True, "13.0", "an NVIDIA driver is installed, but torch sees no CUDA device", "CUDA build of torch"),
        (False, "13.0", "built for CUDA 13.0", module.CPU_BUILD),
        (False, None, "none: training takes hours on a CPU", ""),
    ],
)
def test_a_machine_without_a_gpu_is_led_to_the_build_that_fits(driver, cuda, text, hint):
    check = module._without_gpu(driver=driver, cuda=cuda)
    assert check.state == "note"
    assert text in check.text
    assert hint in check.hint
    assert bool(check.hint) == bool(hint)
