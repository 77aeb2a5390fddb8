"""The page on adding a command: its example works in a copy of the package as it stands on the page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-command.md").read_text(encoding="utf-8")
#: Makes the calls that the test names, then runs the test functions of the page on the project.
CALLS = """
import json, sys
from pathlib import Path
from dlcx.cli.app import run
from dlcx.options.entry_points import naming_flags

project, *calls = json.loads(sys.argv[1])
print(json.dumps([run([*call, "--project", project]) for call in calls]))
tests = {}
exec(Path("page_tests.py").read_text(encoding="utf-8"), tests)
with naming_flags():  # as tests/conftest.py has it
    print(sorted(name for name, test in tests.items() if name.startswith("test_") and test(Path(project)) is None))
"""


def block(path: str) -> str:
    """The Python code that follows the mention of a file."""
    return re.search(rf"`{re.escape(path)}`:?\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package with the command of the page."""
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "dlcx", root / "dlcx", ignore=shutil.ignore_patterns("__pycache__", "*.mp4"))
    (root / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "option_keywords.py", root / "docs")
    for path in ("dlcx/options/commands/count_labels.py", "dlcx/workflow/count_labels.py"):
        assert not (root / path).exists()
        (root / path).write_text(block(path), encoding="utf-8")
    package = root / "dlcx" / "__init__.py"
    text = package.read_text(encoding="utf-8")
    entry = '    "check_labels",\n'
    assert text.count(entry) == 2, "COMMANDS and __all__"
    package.write_text(text.replace(entry, f'{entry}    "count_labels",\n'), encoding="utf-8")
    (root / "page_tests.py").write_text(block("tests/workflow/test_count_labels.py"), encoding="utf-8")
    return root


def test_the_example_is_a_command(copied: Path, project: Path):
    environment = {**os.environ, "PYTHONPATH": str(copied)}
    subprocess.run([sys.executable, copied / "docs" / "option_keywords.py"], check=True, env=environment)
    keywords = (copied / "dlcx" / "options" / "keywords.py").read_text(encoding="utf-8")
    assert re.search(r"class CountLabelsKeywords\(.*\):\n(    .*\n)*    below: int \| None\n", keywords)

    calls = [
        ["count-labels", "--json"],
        ["count-labels", "--bodypart", "snout"],
        ["count-labels", "--below", "0"],
        ["count-labels", "--bodypart", "tale"],
        ["help", "count-labels"],
    ]
    words = [sys.executable, "-c", CALLS, json.dumps([str(project), *calls])]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=copied)
    assert done.returncode == 0, done.stderr
    printed, codes, tested = re.fullmatch(r"(.*)^(\[0, .*?\])\n(.*)\n", done.stdout, re.MULTILINE | re.DOTALL).groups()
    assert json.loads(codes) == [0, 0, 2, 3, 0]
    found, end = json.JSONDecoder().raw_decode(printed)
    counts = {count["bodypart"]: count["images"] for count in found["bodyparts"]}
    assert found["images"] == 8
    assert next(iter(counts)) == "snout"
    rest = printed[end:]
    assert f"images: 8\nsnout: {counts['snout']}\n" in rest
    assert "Count the labeled images of each bodypart." in rest
    assert re.search(r"--below N +List only bodyparts with fewer labeled images", rest)
    assert "--bodypart tale: config.yaml has no such bodypart" in done.stderr
    assert tested == "['test_an_unknown_bodypart_is_refused', 'test_images_are_counted_by_bodypart']"
