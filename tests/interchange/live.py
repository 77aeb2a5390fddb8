"""Check that DeepLabCut-Live predicts the same keypoints with models from `dlcx export-model` (``make consumers``).

The script exports networks of several families with artificial weights (``cases.py``) from small copies of real
projects, and runs `dlcx analyze-video` and DeepLabCut-Live on the same frames.  Networks on crops are compared by their
median difference, because DeepLabCut-Live resizes crops differently, which changes some pixels by one gray level.  The
exit code is 1 if any check fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for fill_weights, which is shared with other tests

import numpy as np
from cases import CASES, DETECTOR, SNAPSHOT, SSDLITE, Case, Weights
from checks import Check, table
from project_copy import small_copy
from tools import TEST, TRAIN, save_filled, settings, train_dir

import dlcx
from dlcx.data.video import open_video, read_frames
from dlcx.formats.predictions.analysis_pickles import read_full_pickle

HERE = Path(__file__).resolve().parent
LIVE = HERE.parents[1] / ".venv-consumers-live" / "bin" / "python"
NETS = (
    "resnet_50",
    "hrnet_w18",
    "cspnext_s",
    "resnet_50_flies",
    "dlcrnet_stride16_ms5",
    "dekr_w18",
    "top_down_resnet_50",
    "rtmpose_s",
    "animaltokenpose_base",
)
#: Weights for cases that start from random weights.
CLEAR = Weights(1.0, 0.0126)
KEYPOINTS, CROPS = 1e-3, 0.1  # px; median for networks on crops
FRAMES = 8


def exported(case: Case, name: str, projects: Path, folder: Path) -> np.ndarray:
    """Export the network of a case, save frames for it, and return dlcx's keypoints (T, N, K, 2)."""
    root = folder / name
    source = case.source
    clip = small_copy(
        projects / source.folder, root, images=source.images, frames=FRAMES, size=source.size, identity=source.identity
    )
    detector = {"detector": case.detector} if case.detector else {}
    dlcx.create_dataset(
        root,
        net_type=case.net_type,
        train_indices=TRAIN,
        test_indices=TEST,
        weights="none",
        overrides=settings(case),
        **detector,
    )
    place = train_dir(root, case)
    config = place / "pytorch_config.yaml"
    save_filled(config, place / f"{SNAPSHOT}-001.pt", case.weights or CLEAR)
    if case.detector:
        save_filled(config, place / f"{DETECTOR}-001.pt", SSDLITE, detector=True)
    dlcx.export_model(root).file.rename(folder / f"{name}.pt")
    np.save(folder / f"{name}.npy", np.concatenate([batch.images for batch in read_frames(open_video(clip), 4)]))
    (done,) = dlcx.analyze_video(root, clip, track=False, csv=False).videos
    found = read_full_pickle(done.full_pickle)
    animals = max(len(found[frame].animals) for frame in range(FRAMES))
    xy = np.full((FRAMES, animals, found[0].animals.xy.shape[1], 2), np.nan)
    for frame, row in enumerate(xy):
        row[: len(found[frame].animals)] = found[frame].animals.xy
    return xy


def compare(case: Case, ours: np.ndarray, theirs: np.ndarray) -> Check:
    """Return the distances between keypoints of nearest animals; every animal must have a counterpart."""
    live = "DeepLabCut-Live"
    gaps = []
    for pair in zip(ours, theirs, strict=True):
        mine, other = (poses[np.isfinite(poses).any((1, 2))] for poses in pair)
        if len(mine) != len(other):
            return Check(live, case.net_type, ok=False, note=f"{len(other)} animals, dlcx finds {len(mine)}")
        for pose in mine:
            between = np.linalg.norm(other - pose, axis=-1)  # (N, K)
            nearest = other[np.nanmedian(between, -1).argmin()]
            if not np.array_equal(np.isnan(pose), np.isnan(nearest)):
                return Check(live, case.net_type, ok=False, note="other keypoints are missing")
            gaps.append(np.linalg.norm(pose - nearest, axis=-1))
    seen = np.isfinite(gaps)
    if not seen.any():
        return Check(live, case.net_type, ok=False, note="no keypoint is found by both")
    far = float(np.median(np.asarray(gaps)[seen])) if case.detector else float(np.asarray(gaps)[seen].max())
    limit = CROPS if case.detector else KEYPOINTS
    note = f"{int(seen.sum())} keypoints" + (", median" if case.detector else "")
    return Check(live, case.net_type, far <= limit, far, limit, "px", note)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=Path, required=True, help="folder of the projects that cases.py names")
    parser.add_argument("--net", action="append", choices=NETS, help="only these")
    options = parser.parse_args()
    names = options.net or NETS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ours = {name: exported(CASES[name], name, options.projects, folder) for name in names}
        subprocess.run([LIVE, HERE / "live_side.py", folder, *names], check=True, stdout=subprocess.DEVNULL)
        checks = [compare(CASES[name], xy, np.load(folder / f"{name}.live.npy")[..., :2]) for name, xy in ours.items()]
    print(table(checks))
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
