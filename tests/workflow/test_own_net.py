"""The package in examples/own_net, as if it were installed: found, trained, and put through the tests of all nets."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dlcx.cli.app import run
from dlcx.nets import registry

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "examples" / "own_net"
NAME = "small_unet"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders of a search path on which the package is, with the entry points that its pyproject.toml declares."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / f"own_net-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    folders = [str(info.parent), str(PACKAGE)]
    for folder in folders:
        monkeypatch.syspath_prepend(folder)
    registry._families.cache_clear()
    yield folders
    registry._families.cache_clear()


def test_it_is_listed_configured_and_trained(installed, project, capsys):
    assert run(["list-models", "--json", "--kind", "multi"]) == 0
    (listed,) = [net for net in json.loads(capsys.readouterr().out)["models"] if net["name"] == NAME]
    assert listed["family"] == NAME
    where = ["--project", str(project), "--shuffle", "7"]
    assert run(["create-dataset", *where, "--net-type", NAME, "--weights", "none"]) == 0
    crop = ["--set", "data.train.crop_sampling.width=128", "--set", "data.train.crop_sampling.height=128"]
    assert (
        run(["train", *where, "--epochs", "2", "--batch-size", "1", "--device", "cpu", *crop]) == 0
    )  # 6 images: 12 steps
    folder = next((project / "dlc-models-pytorch" / "iteration-0").glob("*shuffle7")) / "train"
    assert (folder / "snapshot-002.pt").is_file() or (folder / "snapshot-best-002.pt").is_file()
    assert "SmallUnet" in run_evaluation(where, capsys)


def run_evaluation(where: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(["evaluate", *where]) == 0
    return capsys.readouterr().out


def test_the_tests_that_walk_the_registry_cover_it(installed):
    checks = ["test_registry.py", "test_learning.py", "test_own_cases.py"]
    path = os.pathsep.join([*installed, str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-k", f"{NAME} or own_cases or listing"]
        + [f"tests/nets/{name}" for name in checks],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = [line.partition("::")[2] for line in done.stdout.splitlines() if line.startswith("PASSED")]
    assert {
        f"test_parameters_gflops_and_stride[{NAME}]",
        f"test_the_loss_halves[{NAME}]",
        "test_nets_that_deeplabcut_does_not_know_bring_a_case_of_their_own",
        "test_listing_imports_nothing_heavy",
    } <= set(passed)
