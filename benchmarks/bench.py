"""Measure the speed of dlcx and compare it with DeepLabCut 3.0.2 and with what the machine allows (`make bench`).

    python benchmarks/bench.py [ROW ...] --projects FOLDER [--rounds N] [--folder FOLDER] [--quick]

Each row is a module of benchmarks/speed/rows.  Without row names, all rows are measured.  Each measurement runs in its
own process, once per round, alternating between dlcx and DeepLabCut; the table shows the medians.  Projects and
snapshots remain in --folder.  DeepLabCut is measured only if its environment exists (`make interchange-env`).  Between
machines, compare the ratios to DeepLabCut and to the limits rather than the seconds.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from speed.rows import NAMES  # noqa: E402
from speed.setting import Setting, Unavailable  # noqa: E402
from speed.table import Row, line, table  # noqa: E402


def machine() -> str:
    """Describe the machine."""
    import torch

    cpu = next(
        (text.split(":")[1].strip() for text in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in text),
        platform.processor(),
    )
    threads = os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return f"{cpu}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}, load {busy}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(NAMES))
    parser.add_argument("--projects", type=Path, required=True, help="folder with the projects openfield and flypair24")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "bench")
    parser.add_argument("--python", type=Path, default=HERE.parent / ".venv-deeplabcut" / "bin" / "python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="use few frames, to test that everything runs")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(NAMES):
        parser.error(f"no row {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    setting = Setting(
        options.projects.resolve(), options.folder.resolve(), options.rounds, options.python.absolute(), options.quick
    )
    print(f"{machine()}; medians of {options.rounds} round(s)\n", flush=True)
    rows: list[Row] = []
    missing = []
    for name in options.rows or NAMES:
        begun = time.monotonic()
        try:
            new = importlib.import_module(f"speed.rows.{name}").measure(setting)
        except Unavailable as reason:
            missing.append(f"{name}: skipped: {reason}")
        except Exception:
            traceback.print_exc()
            missing.append(f"{name}: failed, see above")
        else:
            rows += new
            for row in new:
                print(line(row.cells()), file=sys.stderr, flush=True)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(table(rows))
    if not setting.has_deeplabcut:
        missing.append(f"DeepLabCut: not measured, because {options.python} does not exist; run make interchange-env")
    print("\n".join(["", *missing]) if missing else "")
    return 1 if any("failed" in text for text in missing) else 0


if __name__ == "__main__":
    sys.exit(main())
