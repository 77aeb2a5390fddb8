"""``dlcx export-predictions``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AllowChangedVideoOption,
    Call,
    CsvOption,
    DetectorSnapshotOption,
    FilteredOption,
    OverwriteOption,
    PosesOption,
    ShuffleOption,
    SnapshotOption,
    TrackerOption,
    TrainsetIndexOption,
    VideosArgument,
    command,
)


@command
def export_predictions(
    call: Call,
    videos: VideosArgument,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="nwb: Neurodata Without Borders, a file an individual; h5: DeepLabCut's, key df_with_missing.",
        ),
    ] = "nwb",
    split_unique: Annotated[
        bool, typer.Option("--split-unique", help="h5: unique bodyparts go into a file of their own.")
    ] = False,
    split_individuals: Annotated[
        bool, typer.Option("--split-individuals", help="h5: so does every individual.")
    ] = False,
    session_start: Annotated[
        str | None,
        typer.Option(
            "--session-start",
            metavar="TIME",
            help="nwb: when the recording began, as 2026-01-31T14:30+01:00.",
            show_default="when the video file was last changed",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Folder for the files.", show_default="exported, beside the poses"),
    ] = None,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    tracker: TrackerOption = None,
    filtered: FilteredOption = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the analysis.")] = None,
    poses: PosesOption = None,
    allow_changed_video: AllowChangedVideoOption = False,
    csv: CsvOption = True,
    overwrite: OverwriteOption = False,
) -> Any:
    """Write the poses of videos for programs that cannot read them as they are."""
    from dlcx.workflow.export_predictions import export_predictions as workflow

    return workflow(
        call.project,
        videos,
        format=format,
        split_unique=split_unique,
        split_individuals=split_individuals,
        session_start=session_start,
        to=to,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        tracker=tracker,
        filtered=filtered,
        out=out,
        poses=poses,
        allow_changed_video=allow_changed_video,
        csv=csv,
        overwrite=overwrite,
    )
