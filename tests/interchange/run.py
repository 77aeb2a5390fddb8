"""Check that dlcx and DeepLabCut 3.0.2 give the same results on each other's projects (``make interchange``).

For a network of every family (``cases.py``), on a small copy of a real project, in both directions::

    made by dlcx        create-dataset, train          -> copy -> DeepLabCut evaluates, analyzes, continues training
                                                       -> copy -> dlcx does the same
    made by DeepLabCut  create_training_dataset, train -> copy -> DeepLabCut ...
                                                       -> copy -> dlcx ...

The script compares the results of the two copies: keypoints, likelihoods, boxes, tables, the structure of every file,
names and shapes of the tensors, and pytorch_config.yaml.  DeepLabCut then filters, plots and draws dlcx's predictions
or links its animals, and its pandas 2 reads all h5 files of dlcx.  The script prints all checks and a line per network;
the exit code is 1 if any check fails.

    python tests/interchange/run.py --projects FOLDER [--net resnet_50 ...] [--made-by dlcx] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for fill_weights, which is shared with other tests

import compare
import datasets
from cases import CASES, FAMILIES, SNAPSHOT, Case
from checks import Check, summary, table
from project_copy import fresh_copy, small_copy
from tools import DEEPLABCUT, ROOT, TOOLS, Failed, Tool, train_dir


def one_direction(maker: str, name: str, projects: Path, work: Path) -> list[Check]:
    """Run all checks of a case on the project created by one program."""
    case = CASES[name]
    where = f"{name}, made by {maker}"
    folder = work / name / f"made_by_{maker}"
    tools = {tool: Tool(tool, folder / f"{tool}.log") for tool in TOOLS}
    checks: list[Check] = []

    def stage(what: str, action, *arguments: object) -> bool:
        started = time.monotonic()
        try:
            action(*arguments)
        except Failed as error:
            checks.append(Check(where, what, ok=False, note=str(error)))
            return False
        checks.append(Check(where, what, ok=True, note=f"{time.monotonic() - started:.0f} s"))
        return True

    source = case.source
    made = folder / "made" / source.folder
    clip = small_copy(
        projects / source.folder,
        made,
        images=source.images,
        frames=source.frames,
        size=source.size,
        identity=source.identity,
    ).relative_to(made)
    if not stage(f"{maker} creates{' and trains' if case.trained else ''}", tools[maker].make, made, case):
        return checks
    copies = {tool: fresh_copy(made, folder / f"judged_by_{tool}" / source.folder) for tool in TOOLS}
    judged = [
        stage(f"{tool} evaluates and analyzes", tools[tool].judge, copy, case, copy / clip)
        for tool, copy in copies.items()
    ]
    ours, theirs = copies["dlcx"], copies["deeplabcut"]
    other = next(tool for tool in TOOLS if tool != maker)
    if all(judged):
        checks += compare.all_results(where, case, ours, theirs)
        checks.append(compare.config_left_alone(where, *(train_dir(root, case) for root in (made, copies[other]))))
    if judged[0]:
        stage("deeplabcut processes dlcx's files further", tools["deeplabcut"].downstream, ours, case, ours / clip)
    if case.trained:
        checks += trained_on(where, case, tools[other], copies[other], stage)
    return checks


def trained_on(where: str, case: Case, tool: Tool, project: Path, stage) -> list[Check]:
    """Check that the other program can train one more epoch."""
    folder = train_dir(project, case)
    if not (folder / f"{SNAPSHOT}-{case.epochs:03d}.pt").exists():
        return [Check(where, f"snapshot of epoch {case.epochs}", ok=False, note="missing")]
    if not stage(f"{tool.name} trains on", tool.train_on, project, case):
        return []
    written = " ".join(sorted(path.name for path in folder.glob(f"{SNAPSHOT}*.pt")))
    wanted = [f"{prefix}-{case.epochs + 1:03d}.pt" for prefix in case.prefixes]
    lost = [name for name in wanted if not (folder / name).exists()]
    return [
        Check(where, f"{tool.name} wrote the next snapshot", ok=not lost, note=written),
        *(
            datasets.continued_curve(where, folder / name, case.epochs + 1)
            for name in ("learning_stats.csv", "learning_stats_detector.csv")[: len(case.prefixes)]
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=Path, required=True, help="the folder of the projects that are traded")
    parser.add_argument(
        "--net", action="append", choices=list(CASES), help="repeatable; default: one net of every family"
    )
    parser.add_argument("--made-by", choices=TOOLS, action="append", help="one direction only")
    parser.add_argument("--jobs", type=int, default=2, help="directions at a time, each of a process on one core")
    parser.add_argument("--work", type=Path, default=ROOT / "interchange", help="logs and projects stay there")
    options = parser.parse_args()
    if not DEEPLABCUT.exists():
        parser.error(f"{DEEPLABCUT} is missing; run tests/interchange/make_env.sh")
    names = options.net or FAMILIES
    for folder in sorted({CASES[name].source.folder for name in names}):
        if not (options.projects / folder / "config.yaml").exists():
            parser.error(f"--projects {options.projects} holds no {folder}/config.yaml")

    started = time.monotonic()
    checks: list[Check] = []
    for name in names:
        shutil.rmtree(options.work / name, ignore_errors=True)
        directions = options.made_by or TOOLS
        with ThreadPoolExecutor(options.jobs) as pool:
            jobs = [pool.submit(one_direction, tool, name, options.projects, options.work) for tool in directions]
            found = [check for job in jobs for check in job.result()]
        if len(directions) == 2:
            made = (options.work / name / f"made_by_{tool}" / "made" / CASES[name].source.folder for tool in TOOLS)
            found += datasets.same_datasets(name, CASES[name], *made)
        print(table(found), flush=True)
        checks += found
    print(f"\n{summary(checks)}")
    failed = sum(not check.ok for check in checks)
    print(f"{len(checks) - failed} passed, {failed} failed in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
