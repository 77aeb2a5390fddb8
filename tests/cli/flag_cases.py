"""Every flag of every command: a call that shows what it changes.

The calls run in a folder with the project ``P`` (three animals; shuffle 4 is a bottom-up and shuffle 5 a top-down
network, each with a snapshot of epoch 10 and shuffle 4 also with one of epoch 20; its video ``P/videos/vid.avi`` is
analyzed, filtered and drawn by shuffle 4), the video ``new.avi`` and the labels ``labels.json``.  A flag that is
missing here fails the walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flag:
    """What is given after the flag (nothing for switches), another call to compare with, and what is done before.

    ``arguments`` None says that the flag changes nothing that a call leaves but how long it takes.
    """

    arguments: str | None = ""
    call: str = ""
    prepare: str = ""


@dataclass(frozen=True)
class Command:
    """A call of a command and its flags; those of :data:`SHARED` are taken from there."""

    call: str
    flags: dict[str, str | Flag] = field(default_factory=dict)


#: Flags of several commands, with a value that most calls refuse: that shows that it arrives where it is needed.
SHARED: dict[str, str | Flag] = {
    "--shuffle": "77",
    "--trainset-index": "5",
    "--snapshot": "77",
    "--detector-snapshot": "77",
    "--conditions": "nowhere.h5",
    "--device": "cuda:9",
    "--engine": "nothing",
    "--precision": "nothing",
    "--tracker": "nothing",
    "--poses": "nowhere.h5",
    "--filtered": "",
    "--out": "elsewhere",
    "--csv": Flag("--no-csv", prepare="without_results"),
    "--bodypart": "ear",
    "--individual": "bob",
    "--pcutoff": "0.01",
    "--colormap": "viridis",
    "--overwrite": "",
    "--allow-changed-video": Flag("", prepare="changed_video"),
}

VIDEO = "P/videos/vid.avi"
_SHARES = f"analyze-video {VIDEO} --shuffle 4 --cluster slurm --dry-run --out clustered"
_ARIMA = f"filter-predictions {VIDEO} --shuffle 4 --overwrite --filter arima"
_EXPORT = "export-model --shuffle 4 --format onnx"
_FITTED = f"extract-outliers {VIDEO} --shuffle 4 --epsilon 10.5 --frames 2 --algorithm fitting"
_TRAIN = "train --cluster slurm --dry-run --shuffle 4 --epochs 1"
_JOB = {
    "--partition": "fast",
    "--time": "5",
    "--gpus": "2",
    "--cpus": "3",
    "--mem": "7G",
    "--set-sbatch": "account=lab",
}

COMMANDS: dict[str, Command] = {
    "demo": Command("demo D", {"--animals": "2", "--seed": "3", "--overwrite": Flag("", prepare="a_demo")}),
    "create-project": Command(
        "create-project N me new.avi",
        {
            "--dir": "sub",
            "--date": "2020-01-02",
            "--multi": "",
            "--bodyparts": "a,b",
            "--individuals": "x,y",
            "--unique": "corner",
            "--copy-videos": "",
        },
    ),
    "add-videos": Command("add-videos new.avi", {"--copy-videos": "", "--crop": "0,32,0,32"}),
    "extract-frames": Command(
        "extract-frames --frames 3 --method kmeans",
        {
            "--method": "uniform",
            "--frames": "2",
            "--start": "0.5",
            "--stop": "0.3",
            "--crop": Flag("", prepare="cropped_video"),
            "--step": "5",
            "--width": "2",
            "--color": Flag("", "extract-frames --frames 3 --method kmeans", "hues"),
            "--seed": Flag("7", "extract-frames --frames 3 --method uniform"),
        },
    ),
    "check-labels": Command(
        "check-labels",
        {"--plot": "--no-plot", "--color-by": "bodypart", "--all": Flag("", prepare="many_labels")},
    ),
    "clean-labels": Command(
        "clean-labels",
        {
            "--drop-unlabeled": Flag("", prepare="unlabeled_row"),
            "--move-images": Flag("", prepare="unlabeled_image"),
            "--to-multi-animal": Flag("", prepare="single_labels"),
            "--individual": Flag("bob", "clean-labels --to-multi-animal", "single_labels"),
            "--dry-run": Flag("", "clean-labels --drop-unlabeled", prepare="unlabeled_row"),
        },
    ),
    "import-labels": Command(
        "import-labels labels.json",
        {
            "--images": "nowhere",
            "--video": "other",
            "--predicted": "",
            "--overwrite": Flag("", prepare="other_labels"),
        },
    ),
    "export-labels": Command(
        "export-labels out.csv", {"--video": "nothing", "--overwrite": Flag("", prepare="exported")}
    ),
    "create-dataset": Command(
        "create-dataset --shuffle 8 --net-type timm/test_resnet --weights none",
        {
            "--net-type": "hrnet_w18",
            "--detector": "nothing",
            "--shuffle": "9",
            "--trainset-index": "5",
            "--train-fraction": "0.5",
            "--train-indices": "rows.txt",
            "--test-indices": "rows.txt",
            "--from-shuffle": "1",
            "--split-by": "video",
            "--seed": "7",
            "--weights": "nothing.pt",
            "--detector-weights": Flag(
                "nothing.pt", "create-dataset --shuffle 8 --net-type top_down_timm/test_resnet --weights none"
            ),
            "--conditions": "4",
            "--set": "train_settings.epochs=3",
            "--overwrite": Flag("", "create-dataset --shuffle 4 --net-type timm/test_resnet --weights none --seed 9"),
        },
    ),
    "train": Command(
        _TRAIN,
        {
            **_JOB,
            "--epochs": "2",
            "--detector-epochs": Flag("2", "train --cluster slurm --dry-run --shuffle 5 --epochs 1"),
            "--batch-size": "3",
            "--precision": "bf16",
            "--device": "cpu",
            "--compile": "",
            "--workers": "2",
            "--weights": "imagenet",
            "--detector-weights": "coco",
            "--resume": "none",
            "--early-stop": "2",
            "--logger": "tensorboard",
            "--seed": "7",
            "--set": "train_settings.display_iters=3",
            "--overwrite": "",
            "--devices": "2",
            "--cluster": Flag("nothing", "train --shuffle 4 --epochs 10"),
            "--nodes": "2",
            "--dry-run": Flag("", "train --cluster slurm --shuffle 4 --epochs 1"),
        },
    ),
    "prune-skeleton": Command("prune-skeleton --shuffle 4", {"--batch-size": Flag(None)}),
    "evaluate": Command(
        "evaluate --shuffle 4 --snapshot 10",
        {"--per-bodypart": "", "--plot": "", "--batch-size": Flag(None), "--snapshot": "20", "--shuffle": "5"},
    ),
    "compare": Command("compare 4:10 4:20", {}),
    "score-maps": Command(
        "score-maps P/labeled-data/vid/img00.png --shuffle 4",
        {"--kind": "paf", "--bodypart": "ear", "--overwrite": Flag("", prepare="maps")},
    ),
    "analyze-video": Command(
        f"analyze-video {VIDEO} --shuffle 4 --out fresh",
        {
            **{name: Flag(value, _SHARES) for name, value in _JOB.items()},
            "--batch-size": Flag(None),
            "--frames": "2:7",
            "--crop": "0,64,0,64",
            "--dynamic-crop": "0.5,10",
            "--track": "--no-track",
            "--animals": "2",
            "--relink": "--no-relink",
            "--part": "1/2",
            "--cluster": "nothing",
            "--devices": Flag("1", f"analyze-video {VIDEO} --shuffle 4 --shares 2 --out fresh"),
            "--shares": "2",
            "--array-parallel": Flag("3", _SHARES),
            "--dry-run": Flag("", f"analyze-video {VIDEO} --shuffle 4 --cluster slurm --out clustered"),
            "--overwrite": Flag("", f"analyze-video {VIDEO} --shuffle 4"),
            "--csv": "--no-csv",
        },
    ),
    "merge-parts": Command(
        f"merge-parts {VIDEO} --shuffle 4 --out parts",
        {
            "--csv": Flag("--no-csv", prepare="parts"),
            "--track": Flag("--no-track", prepare="parts"),
            "--animals": Flag("2", prepare="parts"),
            "--relink": Flag("--no-relink", prepare="parts"),
            "--tracker": Flag("box", prepare="parts"),
            "--out": Flag("elsewhere", prepare="parts"),
            "--overwrite": Flag("", f"merge-parts {VIDEO} --shuffle 4 --out parts", prepare="other_parts"),
        },
    ),
    "analyze-images": Command(
        "analyze-images P/labeled-data/vid --shuffle 4 --out images",
        {
            "--batch-size": Flag(None),
            "--csv": "--no-csv",
            "--plot": "",
            "--pcutoff": Flag("0.01", "analyze-images P/labeled-data/vid --shuffle 4 --out images --plot"),
            "--overwrite": Flag("", prepare="images"),
        },
    ),
    "track": Command(
        f"track {VIDEO} --shuffle 4 --overwrite",
        {
            "--tracker": "box",
            "--animals": "2",
            "--identity-only": "",
            "--min-length": "9",
            "--max-gap": "1",
            "--pcutoff": "0.9",
            "--max-age": "7",
            "--min-hits": "3",
            "--threshold": "0.1",
            "--relink": "--no-relink",
            "--overwrite": Flag("", f"track {VIDEO} --shuffle 4 --tracker box", prepare="boxes"),
            "--csv": "--no-csv",
        },
    ),
    "swap-tracks": Command("swap-tracks TRACKS ann bob --from 2", {"--from": "5", "--to": "4"}),
    "filter-predictions": Command(
        f"filter-predictions {VIDEO} --shuffle 4 --overwrite",
        {
            "--filter": "spline",
            "--window": "9",
            "--p-bound": Flag("0.9", _ARIMA),
            "--ar": Flag("1", _ARIMA),
            "--ma": Flag("0", _ARIMA),
            "--overwrite": Flag("", f"filter-predictions {VIDEO} --shuffle 4"),
            "--csv": "--no-csv",
        },
    ),
    "create-labeled-video": Command(
        f"create-labeled-video {VIDEO} --shuffle 4 --pcutoff 0 --overwrite --codec MJPG",
        {
            "--dotsize": "30",
            "--color-by": "individual",
            "--skeleton": "--no-skeleton",
            "--trail": "5",
            "--boxes": "only",
            "--keypoints-only": "",
            "--frame-number": "",
            "--legend": "",
            "--codec": "mp4v",
            "--fps": "5",
            "--frames": "2:7",
            "--overwrite": Flag("", f"create-labeled-video {VIDEO} --shuffle 4 --pcutoff 0 --codec MJPG", "drawn"),
        },
    ),
    "evaluate-tracks": Command(
        "evaluate-tracks TRACKS FILTERED",
        {"--frames": "2:7", "--offset": "1", "--sigma": "0.001", "--threshold": "0.999", "--scale": "3"},
    ),
    "plot-trajectories": Command(
        f"plot-trajectories {VIDEO} --shuffle 4 --pcutoff 0.5 --bodypart snout",
        {
            "--linewidth": "9",
            "--image-type": "svg",
            "--dpi": "40",
            "--overwrite": Flag("", f"plot-trajectories {VIDEO} --shuffle 4 --pcutoff 0.4 --bodypart snout", "plotted"),
        },
    ),
    "analyze-skeleton": Command(
        f"analyze-skeleton {VIDEO} --shuffle 4 --pcutoff 0",
        {"--overwrite": Flag("", prepare="bones"), "--pcutoff": "0.9"},
    ),
    "export-predictions": Command(
        f"export-predictions {VIDEO} --shuffle 4 --format h5",
        {
            "--format": "nwb",
            "--split-unique": "",
            "--split-individuals": "",
            "--session-start": Flag("yesterday", f"export-predictions {VIDEO} --shuffle 4 --format nwb"),
            "--to": "elsewhere",
            "--overwrite": Flag("", prepare="exports"),
        },
    ),
    "report": Command(
        f"report {VIDEO} --shuffle 4", {"--device": Flag("cuda:9", "report --shuffle 4"), "--overview": ""}
    ),
    "extract-outliers": Command(
        f"extract-outliers {VIDEO} --shuffle 4 --epsilon 0.1 --frames 2",
        {
            "--algorithm": "uncertain",
            "--epsilon": "1000",
            "--p-bound": Flag("0.9", f"extract-outliers {VIDEO} --shuffle 4 --frames 2 --algorithm uncertain"),
            "--ar": Flag("1", _FITTED),
            "--ma": Flag("0", _FITTED),
            "--frame-numbers": Flag("3", f"extract-outliers {VIDEO} --shuffle 4 --algorithm list --frame-numbers 2"),
            "--method": "uniform",
            "--frames": "3",
            "--seed": "7",
            "--plot": "",
            "--bodypart": Flag("ear", f"extract-outliers {VIDEO} --shuffle 4 --epsilon 40 --frames 2"),
            "--copy-videos": Flag("", "extract-outliers new.avi --shuffle 4 --epsilon 0.1 --frames 2", "new_analyzed"),
        },
    ),
    "merge-labels": Command(
        "merge-labels",
        {
            "--accept-machine-labels": Flag("", "merge-labels --pcutoff 0", prepare="outliers"),
            "--accept-empty": Flag("", "merge-labels --accept-machine-labels --pcutoff 1", prepare="outliers"),
            "--pcutoff": Flag("1", "merge-labels --accept-machine-labels", prepare="outliers"),
            "--iteration": "7",
        },
    ),
    "export-model": Command(
        _EXPORT,
        {
            "--format": Flag("nothing", "export-model --shuffle 4"),
            "--verify": "",
            "--video": Flag(VIDEO, f"{_EXPORT} --verify"),
            "--overwrite": Flag("", prepare="model"),
        },
    ),
    "list-models": Command("list-models", {"--kind": "detector"}),
    "status": Command("status"),
    "doctor": Command("doctor"),
}  # fmt: skip
