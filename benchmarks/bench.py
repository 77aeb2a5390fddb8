"""How fast is dlcx, beside DeepLabCut 3.0.2 and what the machine can do?  `make bench` prints one table.

    python benchmarks/bench.py [ROW ...] --projects FOLDER [--rounds N] [--folder FOLDER] [--quick]

Every row is a module of benchmarks/speed/rows; without names all are measured.  Each measurement is a process of its
own and is taken once a round, dlcx and DeepLabCut by turns; the table has the medians.  Projects and snapshots stay in
--folder.  DeepLabCut is measured where its environment is (`make interchange-env`).  Times better and shares of limits
are to be compared, not seconds of other machines.
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
    """What it was measured on."""
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
    parser.add_argument("--projects", type=Path, required=True, help="folder of the openfield mouse and of the flies")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "bench")
    parser.add_argument("--python", type=Path, default=HERE.parent / ".venv-deeplabcut" / "bin" / "python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few frames: to see that it runs, not to measure")
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
            missing.append(f"{name}: left out: {reason}")
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
        missing.append(f"DeepLabCut: not measured, no {options.python}: make interchange-env")
    print("\n".join(["", *missing]) if missing else "")
    return 1 if any("failed" in said for said in missing) else 0


if __name__ == "__main__":
    sys.exit(main())
