"""``dlcx create-dataset``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, OverwriteOption, SetOption, command


@command
def create_dataset(
    call: Call,
    net_type: Annotated[
        str | None,
        typer.Option("--net-type", help="A name of `dlcx list-models`.", show_default="config.yaml's default_net_type"),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector", metavar="NAME", help="What finds the animals for a top-down net.", show_default="ssdlite"
        ),
    ] = None,
    shuffle: Annotated[
        list[int] | None,
        typer.Option(
            "--shuffle",
            help="Number; repeatable.",
            show_default="1; where TensorFlow or another fraction has it, the next free one",
        ),
    ] = None,
    trainset_index: Annotated[
        int | None,
        typer.Option(
            "--trainset-index",
            help="Which TrainingFraction of config.yaml, from 0.",
            show_default="that of an existing --shuffle or --from-shuffle, else 0",
        ),
    ] = None,
    train_fraction: Annotated[
        float | None,
        typer.Option("--train-fraction", help="Share of training images; added to TrainingFraction in config.yaml."),
    ] = None,
    train_indices: Annotated[
        Path | None,
        typer.Option("--train-indices", metavar="FILE", help="Training images: row numbers or paths in a text file."),
    ] = None,
    test_indices: Annotated[
        Path | None,
        typer.Option("--test-indices", metavar="FILE", help="Test images: row numbers or paths in a text file."),
    ] = None,
    from_shuffle: Annotated[
        int | None, typer.Option("--from-shuffle", help="Take the split of this shuffle, to compare nets.")
    ] = None,
    split_by: Annotated[
        str, typer.Option("--split-by", help="frame: draw images; video: draw whole videos.")
    ] = "frame",
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws another split.")] = 42,
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            metavar="imagenet|none|NAME|PATH",
            help="What training starts from; NAME: superanimal_topviewmouse ...",
        ),
    ] = "imagenet",
    detector_weights: Annotated[
        str | None,
        typer.Option(
            "--detector-weights",
            metavar="coco|none|PATH",
            help="What its training starts from.",
            show_default="coco, with --weights none none",
        ),
    ] = None,
    conditions: Annotated[
        str | None,
        typer.Option(
            "--conditions",
            metavar="N[:SNAPSHOT]|FILE",
            help="What finds the poses that a BUCTD net corrects: a shuffle, or a file of predictions.",
        ),
    ] = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
) -> Any:
    """Merge the labels, draw the split and write the configuration of a net: one shuffle."""
    from dlcx.workflow.create_dataset import create_dataset as workflow

    return workflow(
        call.project,
        net_type=net_type,
        detector=detector,
        shuffle=shuffle or None,
        trainset_index=trainset_index,
        train_fraction=train_fraction,
        train_indices=train_indices,
        test_indices=test_indices,
        from_shuffle=from_shuffle,
        split_by=split_by,
        seed=seed,
        weights=weights,
        detector_weights=detector_weights,
        conditions=conditions,
        overrides=overrides or (),
        overwrite=overwrite,
    )
