"""Test unusual names, folders, streams, environment variables and concurrent commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from campaign.calls.options import CALLS, POSES, TRACKS, VIDEO
from campaign.case import ANY, DONE, EITHER, REFUSED, RIGHT, USAGE, WRONG_CALL, Case, CommandResult
from campaign.checks import exported, json_value, points_of_csv, poses
from campaign.small_projects import LABELS, points_of

BACK = os.pardir


def files(change: Callable[[Path], object]) -> Callable[..., None]:
    """Return a case that changes its folder first."""
    return lambda folder, rng: change(folder)


def missing() -> Iterator[Case]:
    """Return cases with arguments that do not exist, are empty, or are of another kind."""
    nothing = (
        "nowhere",
        "",
        " ",
        ".",
        "..",
        "/",
        "/dev/null",
        "~nobody",
        "\udcff.avi",
        "a\x1b[2Jb",
        "x" * 300,
        "x/" * 3000,
    )
    for command in (
        "analyze-video",
        "add-videos",
        "analyze-images",
        "import-labels",
        "evaluate-tracks",
        "swap-tracks",
        "score-maps",
        "create-labeled-video",
        "filter-predictions",
        "extract-outliers",
    ):
        for turn, name in enumerate(nothing):
            if (turn + len(command)) % 3:
                continue
            words = [name if word in (VIDEO, POSES, TRACKS, CALLS[command][1]) else word for word in CALLS[command]]
            words += ["--from", "3"] if command == "swap-tracks" else []
            shown = name if len(name) < 40 else f"{name[:6]}... ({len(name)} letters)"
            title = f"{command} of {shown!r}".encode("ascii", "backslashreplace").decode()
            yield Case(title, "call: name", (words,), codes=WRONG_CALL, base="one")
    for turn, name in enumerate(nothing):
        command = ("status", "export-labels", "check-labels", "train", "evaluate")[turn % 5]
        words = [name if word == "P" else word for word in CALLS[command]]
        shown = name if len(name) < 40 else f"{name[:6]}... ({len(name)} letters)"
        title = f"{command} --project {shown!r}".encode("ascii", "backslashreplace").decode()
        yield Case(title, "call: name", (words,), codes=WRONG_CALL | RIGHT, names="(?i)project|config|dlcx|x/x|xxx")
    for command, words in CALLS.items():
        if "P" in words:
            made = [word for word in words if word not in ("P", "-p")]
            yield Case(
                f"{command} without a project",
                "call: name",
                (made,),
                codes=WRONG_CALL | RIGHT,
                base="one",
                names="project|argument|poses|video|analy",
            )


def at_the_root(folder: Path) -> None:
    """Return cases in a folder with files instead of subfolders."""
    for name in ("labeled-data", "videos"):
        (folder / "P" / name).rename(folder / f"other-{name}")
        (folder / "P" / name).write_text("a file")


def other_kinds() -> Iterator[Case]:
    """Return cases with files instead of folders, folders instead of files, and circular links."""
    for command in (
        "status",
        "extract-frames",
        "check-labels",
        "export-labels",
        "create-dataset",
        "add-videos",
        "merge-labels",
    ):
        words = (
            CALLS[command]
            if command != "add-videos"
            else ("add-videos", "other-videos/arena.avi", "-p", "P", "--copy-videos")
        )
        yield Case(
            f"{command} with files for folders", "call: place", (words,), files(at_the_root), codes=ANY, base="one"
        )
    outs = {
        "a file": lambda path: path.write_text("mine"),
        "a link to nothing": lambda path: path.symlink_to("nowhere/at/all"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a file as its parent": lambda path: path.parent.joinpath("deep").write_text("mine"),
    }
    commands = {
        "analyze-video": (*CALLS["analyze-video"], "--out", "out"),
        "analyze-images": (*CALLS["analyze-images"], "--out", "out"),
        "export-labels": ("export-labels", "out/labels.json", "-p", "P"),
        "create-project": (*CALLS["create-project"], "--dir", "out"),
        "demo": ("demo", "out"),
        "score-maps": (*CALLS["score-maps"], "--out", "out"),
        "report": ("report", "-p", "P", "--out", "out"),
    }
    for title, make in outs.items():
        for command, words in commands.items():
            name = "deep/out" if title == "a file as its parent" else "out"
            told_words = [word.replace("out", name, 1) if word.startswith("out") else word for word in words]
            if command == "report" and title == "a link to nothing":
                continue
            yield Case(
                f"{command} into {title}",
                "call: place",
                (told_words,),
                files(lambda folder, make=make: make(folder / "out")),
                codes=EITHER,
                names="out",
                base="one",
            )
    loops = ("videos/loop", "labeled-data/loop", "training-datasets/loop", "loop")
    for command in ("status", "check-labels", "create-dataset", "extract-frames"):

        def looped(folder: Path) -> None:
            for name in loops:
                (folder / "P" / name).symlink_to(BACK)

        yield Case(f"{command} with circular links", "call: place", (CALLS[command],), files(looped), codes=ANY)
    yield Case(
        "analyze-video of a folder that links to itself",
        "call: place",
        (("analyze-video", "ring", "-p", "P"),),
        files(lambda folder: ((folder / "ring").mkdir(), (folder / "ring" / "again").symlink_to(BACK))),
        codes=REFUSED,
        names="ring",
    )


def read_only() -> Iterator[Case]:
    """Return cases with read-only folders."""

    def locked(folder: Path) -> None:
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() else 0o444)

    expected: dict[str, Any] = {
        "status": RIGHT,
        "compare": EITHER,
        "evaluate-tracks": RIGHT,
        "list-models": RIGHT,
        "doctor": EITHER,
    }
    for command, words in CALLS.items():
        if command in ("train", "doctor"):
            continue
        words = (*words, "--from", "3") if command == "swap-tracks" else words
        base = "two" if command in ("track", "swap-tracks", "evaluate-tracks", "prune-skeleton") else "one"
        words = tuple(TRACKS if word == POSES else word for word in words)
        yield Case(
            f"{command} in a folder that is read-only",
            "call: place",
            (words,),
            files(locked),
            base=base,
            codes=expected.get(command, EITHER),
            unprivileged=True,
        )

    def hidden(folder: Path) -> None:
        (folder / "P" / f"{LABELS}.h5").chmod(0)

    for command in ("export-labels", "create-dataset", "check-labels"):
        yield Case(
            f"{command} of labels that are not readable",
            "call: place",
            (CALLS[command],),
            files(hidden),
            codes=REFUSED,
            unprivileged=True,
            names="CollectedData_me",
        )


def twice() -> Iterator[Case]:
    """Return cases with repeated arguments and repeated commands."""
    export = ("export-labels", "out.csv", "-p", "P")
    again = {
        "export-labels": ((export, export), EITHER),
        "export-labels --overwrite": ((export, (*export, "--overwrite")), RIGHT),
        "create-dataset": (((*CALLS["create-dataset"], "--shuffle", "3"),) * 2, RIGHT),
        "analyze-video": ((CALLS["analyze-video"], CALLS["analyze-video"]), RIGHT),
        "add-videos": ((CALLS["add-videos"], CALLS["add-videos"]), RIGHT),
        "create-project": ((CALLS["create-project"], CALLS["create-project"]), EITHER),
        "filter-predictions": ((CALLS["filter-predictions"], CALLS["filter-predictions"]), EITHER),
        "report": ((CALLS["report"], CALLS["report"]), RIGHT),
        "evaluate": ((CALLS["evaluate"], CALLS["evaluate"]), RIGHT),
        "plot-trajectories": ((CALLS["plot-trajectories"], CALLS["plot-trajectories"]), RIGHT),
        "analyze-images": ((CALLS["analyze-images"], CALLS["analyze-images"]), EITHER),
    }
    for title, (calls, codes) in again.items():
        yield Case(f"{title} again", "call: twice", calls, codes=codes)
    for command in (
        "analyze-video",
        "add-videos",
        "filter-predictions",
        "create-labeled-video",
        "report",
        "extract-frames",
    ):
        words = [*CALLS[command]]
        words += [VIDEO, "./P/videos/../videos/arena.avi"]
        yield Case(f"{command} of one video three times", "call: twice", (words,), codes=EITHER)
    swapped = (*CALLS["swap-tracks"], "--from", "3")

    def unchanged(folder: Path, _: CommandResult) -> str | None:
        same = np.array_equal(poses(folder / TRACKS), poses(folder / "before.h5"), equal_nan=True)
        return None if same else "two swaps are no swap"

    def keep(folder: Path) -> None:
        (folder / "before.h5").write_bytes((folder / TRACKS).read_bytes())

    yield Case(
        "swap-tracks there and back",
        "call: twice",
        (swapped, swapped),
        files(keep),
        base="two",
        codes=RIGHT,
        check=unchanged,
    )
    yield Case(
        "swap-tracks of one with itself",
        "call: twice",
        (("swap-tracks", TRACKS, "ann", "ann", "--from", "3"),),
        base="two",
        codes=REFUSED,
        names="ann",
    )
    yield Case(
        "evaluate-tracks of a table with itself",
        "call: twice",
        (("evaluate-tracks", TRACKS, TRACKS, "--json"),),
        base="two",
        codes=EITHER,
    )


#: Commands that only read, with a check of their output.
READING: dict[str, tuple[tuple[str, ...], Any]] = {
    "export-labels": (("export-labels", "out.csv", "-p", "P"), exported()),
    "status --json": (("status", "-p", "P", "--json"), None),
    "help": (("--help",), None),
    "analyze-video --help": (("analyze-video", "--help"), None),
    "list-models --json": (("list-models", "--json"), None),
}


def environment() -> Iterator[Case]:
    """Return cases with environment variables and closed streams."""
    variables: dict[str, dict[str, str | None]] = {
        "no HOME": {"HOME": None},
        "a HOME that is missing": {"HOME": "/nowhere"},
        "a HOME that is a file": {"HOME": "/etc/passwd"},
        "an empty HOME": {"HOME": ""},
        "a TMPDIR that is missing": {"TMPDIR": "/nowhere"},
        "a TMPDIR that is a file": {"TMPDIR": "/etc/passwd"},
        "no PATH": {"PATH": None},
        "LANG=C": {"LANG": "C", "LC_ALL": "C"},
        "an unknown LANG": {"LANG": "xx_YY.ISO-8859-77", "LC_ALL": None},
        "decimal commas": {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"},
        "no LANG": {"LANG": None, "LC_ALL": None, "LC_CTYPE": None},
        "COLUMNS=0": {"COLUMNS": "0"},
        "COLUMNS=1": {"COLUMNS": "1"},
        "COLUMNS=-5": {"COLUMNS": "-5"},
        "COLUMNS of text": {"COLUMNS": "wide"},
        "COLUMNS=100000": {"COLUMNS": "100000"},
        "no TERM": {"TERM": None},
        "an unknown TERM": {"TERM": "martian"},
        "FORCE_COLOR": {"FORCE_COLOR": "1", "NO_COLOR": "1"},
        "PYTHONIOENCODING=ascii": {"PYTHONIOENCODING": "ascii"},
        "PYTHONUTF8=0 in C": {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        "PYTHONWARNINGS=error": {"PYTHONWARNINGS": "error::UserWarning"},
        "OMP_NUM_THREADS=0": {"OMP_NUM_THREADS": "0"},
        "OMP_NUM_THREADS of text": {"OMP_NUM_THREADS": "many"},
        "TZ of text": {"TZ": "Nowhere/Here"},
        "DLCX_PROJECT that is missing": {"DLCX_PROJECT": "/nowhere"},
        "an empty DLCX_PROJECT": {"DLCX_PROJECT": ""},
        "MPLBACKEND of text": {"MPLBACKEND": "paper"},
        "CUDA_VISIBLE_DEVICES of text": {"CUDA_VISIBLE_DEVICES": "gpu"},
    }
    readings = list(READING.items())
    for turn, (title, environ) in enumerate(variables.items()):
        for shift in (0, 1):
            name, (words, check) = readings[(turn + 2 * shift) % len(readings)]
            yield Case(
                f"{name} with {title}",
                "call: environment",
                (words,),
                environment=environ,
                own_process=True,
                codes=RIGHT,
                check=check,
                quiet=words[0] == "export-labels",
            )
    made = {
        "analyze-video": (("analyze-video", VIDEO, "-p", "P", "--out", "out"), ["HOME", "TMPDIR"]),
        "plot-trajectories": (("plot-trajectories", VIDEO, "-p", "P"), ["HOME", "MPLBACKEND"]),
        "create-labeled-video": (("create-labeled-video", VIDEO, "-p", "P"), ["TMPDIR"]),
        "create-dataset": (
            ("create-dataset", "-p", "P", "--net-type", "timm/test_resnet", "--weights", "none", "--shuffle", "3"),
            ["HOME"],
        ),
        "report": (("report", VIDEO, "-p", "P"), ["MPLBACKEND", "HOME"]),
    }
    for command, (words, names) in made.items():
        for name in names:
            environ = {name: {"HOME": "/nowhere", "TMPDIR": "/nowhere", "MPLBACKEND": "paper"}[name]}
            yield Case(
                f"{command} with {name}={environ[name]}",
                "call: environment",
                (words,),
                environment=environ,
                own_process=True,
                codes=EITHER,
            )
    for closed in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
        for name in ("export-labels", "status --json"):
            words, check = READING[name]
            yield (
                Case(
                    f"{name} without open streams {', '.join(map(str, closed))}",
                    "call: environment",
                    (words,),
                    closed=closed,
                    own_process=True,
                    codes=RIGHT,
                    check=check,
                    quiet=False,
                )
                if name == "export-labels" or 1 not in closed
                else Case(
                    f"{name} without open streams {', '.join(map(str, closed))}",
                    "call: environment",
                    (words[:-1],),
                    closed=closed,
                    own_process=True,
                    codes=RIGHT,
                    quiet=False,
                )
            )


def names() -> Iterator[Case]:
    """Return cases with unusual folder and file names."""
    odd = (
        "a b",
        "žába 🐸",
        "-p",
        "--help",
        "a'b\"c",
        "$HOME",
        "%s",
        "a\nb",
        "a\tb",
        "\udce9t\udce9",
        "*",
        "[x]",
        "x" * 200,
        "~",
        "a:b",
        "#1",
        "\x1b[31mred",
        "con.",
        "a\\b",
        "{}",
    )
    for turn, name in enumerate(odd):
        shown = name if len(name) < 40 else f"{name[:3]}... ({len(name)} letters)"
        title = ascii(shown)[1:-1]

        def renamed(folder: Path, name: str = name) -> None:
            (folder / "P").rename(folder / name)
            config = folder / name / "config.yaml"
            config.write_text(config.read_text().replace(str(folder / "P"), "/elsewhere"))

        for shift, words in enumerate(
            (
                ("export-labels", "out.csv", f"--project=./{name}"),
                ("status", f"--project=./{name}", "--json"),
                ("analyze-video", f"./{name}/videos/arena.avi", f"--project=./{name}", "--out", "out", "--json"),
            )
        ):
            if shift and (turn + shift) % 2:
                continue
            yield Case(
                f"{words[0]} in a project called {title}",
                "call: name",
                (words,),
                files(renamed),
                # HDF5 requires UTF-8 names; the shell expands a tilde before dlcx sees it
                codes=EITHER if "\\udc" in title or name == "~" else RIGHT,
                check=exported() if not shift else None,
            )

        def video(folder: Path, name: str = name) -> None:
            (folder / "P" / "videos" / "arena.avi").rename(folder / f"{name}.avi")

        if "\\" not in name:
            words = ("analyze-video", f"./{name}.avi", "-p", "P", "--out", "out", "--json")
            codes = EITHER | RIGHT
            yield Case(
                f"analyze-video of a video called {title}.avi", "call: name", (words,), files(video), codes=codes
            )


def as_json() -> Iterator[Case]:
    """Return cases with --json, for errors and results."""
    wrong: dict[str, tuple[tuple[str, ...], frozenset[int]]] = {
        "an unknown command": (("analyse", "--json"), frozenset({USAGE})),
        "an unknown option": (("status", "--json", "--fast"), frozenset({USAGE})),
        "a missing argument": (("analyze-video", "--json"), frozenset({USAGE})),
        "a number of text": (("train", "--epochs", "x", "--json"), frozenset({USAGE})),
        "a missing project": (("status", "-p", "nowhere", "--json"), REFUSED),
        "a missing video": (("analyze-video", "nowhere.avi", "-p", "P", "--json"), REFUSED),
        "a name of control characters": (("analyze-video", "a\x1b[31mb\x07.avi", "-p", "P", "--json"), REFUSED),
        "a name that is not UTF-8": (("analyze-video", "caf\udce9.avi", "-p", "P", "--json"), REFUSED),
        "a shuffle that is missing": (("evaluate", "-p", "P", "--shuffle", "7", "--json"), REFUSED),
        "an unknown net": (("create-dataset", "-p", "P", "--shuffle", "7", "--net-type", "resnet", "--json"), REFUSED),
        "quotes in a value": (
            ("create-dataset", "-p", "P", "--shuffle", "7", "--net-type", 'a"b\\c', "--json"),
            REFUSED,
        ),
        "--json twice": (("status", "-p", "nowhere", "--json", "--json"), REFUSED),
        "no command": (("--json",), frozenset({USAGE})),
    }
    for title, (words, codes) in wrong.items():
        yield Case(title, "call: --json", (words,), codes=codes)
    for command, words in CALLS.items():
        if command in (
            "demo",
            "train",
            "doctor",
            "swap-tracks",
            "prune-skeleton",
            "track",
            "merge-parts",
            "evaluate-tracks",
        ):
            continue
        yield Case(f"{command} --json", "call: --json", ((*words, "--json"),), codes=EITHER)
    yield Case(
        "evaluate --json prints the shuffle",
        "call: --json",
        (("evaluate", "-p", "P", "--json"),),
        codes=RIGHT,
        check=json_value("evaluated.0.shuffle", 1),
    )


def at_once() -> Iterator[Case]:
    """Return cases with commands that write the same files in parallel."""

    def same_labels(folder: Path, _: CommandResult) -> str | None:
        return None if points_of_csv(folder / "out.csv") == points_of() else "other labels"

    export = ("export-labels", "out.csv", "-p", "P", "--overwrite")
    yield Case("four export-labels", "call: at once", (export,) * 4, together=True, codes=EITHER, check=same_labels)
    dataset = ("create-dataset", "-p", "P", "--net-type", "timm/test_resnet", "--weights", "none")
    several = tuple((*dataset, "--shuffle", str(number)) for number in (2, 3, 4))

    def shuffles(folder: Path, _: CommandResult) -> str | None:
        import yaml

        path = next((folder / "P").glob("training-datasets/*/*/metadata.yaml"))
        found = sorted(entry["index"] for entry in yaml.safe_load(path.read_text())["shuffles"].values())
        return None if found == [1, 2, 3, 4] else f"shuffles {found}"

    yield Case("three create-dataset", "call: at once", several, together=True, codes=RIGHT, check=shuffles)
    yield Case("two create-dataset of one shuffle", "call: at once", (several[0],) * 2, together=True, codes=EITHER)
    analyze = ("analyze-video", VIDEO, "-p", "P", "--out", "out")
    yield Case("two analyze-video", "call: at once", (analyze,) * 2, together=True, codes=EITHER)
    fraction = tuple((*dataset, "--shuffle", str(number), "--train-fraction", f"0.{number}") for number in (6, 7, 8))

    def fractions(folder: Path, _: CommandResult) -> str | None:
        import yaml

        found = yaml.safe_load((folder / "P" / "config.yaml").read_text())["TrainingFraction"]
        return None if sorted(found) == [0.5, 0.6, 0.7, 0.8] else f"TrainingFraction {found}"

    yield Case(
        "three create-dataset of new fractions", "call: at once", fraction, together=True, codes=RIGHT, check=fractions
    )
    evaluate = ("evaluate", "-p", "P")
    yield Case("two evaluate", "call: at once", (evaluate,) * 2, together=True, codes=EITHER)
    assert DONE == 0


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    for part in (missing, other_kinds, read_only, twice, environment, names, as_json, at_once):
        yield from part()
