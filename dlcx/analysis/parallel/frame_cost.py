"""What a frame of an analysis costs, measured on a first batch, so that the size of jobs can be suggested."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcx.analysis.run_settings import torch_threads
from dlcx.analysis.video_analysis import BatchPredictor
from dlcx.operating_system import peak_memory

if TYPE_CHECKING:
    from dlcx.analysis.parallel.plan import DividedVideo
    from dlcx.analysis.video_analysis import VideoAnalysis

#: Seconds after which enough was measured, and batches at least: the first one pays for what begins slowly.
SECONDS, BATCHES = 3.0, 3


@dataclass(frozen=True)
class FrameCost:
    """``seconds`` a frame (decoding, net), ``start`` s to load the net, ``memory`` bytes at most (None: unknown).

    ``stored`` are bytes a frame in the chunk store.
    """

    seconds: float
    start: float
    memory: int | None
    stored: float


def measure(analysis: VideoAnalysis, video: DividedVideo, threads: int) -> FrameCost:
    """Analyze the first frames of a video with this number of threads, and keep nothing.

    Raises
    ------
    DlcxError
        If the network cannot be loaded.
    """
    from dlcx.analysis.parallel.plan import part_batch_size
    from dlcx.data.video import open_video, read_frames
    from dlcx.store.packing import pack

    begun = time.perf_counter()
    crop = analysis.crop
    with torch_threads(threads):
        predictor = BatchPredictor(analysis, crop)
        start = time.perf_counter() - begun
        frames, stored = 0, 0
        begun, measured = time.perf_counter(), 0
        batch_size = part_batch_size(analysis, video.files)
        for number, batch in enumerate(read_frames(open_video(video.video), batch_size, crop=crop)):
            found = predictor.predict(batch)
            stored += sum(array.nbytes for array in pack(found).values())
            frames += len(batch)
            spent = time.perf_counter() - begun
            if number + 1 >= BATCHES and spent > SECONDS:
                break
            if number == 0:
                start += spent
                begun, measured = time.perf_counter(), frames
    timed = frames - measured or frames  # a video of one batch has no other
    return FrameCost(max(spent, 1e-6) / timed, start, peak_memory(), stored / frames)
