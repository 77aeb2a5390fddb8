"""Examples at the end of each command's help."""

from __future__ import annotations

EXAMPLES = {
    "demo": ("dlcx demo mice --animals 2",),
    "create-project": ("dlcx create-project reach Ann recordings/*.mp4 --bodyparts paw,wrist,elbow",),
    "add-videos": ("dlcx add-videos recordings/day2.mp4 --copy-videos",),
    "extract-frames": ("dlcx extract-frames", "dlcx extract-frames videos/day2.mp4 --method uniform --frames 40"),
    "check-labels": ("dlcx check-labels",),
    "clean-labels": (
        "dlcx clean-labels --dry-run",
        "dlcx clean-labels",
        "dlcx clean-labels --to-multi-animal --individual mouse1",
    ),
    "import-labels": (
        "dlcx import-labels labels.slp",
        "dlcx import-labels annotations.json --images frames",
        "dlcx import-labels labeled-data/day1/CollectedData_Ann.csv --overwrite",
    ),
    "export-labels": ("dlcx export-labels labels.json",),
    "create-dataset": (
        "dlcx create-dataset --net-type resnet_50",
        "dlcx create-dataset --shuffle 2 --net-type hrnet_w32 --from-shuffle 1",
    ),
    "train": ("dlcx train", "dlcx train --shuffle 2 --epochs 400 --device cuda:1"),
    "prune-skeleton": ("dlcx prune-skeleton --shuffle 1",),
    "evaluate": ("dlcx evaluate --plot", "dlcx evaluate --shuffle 1 --shuffle 2 --per-bodypart"),
    "compare": ("dlcx compare 1 2",),
    "score-maps": ("dlcx score-maps labeled-data/day1/img007.png",),
    "analyze-video": (
        "dlcx analyze-video videos",
        "dlcx analyze-video videos/day1.mp4 --frames 0:1000 --out results",
        "dlcx analyze-video videos --animals 4 --device cuda",
    ),
    "merge-parts": ("dlcx merge-parts videos/day1.mp4",),
    "analyze-images": ("dlcx analyze-images photos",),
    "track": ("dlcx track videos/day1.mp4 --tracker box --animals 3",),
    "swap-tracks": ("dlcx swap-tracks videos/day1DLC_el.h5 mouse1 mouse2 --from 1200",),
    "filter-predictions": ("dlcx filter-predictions videos", "dlcx filter-predictions videos --filter arima"),
    "create-labeled-video": ("dlcx create-labeled-video videos/day1.mp4 --filtered --skeleton --trail 20",),
    "evaluate-tracks": ("dlcx evaluate-tracks predicted_el.h5 truth.h5",),
    "plot-trajectories": ("dlcx plot-trajectories videos/day1.mp4 --bodypart snout",),
    "analyze-skeleton": ("dlcx analyze-skeleton videos/day1.mp4",),
    "export-predictions": ("dlcx export-predictions videos --format nwb",),
    "report": ("dlcx report", "dlcx report videos/day1.mp4", "dlcx report videos --overview"),
    "extract-outliers": ("dlcx extract-outliers videos/day1.mp4 --algorithm uncertain --frames 20",),
    "merge-labels": ("dlcx merge-labels",),
    "export-model": ("dlcx export-model --format onnx --verify",),
    "list-models": ("dlcx list-models", "dlcx list-models --kind detector --json"),
    "status": ("dlcx status",),
    "doctor": ("dlcx doctor",),
}
