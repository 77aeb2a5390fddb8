"""``dlcx clean-labels``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, SomeVideosArgument, command


@command
def clean_labels(
    call: Call,
    videos: SomeVideosArgument = None,
    drop_unlabeled: Annotated[
        bool,
        typer.Option(
            "--drop-unlabeled",
            help="Also drop rows in which nothing is labeled. They train as images without an animal.",
        ),
    ] = False,
    move_images: Annotated[
        bool,
        typer.Option("--move-images", help="Also move images without a row out of labeled-data, into the backup."),
    ] = False,
    to_multi_animal: Annotated[
        bool,
        typer.Option(
            "--to-multi-animal", help="Turn labels of a single animal into labels for a multi-animal project."
        ),
    ] = False,
    individual: Annotated[
        str | None,
        typer.Option(
            "--individual",
            metavar="NAME",
            help="Whose labels they become; uniquebodyparts belong to nobody.",
            show_default="the first of config.yaml's",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be dropped, and change nothing.")] = False,
) -> Any:
    """Drop duplicate label rows and rows of deleted images, or convert labels to multi-animal ones.

    The h5 and the csv of each folder are written again. The files from before are kept in label-backups, in the
    project's folder.
    """
    from dlcx.workflow.clean_labels import clean_labels as workflow

    return workflow(
        call.project,
        videos or (),
        drop_unlabeled=drop_unlabeled,
        move_images=move_images,
        to_multi_animal=to_multi_animal,
        individual=individual,
        dry_run=dry_run,
        progress=call.progress,
    )
