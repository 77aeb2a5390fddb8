"""``dlcx track``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AllowChangedVideoOption,
    AnimalsOption,
    Call,
    DetectorSnapshotOption,
    LinkerOption,
    OverwriteOption,
    RelinkOption,
    ShuffleOption,
    SnapshotOption,
    TrainsetIndexOption,
    command,
)

STORED = "the shuffle's inference_cfg.yaml"


@command
def track(
    call: Call,
    videos: Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Files, folders or glob patterns.")],
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the analysis and of the tracks.")
    ] = None,
    allow_changed_video: AllowChangedVideoOption = False,
    tracker: LinkerOption = None,
    animals: AnimalsOption = None,
    identity_only: Annotated[
        bool, typer.Option("--identity-only", help="Link by the votes of a net with an identity head alone.")
    ] = False,
    min_length: Annotated[
        int | None,
        typer.Option(
            "--min-length",
            help="Frames that a tracklet needs to shape the tracks; shorter ones fill gaps.",
            show_default="10",
        ),
    ] = None,
    max_gap: Annotated[
        int | None,
        typer.Option(
            "--max-gap",
            help="Frames that a track may jump.",
            show_default="1.5 x the longest that must be jumped",
        ),
    ] = None,
    pcutoff: Annotated[
        float | None,
        typer.Option("--pcutoff", help="Keypoints less certain count as unseen.", show_default=STORED),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option("--max-age", help="Frames that a tracker outlives its animal.", show_default=STORED),
    ] = None,
    min_hits: Annotated[
        int | None,
        typer.Option("--min-hits", help="Frames to be seen in before a tracklet begins.", show_default=STORED),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            help="Least likeness of an animal and what a tracker expects (ellipse, box).",
            show_default=STORED,
        ),
    ] = None,
    relink: RelinkOption = True,
    csv: Annotated[bool, typer.Option("--csv/--no-csv", help="Write a csv beside the h5.")] = True,
    overwrite: OverwriteOption = False,
) -> Any:
    """Link the animals of analysed videos again with other settings; no net is run."""
    from dlcx.workflow.track import track as workflow

    return workflow(
        call.project,
        videos,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        out=out,
        allow_changed_video=allow_changed_video,
        tracker=tracker,
        animals=animals,
        identity_only=identity_only,
        min_length=min_length,
        max_gap=max_gap,
        pcutoff=pcutoff,
        max_age=max_age,
        min_hits=min_hits,
        threshold=threshold,
        relink=relink,
        csv=csv,
        overwrite=overwrite,
        progress=call.progress,
    )
