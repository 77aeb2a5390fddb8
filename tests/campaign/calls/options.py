"""Test every option of every command with values at and beyond its limits, and with unexpected text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from campaign.case import ANY, WRONG_CALL, Case

VIDEO = "P/videos/arena.avi"
POSES = "P/videos/arenaDLC_TimmTestResnet_campJan1shuffle1_snapshot_10.h5"
TRACKS = "P/videos/arenaDLC_TimmTestResnet_campJan1shuffle1_snapshot_10_el.h5"
#: Arguments of each command that succeed or fail quickly.
CALLS: dict[str, tuple[str, ...]] = {
    "demo": ("demo", "D"),
    "create-project": ("create-project", "new", "Ann", VIDEO),
    "add-videos": ("add-videos", VIDEO, "-p", "P"),
    "extract-frames": ("extract-frames", "-p", "P"),
    "check-labels": ("check-labels", "-p", "P"),
    "import-labels": ("import-labels", "P/labeled-data/arena/CollectedData_me.csv", "-p", "P"),
    "export-labels": ("export-labels", "out.json", "-p", "P"),
    "create-dataset": ("create-dataset", "-p", "P", "--net-type", "timm/test_resnet", "--weights", "none"),
    "train": ("train", "-p", "P", "--epochs", "10"),
    "prune-skeleton": ("prune-skeleton", "-p", "P"),
    "evaluate": ("evaluate", "-p", "P"),
    "compare": ("compare", "-p", "P", "1", "1"),
    "score-maps": ("score-maps", "P/labeled-data/arena/img000.png", "-p", "P"),
    "export-model": ("export-model", "-p", "P"),
    "analyze-video": ("analyze-video", VIDEO, "-p", "P"),
    "merge-parts": ("merge-parts", VIDEO, "-p", "P"),
    "analyze-images": ("analyze-images", "P/labeled-data/arena/img000.png", "-p", "P"),
    "track": ("track", VIDEO, "-p", "P"),
    "swap-tracks": ("swap-tracks", TRACKS, "ann", "bob"),
    "filter-predictions": ("filter-predictions", VIDEO, "-p", "P"),
    "evaluate-tracks": ("evaluate-tracks", POSES, POSES),
    "create-labeled-video": ("create-labeled-video", VIDEO, "-p", "P"),
    "plot-trajectories": ("plot-trajectories", VIDEO, "-p", "P"),
    "analyze-skeleton": ("analyze-skeleton", VIDEO, "-p", "P"),
    "export-predictions": ("export-predictions", VIDEO, "-p", "P"),
    "report": ("report", VIDEO, "-p", "P"),
    "extract-outliers": ("extract-outliers", VIDEO, "-p", "P"),
    "merge-labels": ("merge-labels", "-p", "P"),
    "list-models": ("list-models",),
    "status": ("status", "-p", "P"),
    "doctor": ("doctor",),
}
#: Options that are tested elsewhere, or that start other programs.
ELSEWHERE = {
    "help",
    "json",
    "progress",
    "quiet",
    "verbose",
    "debug",
    "project",
    "install_completion",
    "show_completion",
}
#: Options that expect files, although the content of these files has a range.
FILES = ("train_indices", "test_indices")
TEXTS = (
    "",
    " ",
    "nowhere",
    "../../x",
    "žluť 🐸",
    "a,b,,c",
    "%s{0}$HOME`id`",
    "x" * 5000,
    "1\n2",
    "\x1b[31mred",
    "NaN",
    "1e309",
    "-1",
)
NUMBERS = ("", "x", "nan", "-inf", "1e999", "9" * 40, "１２", "0x10", "1_0", " 5", "3.7", "true")
#: Text with a special meaning in file arguments.
FINE = {"create-project": ("scorer",)}


def parameters() -> Iterator[tuple[str, Any]]:
    """Return all options of all commands."""

    from dlcx.cli.app import parser

    program = parser()
    for name, command in program.commands.items():  # type: ignore[attr-defined]
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name not in ELSEWHERE and not parameter.is_flag:
                yield name, parameter


def base_of(command: str) -> str:
    """Return the project for the tests of a command."""
    return "two" if command in ("track", "swap-tracks", "prune-skeleton") else "one"


def bounds(command: str, parameter: Any) -> tuple[float, float, bool] | None:
    """Return the minimum and maximum of a numeric option, and whether it accepts only integers."""
    from dlcx.options.base import items
    from dlcx.options.commands import options_of
    from dlcx.options.limits import Range

    if parameter.name in FILES:
        return None
    kind = options_of(command.replace("-", "_"))
    limits = next((item.description.limits for item in items(kind) if item.name == parameter.name), None)
    return (limits.low, limits.high, limits.whole) if isinstance(limits, Range) else None


def required(command: str, parameter: Any) -> tuple[str, ...]:
    """Return other options that the command requires."""
    return ("--from", "3") if command == "swap-tracks" and parameter.name != "first" else ()


def cases() -> Iterator[Case]:
    """Return cases with numbers just outside every range, and unusual text for every option in turn."""
    for turn, (command, parameter) in enumerate(parameters()):
        flag = max(parameter.opts, key=len)
        words = (*CALLS.get(command, (command, "-p", "P")), *required(command, parameter))
        names = rf"(?i){flag}|{parameter.name}|{flag.strip('-').replace('-', '.')}|one animal|nothing to link"
        limits = bounds(command, parameter)
        if limits is not None:
            whole = limits[2]
            step = 1 if whole else 1e-3
            low, high = limits[0] - step, limits[1] + step
            value = (low, high)[turn % 2]
            shown = f"{value:.0f}" if whole else repr(value)
            yield Case(
                f"{command} {flag} {shown}",
                "call: number",
                ((*words, f"{flag}={shown}"),),
                base=base_of(command),
                names=names,
                codes=WRONG_CALL,
            )
            value = NUMBERS[turn % len(NUMBERS)]
            good = {"１２", "1_0", " 5", "3.7"}
            yield Case(
                f"{command} {flag} {value!r}",
                "call: number",
                ((*words, f"{flag}={value}"),),
                base=base_of(command),
                names=names,
                codes=WRONG_CALL if value not in good else ANY,
            )
        else:
            value = TEXTS[turn % len(TEXTS)]
            shown = value if len(value) < 40 else f"{value[:5]}... ({len(value)} letters)"
            yield Case(
                f"{command} {flag} {shown!r}",
                "call: text",
                ((*words, f"{flag}={value}"),),
                base=base_of(command),
                codes=ANY,
            )
