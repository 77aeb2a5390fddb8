"""``dlcx train``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    SLURM,
    Call,
    DeviceOption,
    DryRunOption,
    OverwriteOption,
    PartitionOption,
    PrecisionOption,
    SetOption,
    SetSbatchOption,
    ShuffleOption,
    TimeOption,
    TrainsetIndexOption,
    command,
)


@command
def train(
    call: Call,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="Epochs in all, those of earlier runs included.")
    ] = None,
    detector_epochs: Annotated[
        int | None,
        typer.Option("--detector-epochs", help="The same of a top-down net's detector; 0 leaves it out."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Images a step, of all devices together.")
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "fp32",
    compile: Annotated[bool, typer.Option("--compile", help="Compile the net (torch.compile).")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Threads that prepare images; the result stays the same.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="First weights: imagenet, none, a SuperAnimal, or a file. Default: those of create-dataset.",
            metavar="SOURCE",
        ),
    ] = None,
    detector_weights: Annotated[
        str | None,
        typer.Option(
            "--detector-weights",
            help="First weights of the detector: coco, none, or a file. Default: those of create-dataset.",
            metavar="SOURCE",
        ),
    ] = None,
    resume: Annotated[
        str,
        typer.Option(
            "--resume", metavar="auto|none|PATH", help="Go on where it stopped, start over, or continue a snapshot."
        ),
    ] = "auto",
    early_stop: Annotated[
        int | None,
        typer.Option("--early-stop", metavar="N", help="End after N evaluations without a better key metric."),
    ] = None,
    logger: Annotated[
        str | None, typer.Option("--logger", help="csv, tensorboard or wandb; learning_stats.csv is written always.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Same seed, same training.")] = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
    devices: Annotated[
        int,
        typer.Option("--devices", metavar="N", help="Train on N GPUs of this machine (or N processes on its CPU)."),
    ] = 1,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="slurm", help="Submit a job that trains, instead of training here."),
    ] = None,
    nodes: Annotated[
        int,
        typer.Option(
            "--nodes",
            metavar="N",
            help="How many nodes train together, with --devices processes each (by default --gpus).",
            rich_help_panel=SLURM,
        ),
    ] = 1,
    partition: PartitionOption = None,
    time: TimeOption = None,
    gpus: Annotated[
        int | None, typer.Option("--gpus", metavar="N", help="GPUs of each node.", rich_help_panel=SLURM)
    ] = None,
    cpus: Annotated[
        int | None, typer.Option("--cpus", metavar="N", help="CPU cores of each process.", rich_help_panel=SLURM)
    ] = None,
    mem: Annotated[
        str | None, typer.Option("--mem", metavar="SIZE", help="Memory of each node, e.g. 32G.", rich_help_panel=SLURM)
    ] = None,
    set_sbatch: SetSbatchOption = None,
    dry_run: DryRunOption = False,
) -> Any:
    """Train the net of a shuffle, a top-down net's detector first, or go on where training stopped.

    What no flag says is as pytorch_config.yaml has it; --epochs, --batch-size, --seed and --set are written to it.
    """
    from dlcx.distributed_environment import is_main_process
    from dlcx.workflow.train import train as workflow

    result = workflow(
        call.project,
        shuffle=shuffle,
        trainset_index=trainset_index,
        epochs=epochs,
        detector_epochs=detector_epochs,
        batch_size=batch_size,
        device=device,
        precision=precision,
        compile=compile,
        workers=workers,
        weights=weights,
        detector_weights=detector_weights,
        resume=resume,
        early_stop=early_stop,
        logger=logger,
        seed=seed,
        overrides=overrides or (),
        overwrite=overwrite,
        devices=devices,
        cluster=cluster,
        nodes=nodes,
        partition=partition,
        time=time,
        gpus=gpus,
        cpus=cpus,
        mem=mem,
        set_sbatch=set_sbatch or (),
        dry_run=dry_run,
        progress=call.progress,
    )
    return result if is_main_process() else None  # torchrun starts this command several times
