"""What every command takes, and flags that several commands share.

A command is written without them::

    @command
    def train(call: Call, shuffle: Shuffle = 1) -> Any:
        from dlcx.workflow.train import train

        return train(call.project, shuffle=shuffle, progress=call.progress)

The decorator adds ``--project``, ``--json``, ``--progress``, ``-q``, ``-v`` and ``--debug``, and prints the result.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from dlcx.cli import commands
from dlcx.cli.needed_flags import check_needs
from dlcx.cli.output import start_logging
from dlcx.cli.progress_display import Style, progress_display
from dlcx.errors import DlcxError
from dlcx.progress import Progress
from dlcx.ranges import Range, range_of

COMMON = "Common options"

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-p",
        help="The project: its folder or its config.yaml. Default: $DLCX_PROJECT, "
        "else the nearest config.yaml at or above the working folder.",
        rich_help_panel=COMMON,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on stdout.", rich_help_panel=COMMON)
]
ProgressOption = Annotated[
    Style,
    typer.Option(
        "--progress",
        help="How progress is shown on stderr: a bar, lines for a log, or JSON lines for other programs.",
        show_default="a bar on a terminal, else lines",
        rich_help_panel=COMMON,
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print results, warnings and errors only.", rich_help_panel=COMMON)
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more.", rich_help_panel=COMMON)]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=COMMON)]

ShuffleOption = Annotated[int, typer.Option("--shuffle", help="Number of the shuffle.")]
TrainsetIndexOption = Annotated[
    int | None,
    typer.Option(
        "--trainset-index",
        help="Which value of TrainingFraction in config.yaml, from 0; only needed where several have that shuffle.",
        show_default="that of the shuffle",
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="torch, compile, onnx (ONNX Runtime), or auto: the fastest that gives the same keypoints.",
        show_default="torch, or compile where the shuffle's inference.compile is enabled",
    ),
]
PrecisionOption = Annotated[str, typer.Option("--precision", help="fp32, bf16 or fp16.")]
InferencePrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        help="fp32, bf16 or fp16.",
        show_default="fp32, or a mixed one where the shuffle's inference.autocast is enabled",
    ),
]
SnapshotOption = Annotated[
    str | None,
    typer.Option(
        "--snapshot",
        help="best, last, an epoch, or a path.",
        show_default="config.yaml's snapshotindex",
    ),
]
DetectorSnapshotOption = Annotated[
    str | None,
    typer.Option(
        "--detector-snapshot",
        help="The detector's, for top-down nets: best, last, an epoch, or a path.",
        show_default="config.yaml's detector_snapshotindex",
    ),
]
ConditionsOption = Annotated[
    str | None,
    typer.Option(
        "--conditions",
        metavar="N[:SNAPSHOT]|FILE",
        help="What finds the poses that a BUCTD net corrects: a shuffle, or a file of predictions.",
        show_default="as the shuffle's pytorch_config.yaml says",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of pytorch_config.yaml; repeatable."),
]
TrackerOption = Annotated[
    str | None,
    typer.Option(
        "--tracker",
        help="Poses of several animals that this linked: ellipse, box, skeleton, ctd, transformer; none: not linked.",
        show_default="what is there",
    ),
]
FilteredOption = Annotated[bool, typer.Option("--filtered", help="The poses that filter-predictions wrote.")]
PosesFolderOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the analysis and of what is made of it.")
]
PosesOption = Annotated[
    Path | None,
    typer.Option(
        "--poses",
        metavar="FILE",
        help="The poses in this h5 or csv, for example of DeepLabCut 2.x; one video.",
        show_default="looked up by the network",
    ),
]
AllowChangedVideoOption = Annotated[
    bool,
    typer.Option(
        "--allow-changed-video",
        help="Use the poses although the video file has changed since the analysis, for example was re-encoded.",
    ),
]
PcutoffOption = Annotated[
    float | None,
    typer.Option("--pcutoff", help="Least score of a point that is shown or counted.", show_default="config.yaml's"),
]
ColormapOption = Annotated[
    str | None, typer.Option("--colormap", help="One of matplotlib's.", show_default="config.yaml's")
]
BodypartOption = Annotated[
    list[str] | None, typer.Option("--bodypart", metavar="NAME", help="These only; repeatable.", show_default="all")
]
IndividualOption = Annotated[
    list[str] | None, typer.Option("--individual", metavar="NAME", help="These only; repeatable.", show_default="all")
]
CsvOption = Annotated[bool, typer.Option("--csv/--no-csv", help="Write a csv beside the h5.")]
VideosArgument = Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Files, folders or glob patterns.")]
SomeVideosArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[VIDEO...]", help="Some of the project's. Default: all of them.")
]
MethodOption = Annotated[
    str, typer.Option("--method", help="kmeans: frames that look different; uniform: drawn at random.")
]
PickedFramesOption = Annotated[
    int | None,
    typer.Option("--frames", metavar="N", help="How many of each video.", show_default="config.yaml's"),
]
PickSeedOption = Annotated[int, typer.Option("--seed", help="Another seed draws other frames.")]
CopyVideosOption = Annotated[
    bool, typer.Option("--copy-videos", help="Copy the videos into the project instead of linking them.")
]
LinkerOption = Annotated[
    str | None,
    typer.Option(
        "--tracker",
        help="What follows animals: ellipse, box or skeleton; ctd: a BUCTD net, during the analysis.",
        show_default="config.yaml's default_track_method, else ellipse",
    ),
]
RelinkOption = Annotated[
    bool,
    typer.Option(
        "--relink/--no-relink", help="Link all detections once more at once; else tracks are as DeepLabCut's."
    ),
]
AnimalsOption = Annotated[
    int | None,
    typer.Option("--animals", help="How many there are: never more tracks.", show_default="config.yaml's individuals"),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]

SLURM = "SLURM (with --cluster slurm)"
PartitionOption = Annotated[
    str | None,
    typer.Option(
        "--partition", metavar="NAME", help="Where the jobs run.", rich_help_panel=SLURM, show_default="SLURM's"
    ),
]
TimeOption = Annotated[
    str | None,
    typer.Option("--time", metavar="LIMIT", help="Longest run of a job: minutes, H:M:S or D-H.", rich_help_panel=SLURM),
]
GpusOption = Annotated[int | None, typer.Option("--gpus", metavar="N", help="GPUs of a job.", rich_help_panel=SLURM)]
CpusOption = Annotated[
    int | None, typer.Option("--cpus", metavar="N", help="CPU cores of a job.", rich_help_panel=SLURM)
]
MemOption = Annotated[
    str | None, typer.Option("--mem", metavar="SIZE", help="Memory of a job, e.g. 8G.", rich_help_panel=SLURM)
]
SetSbatchOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set-sbatch", metavar="KEY=VALUE", help="Any other option of sbatch; repeatable.", rich_help_panel=SLURM
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the sbatch files and submit nothing.", rich_help_panel=SLURM)
]


def names(text: str | None, flag: str) -> tuple[str, ...]:
    """``"snout, tail"`` -> ("snout", "tail"); nothing where the flag is not given.

    Raises
    ------
    DlcxError
        When the flag names nothing.
    """
    found = tuple(name for part in (text or "").split(",") if (name := part.strip()))
    if text is not None and not found:
        raise DlcxError(f"{flag} '{text}': expected names, such as snout,tail", hint=f"Leave out {flag} to name none.")
    return found


@dataclass(frozen=True)
class Call:
    """What the common flags of one call say."""

    project: Path | None
    progress: Progress


def _with_range(command: str, parameter: inspect.Parameter) -> inspect.Parameter:
    """Show the range of a numeric option in its help, and refuse what is outside when the call is parsed."""
    kind, option = get_args(parameter.annotation)
    if not {int, float} & _kinds(kind):
        return parameter
    limits = range_of(command, parameter.name)
    if not isinstance(limits, Range):
        raise TypeError(f"{command}: {parameter.name} has no range in dlcx.ranges")
    option = copy(option)  # commands share it, and ranges differ
    option.min, option.max = limits.low, limits.high
    return parameter.replace(annotation=Annotated[kind, option])


def _given(context: typer.Context, names: Iterable[str]) -> set[str]:
    """Which parameters the command line names; the others have their defaults."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _kinds(hint: Any) -> set[Any]:
    """The types that a hint is made of: ``list[int] | None`` -> {int, NoneType}."""
    return {kind for part in get_args(hint) for kind in _kinds(part)} or {hint}


def command(function: Callable[..., Any]) -> Callable[..., int]:
    """Turn ``function(call, ...) -> result`` into a command with the common flags that prints its result."""
    hints = get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    ]
    common = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    common += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (
            ("project", None, ProjectOption),
            ("as_json", False, JsonOption),
            ("progress", Style.AUTO, ProgressOption),
            ("quiet", False, QuietOption),
            ("verbose", False, VerboseOption),
            ("debug", False, DebugOption),
        )
    ]

    @functools.wraps(function)
    def wrapped(
        *,
        context: typer.Context,
        project: Path | None,
        as_json: bool,
        progress: Style,
        quiet: bool,
        verbose: bool,
        debug: bool,
        **options: Any,
    ) -> int:
        start_logging(verbose=verbose, debug=debug)
        check_needs(function.__name__, options, _given(context, options))
        call = Call(project=project, progress=progress_display(Style.NONE if quiet else progress))
        result = function(call, **options)
        commands.emit(result, as_json=as_json, quiet=quiet, project=project)
        return int(getattr(result, "exit_code", 0))

    own = [_with_range(function.__name__, parameter) for parameter in own]
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    wrapped.__signature__ = inspect.Signature(keyword_only + common)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in keyword_only + common}
    return wrapped
