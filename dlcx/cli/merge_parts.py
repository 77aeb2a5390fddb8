"""``dlcx merge-parts``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AnimalsOption,
    Call,
    CsvOption,
    DetectorSnapshotOption,
    LinkerOption,
    OverwriteOption,
    RelinkOption,
    ShuffleOption,
    SnapshotOption,
    TrainsetIndexOption,
    VideosArgument,
    command,
)


@command
def merge_parts(
    call: Call,
    videos: VideosArgument,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the shares and of the results.")
    ] = None,
    csv: CsvOption = True,
    tracker: LinkerOption = None,
    track: Annotated[
        bool, typer.Option("--track/--no-track", help="Link the poses of several animals into tracks.")
    ] = True,
    animals: AnimalsOption = None,
    relink: RelinkOption = True,
    overwrite: OverwriteOption = False,
) -> Any:
    """Join the shares that ``analyze-video --part`` made: the same files as of a whole run; no net is run."""
    from dlcx.workflow.merge_parts import merge_parts as workflow

    return workflow(
        call.project,
        videos,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        out=out,
        csv=csv,
        tracker=tracker,
        track=track,
        animals=animals,
        relink=relink,
        overwrite=overwrite,
    )
