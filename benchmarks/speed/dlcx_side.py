"""The dlcx measurements of the speed benchmark, each in its own process: ``dlcx_side.py VERB JSON``.

The verbs are the same as in deeplabcut_side.py.  The result is printed as ``result: JSON``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dlcx.workflow  # noqa: F401  # before torch, as in every command


def analyze(
    project: str,
    videos: list[str],
    shuffle: int = 1,
    batch_size: int = 4,
    engine: str = "torch",
    constant: bool = False,
    track: bool = False,
    out: str | None = None,
) -> list[float]:
    """Return the seconds to analyze each video; with ``constant``, the network repeats its first output."""
    import dlcx

    if constant:
        make_constant()
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for number, video in enumerate(videos):
            place = out or f"{folder}/{number}"
            begun = time.perf_counter()
            dlcx.analyze_video(
                project,
                video,
                shuffle=shuffle,
                batch_size=batch_size,
                engine=engine,
                track=track,
                out=place,
                overwrite=True,
            )
            seconds.append(time.perf_counter() - begun)
    return seconds


def make_constant() -> None:
    """Make every engine repeat its output for the first row of the first batch."""
    import torch

    from dlcx.predictors import create, detector

    def constantly(create_engine):
        def make(*args: Any, **options: Any) -> Any:
            run, first = create_engine(*args, **options), []

            def answer(inputs, *conditions):
                if not first:
                    first.append(run(inputs[:1], *(each[:1] for each in conditions)))
                return repeated(first[0], len(inputs))

            return answer

        return make

    def repeated(found: Any, count: int) -> Any:
        if isinstance(found, torch.Tensor):
            return found.expand(count, *found.shape[1:])
        if isinstance(found, dict):
            return {name: repeated(part, count) for name, part in found.items()}
        return list(found) * count

    for module in (create, detector):
        module.create_engine = constantly(module.create_engine)


def forward(project: str, video: str, batch_size: int = 4, engine: str = "torch", passes: int = 5) -> float:
    """Return images per second of the network alone, without input preparation and decoding."""
    import statistics

    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.data.video import open_video, read_frames
    from dlcx.formats.project_config import open_project

    predictor = TrainedNetwork.find(open_project(project).shuffle(), device="cpu", engine=engine).predictor
    batch = next(iter(read_frames(open_video(Path(video)), batch_size)))
    inputs = predictor.inputs(batch.images).tensors
    predictor.engine(*inputs)
    spent = []
    for _ in range(passes):
        begun = time.perf_counter()
        predictor.engine(*inputs)
        spent.append(time.perf_counter() - begun)
    return batch_size / statistics.median(spent)


def decode(video: str) -> float:
    """Return frames per second of OpenCV's decoder alone."""
    import cv2

    capture, count = cv2.VideoCapture(video), 0
    begun = time.perf_counter()
    while capture.read()[0]:
        count += 1
    return count / (time.perf_counter() - begun)


def one_frame(project: str, video: str) -> None:
    """Do the minimum to analyze a frame: import torch, load the snapshot, run the network once."""
    import cv2
    import torch

    from dlcx.formats.project_config import open_project
    from dlcx.formats.shuffles.model_config import read_model_config
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.nets.build import build_model

    place = open_project(project).shuffle()
    model = build_model(read_model_config(place.model_config_path)).eval()
    model.load_state_dict(read_snapshot(place.snapshot("last").path).model)
    image = cv2.VideoCapture(video).read()[1]
    with torch.inference_mode():
        model(torch.from_numpy(image).permute(2, 0, 1)[None].float())


def training_input(project: str, images: int) -> float:
    """Return augmented training images per second on one core, from the second epoch on."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import torch

    from dlcx.formats.project_config import open_project
    from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
    from dlcx.formats.shuffles.model_config import read_model_config
    from dlcx.training.pose_stage import pose_stage
    from dlcx.training.process_group import ProcessGroup

    torch.set_num_threads(1)
    place = open_project(project).shuffle()
    part = pose_stage(place, read_model_config(place.model_config_path), read_dlcx_config(place.dlcx_config_path))
    schedule = part.schedule(early_stop=None, precision="fp32", compiled=False)
    training = part.training(schedule, device="cpu", workers=0, group=ProcessGroup())
    for _ in training.batches.epoch(1):
        pass
    seen, epoch, begun = 0, 2, time.perf_counter()
    while seen < images:
        seen += sum(len(batch) for batch in training.batches.epoch(epoch))
        epoch += 1
    return seen / (time.perf_counter() - begun)


def train(project: str, epochs: int, batch_size: int, precision: str = "fp32") -> float:
    """Return the seconds to train, starting with the first epoch; earlier snapshots are removed first."""
    import dlcx
    from dlcx.formats.project_config import open_project

    folder = open_project(project).shuffle().train_dir
    for old in [*folder.glob("snapshot*.pt"), *folder.glob("dlcx-resume*.pt"), *folder.glob("learning_stats*.csv")]:
        old.unlink()
    begun = time.perf_counter()
    dlcx.train(project, epochs=epochs, batch_size=batch_size, device="cpu", precision=precision)
    return time.perf_counter() - begun


def memory(project: str, video: str, batch_size: int = 8) -> float:
    """Return the peak memory of an analysis with constant heads, in MB."""
    analyze(project, [video], batch_size=batch_size, constant=True)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(frames: int, animals: int, bodyparts: int, out: str) -> dict[str, float]:
    """Return the seconds to write poses to disk: h5 and csv by dlcx and by pandas, and h5 by PyTables alone."""
    import numpy as np
    import pandas as pd
    import tables

    from dlcx.formats.predictions.pose_tables import pose_columns, pose_values, write_csv, write_h5
    from dlcx.poses import Layout

    draw = np.random.default_rng(0)
    names = tuple(f"part{number}" for number in range(bodyparts))
    layout = Layout(names, tuple(f"animal{number}" for number in range(animals)), multi=animals > 1)
    xy = draw.uniform(0, 640, (frames, animals, bodyparts, 2)).astype(np.float32)
    score = draw.uniform(0, 1, (frames, animals, bodyparts)).astype(np.float32)
    values = pose_values(xy, score, np.zeros((frames, 0, 2), np.float32), np.zeros((frames, 0), np.float32))
    columns = pose_columns(layout, "DLC_Resnet50_scorer", individuals=layout.multi)
    frame = pd.DataFrame(values, index=np.arange(frames), columns=columns)

    def raw(path: Path) -> None:
        kind = np.dtype([("index", np.int64), ("values_block_0", np.float32, (values.shape[1],))])
        rows = np.zeros(frames, kind)
        rows["index"], rows["values_block_0"] = np.arange(frames), values
        with tables.open_file(path, "w") as file:
            file.create_table("/", "table", obj=rows, expectedrows=frames)

    jobs = {
        "h5": lambda path: write_h5(frame, path, table=True),
        "raw h5": raw,
        "pandas h5": lambda path: frame.to_hdf(path, key="df_with_missing", mode="w", format="table"),
        "csv": lambda path: write_csv(frame, path),
        "pandas csv": frame.to_csv,
    }
    seconds = {}
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, job in jobs.items():
        path = Path(out) / f"poses.{name.split()[-1]}"
        begun = time.perf_counter()
        job(path)
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
        seconds[name] = time.perf_counter() - begun
        path.unlink()
    return seconds


VERBS = (analyze, forward, decode, one_frame, training_input, train, memory, write)

if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    verb = {each.__name__: each for each in VERBS}[sys.argv[1]]
    print(f"result: {json.dumps(verb(**json.loads(sys.argv[2])))}", flush=True)
