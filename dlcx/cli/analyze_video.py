"""``dlcx analyze-video``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dlcx.cli.options import (
    SLURM,
    AnimalsOption,
    Call,
    ConditionsOption,
    CpusOption,
    DetectorSnapshotOption,
    DeviceOption,
    DryRunOption,
    EngineOption,
    GpusOption,
    InferencePrecisionOption,
    LinkerOption,
    MemOption,
    OverwriteOption,
    PartitionOption,
    RelinkOption,
    SetSbatchOption,
    ShuffleOption,
    SnapshotOption,
    TimeOption,
    TrainsetIndexOption,
    command,
)


@command
def analyze_video(
    call: Call,
    videos: Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Files, folders or glob patterns.")],
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    conditions: ConditionsOption = None,
    batch_size: Annotated[
        str | None,
        typer.Option(
            "--batch-size",
            metavar="N|auto",
            help="Frames a forward pass; auto: what is fastest for the first frames.",
            show_default="config.yaml's",
        ),
    ] = None,
    device: DeviceOption = "auto",
    precision: InferencePrecisionOption = None,
    engine: EngineOption = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results.")] = None,
    csv: Annotated[bool, typer.Option("--csv/--no-csv", help="Write a csv beside the h5.")] = True,
    frames: Annotated[
        str | None,
        typer.Option("--frames", metavar="A:B", help="Only frames A to B, B left out; rows keep their numbers."),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option("--crop", metavar="X1,X2,Y1,Y2", help="Region that the net sees; coordinates are of the frame."),
    ] = None,
    dynamic_crop: Annotated[
        str | None,
        typer.Option(
            "--dynamic-crop",
            metavar="SCORE,MARGIN",
            help="Follow one animal: look only MARGIN pixels around its last pose while a keypoint reaches SCORE.",
        ),
    ] = None,
    tracker: LinkerOption = None,
    track: Annotated[
        bool, typer.Option("--track/--no-track", help="Link the poses of several animals into tracks.")
    ] = True,
    animals: AnimalsOption = None,
    relink: RelinkOption = True,
    part: Annotated[
        str | None,
        typer.Option(
            "--part", metavar="I/N", help="Only share I of N of each video's frames, for merge-parts to join."
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="slurm|local[=N]|dask=ADDRESS",
            help="Who does it, share by share: SLURM, N Dask workers of this machine, or those of a scheduler.",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(
            "--devices", metavar="N", help="N processes of this machine do it, each with a GPU or some cores."
        ),
    ] = None,
    shares: Annotated[
        int | None,
        typer.Option(
            "--shares",
            metavar="N",
            help="Into how many shares --cluster and --devices cut each video.",
            show_default="by length and speed",
        ),
    ] = None,
    partition: PartitionOption = None,
    time: TimeOption = None,
    gpus: GpusOption = None,
    cpus: CpusOption = None,
    mem: MemOption = None,
    array_parallel: Annotated[
        int | None,
        typer.Option("--array-parallel", metavar="N", help="Most shares that run at once.", rich_help_panel=SLURM),
    ] = None,
    set_sbatch: SetSbatchOption = None,
    dry_run: DryRunOption = False,
    overwrite: OverwriteOption = False,
) -> Any:
    """Poses for whole videos; the same call goes on where an earlier one stopped."""
    from dlcx.workflow.analyze_video import analyze_video as workflow

    return workflow(
        call.project,
        videos,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        batch_size=parse_batch_size(batch_size),
        device=device,
        precision=precision,
        engine=engine,
        out=out,
        csv=csv,
        frames=parse_frames(frames),
        crop=parse_crop(crop),
        dynamic_crop=parse_dynamic_crop(dynamic_crop),
        tracker=tracker,
        track=track,
        animals=animals,
        relink=relink,
        part=parse_part(part),
        cluster=cluster,
        devices=devices,
        shares=shares,
        partition=partition,
        time=time,
        gpus=gpus,
        cpus=cpus,
        mem=mem,
        array_parallel=array_parallel,
        set_sbatch=set_sbatch or (),
        dry_run=dry_run,
        overwrite=overwrite,
        progress=call.progress,
    )


def parse_batch_size(text: str | None) -> int | Literal["auto"] | None:
    """``"8"`` -> 8; ``"auto"`` as it is."""
    if text is None or text == "auto":
        return text  # type: ignore[return-value]
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text.strip()):
        raise typer.BadParameter(f"expected a number of 1 or more, or auto, got '{text}'", param_hint="--batch-size")
    return int(text)


def parse_frames(text: str | None) -> tuple[int | None, int | None] | None:
    """``"10:20"`` -> (10, 20); either side may be left out."""
    if text is None:
        return None
    if not (match := re.fullmatch(r"\s*(\d{0,18})\s*:\s*(\d{0,18})\s*", text)):
        raise typer.BadParameter(f"expected A:B, e.g. 0:1000, got '{text}'", param_hint="--frames")
    first, stop = (int(side) if side else None for side in match.groups())
    return first, stop


def parse_part(text: str | None) -> tuple[int, int] | None:
    """``"2/8"`` -> (2, 8)."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,18})\s*/\s*(\d{1,18})\s*", text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count:
        raise typer.BadParameter(f"expected I/N with 1 <= I <= N, e.g. 2/8, got '{text}'", param_hint="--part")
    return number, count


def parse_crop(text: str | None) -> tuple[int, int, int, int] | None:
    """``"0,640,0,480"`` -> (0, 640, 0, 480)."""
    if text is None:
        return None
    if not (match := re.fullmatch(r"\s*(\d{1,18})\s*" + 3 * r",\s*(\d{1,18})\s*", text)):
        raise typer.BadParameter(f"expected X1,X2,Y1,Y2, e.g. 0,640,0,480, got '{text}'", param_hint="--crop")
    x1, x2, y1, y2 = (int(side) for side in match.groups())
    return x1, x2, y1, y2


def parse_dynamic_crop(text: str | None) -> tuple[float, float] | None:
    """``"0.5,10"`` -> (0.5, 10.0)."""
    if text is None:
        return None
    try:
        score, margin = (float(side) for side in text.split(","))
    except ValueError:
        message = f"expected SCORE,MARGIN, e.g. 0.5,10, got '{text}'"
        raise typer.BadParameter(message, param_hint="--dynamic-crop") from None
    return score, margin
