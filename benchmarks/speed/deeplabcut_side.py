"""The DeepLabCut measurements of the speed benchmark, for the environment created by `make interchange-env`.

Usage: ``deeplabcut_side.py VERB JSON``, with the same verbs as dlcx_side.py.  The script calls DeepLabCut's public
functions.  For constant heads, it replaces the forward passes of the models by their first output.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DLClight", "True")  # no windows
os.environ.setdefault("MPLBACKEND", "agg")


def deeplabcut():
    """Import DeepLabCut so that its networks never download pretrained weights."""
    import functools

    import timm

    make = timm.create_model

    @functools.wraps(make)
    def at_random(name, *args, pretrained=False, **kwargs):
        return make(name, *args, pretrained=False, **kwargs)

    timm.create_model = at_random
    import deeplabcut

    return deeplabcut


def analyze(project, videos, shuffle=1, batch_size=4, constant=False, track=False, out=None):
    """Return the seconds to analyze each video, including h5 and csv."""
    dlc = deeplabcut()
    if constant:
        make_constant()
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for number, video in enumerate(videos):
            place = Path(out or f"{folder}/{number}")
            place.mkdir(parents=True, exist_ok=True)
            begun = time.perf_counter()
            dlc.analyze_videos(
                str(Path(project) / "config.yaml"),
                [video],
                shuffle=shuffle,
                batch_size=batch_size,
                device="cpu",
                save_as_csv=True,
                destfolder=str(place),
                auto_track=track,
                overwrite=True,
            )
            seconds.append(time.perf_counter() - begun)
            if not list(place.glob("*.h5")) and not list(place.glob("*.pickle")):
                sys.exit(f"DeepLabCut wrote no files to {place}")
    return seconds


def make_constant():
    """Make networks and detectors repeat their output for the first row of the first batch."""
    import torch
    from deeplabcut.pose_estimation_pytorch.models import PoseModel
    from deeplabcut.pose_estimation_pytorch.models.detectors import DETECTORS

    def repeated(found, count):
        if isinstance(found, torch.Tensor):
            return found.expand(count, *found.shape[1:])
        if isinstance(found, dict):
            return {name: repeated(part, count) for name, part in found.items()}
        return list(found) * count

    def constantly(forward, answer):
        first = {}

        def constant(self, x, *args, **kwargs):
            if id(self) not in first:
                first[id(self)] = forward(self, x[:1], *(one_row(each) for each in args), **one_row(kwargs))
            return answer(first[id(self)], len(x))

        return constant

    def one_row(given):
        if isinstance(given, dict):
            return {name: one_row(each) for name, each in given.items()}
        return given[:1] if hasattr(given, "__getitem__") and not isinstance(given, str) else given

    PoseModel.forward = constantly(PoseModel.forward, repeated)
    for kind in DETECTORS.module_dict.values():
        kind.forward = constantly(kind.forward, lambda found, count: (found[0], list(found[1]) * count))


def training_input(project, images):
    """Return augmented training images per second on one core, from the second epoch on."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    deeplabcut()
    import torch
    from deeplabcut.pose_estimation_pytorch import DLCLoader, build_transforms
    from torch.utils.data import DataLoader

    torch.set_num_threads(1)
    loader = DLCLoader(str(Path(project) / "config.yaml"), trainset_index=0, shuffle=1)
    data = DataLoader(
        loader.create_dataset(transform=build_transforms(loader.model_cfg["data"]["train"]), mode="train"),
        batch_size=loader.model_cfg["train_settings"]["batch_size"],
        shuffle=True,
    )
    for _ in data:
        pass
    seen, begun = 0, time.perf_counter()
    while seen < images:
        seen += sum(len(batch["image"]) for batch in data)
    return seen / (time.perf_counter() - begun)


def train(project, epochs, batch_size):
    """Return the seconds to train, starting with the first epoch."""
    dlc = deeplabcut()
    begun = time.perf_counter()
    dlc.train_network(str(Path(project) / "config.yaml"), shuffle=1, device="cpu", epochs=epochs, batch_size=batch_size)
    return time.perf_counter() - begun


VERBS = (analyze, training_input, train)

if __name__ == "__main__":
    verb = {each.__name__: each for each in VERBS}[sys.argv[1]]
    print(f"\nresult: {json.dumps(verb(**json.loads(sys.argv[2])))}", flush=True)
