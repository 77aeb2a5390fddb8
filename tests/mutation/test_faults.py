"""The faults of the mutation campaign are real, valid and the same in every run."""

from __future__ import annotations

import ast
from pathlib import Path

from mutation.faults import faults_of, sample

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '''"""Text."""

def clip(value: int = 3, *, strict: bool = False) -> int:
    """Not 1 < 2."""
    if value < 0 and not strict:
        raise ValueError(f"{value} + 1 is below 0")
    log.info("1")
    update(value)
    return value - 1
'''


def test_each_kind_of_fault_is_found_and_messages_are_left_alone(tmp_path: Path):
    path = tmp_path / "dlcx" / "clip.py"
    path.parent.mkdir()
    path.write_text(SOURCE, encoding="utf-8")
    changed = {
        fault.kind + ": " + fault.apply(SOURCE).splitlines()[fault.line - 1].strip()
        for fault in faults_of(path, tmp_path)
    }
    assert changed == {
        "constant: def clip(value: int = 4, *, strict: bool = False) -> int:",
        "constant: def clip(value: int = 3, *, strict: bool = True) -> int:",
        "comparison: if value <= 0 and not strict:",
        "constant: if value < 1 and not strict:",
        "boolean: if value < 0 or not strict:",
        "negation: if value < 0 and strict:",
        "dropped call: pass",
        "operator: return value + 1",
        "constant: return value - 2",
    }


def test_a_sample_covers_every_package_and_is_valid_python():
    faults = sample(ROOT, 60, 1)
    packages = {path.name for path in (ROOT / "dlcx").iterdir() if (path / "__init__.py").is_file()}
    assert {Path(fault.path).parts[1] for fault in faults} >= packages
    assert [fault.name for fault in faults] == [fault.name for fault in sample(ROOT, 60, 1)]
    for fault in faults:
        source = (ROOT / fault.path).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(fault.apply(source))) != ast.dump(ast.parse(source))
