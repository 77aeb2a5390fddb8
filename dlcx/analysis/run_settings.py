"""All that the numbers of an analysis depend on, for its chunk stores to remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError
from dlcx.store.settings_check import VIDEO

if TYPE_CHECKING:
    from dlcx.analysis.frame_range import Crop
    from dlcx.analysis.temporal import VideoMemory
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.data.video_file import VideoFile


def run_settings(
    net: TrainedNetwork,
    memory: VideoMemory,
    video: VideoFile,
    crop: Crop | None,
    batch_size: int | None,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """What a call asks for; what it leaves open is as ``before``, in the run that is continued.

    Raises
    ------
    DlcxError
        When the batch size is none.
    """
    import torch

    return {
        VIDEO: _video(video, before),
        **net.settings,
        **memory.settings,
        "--batch-size": run_batch_size(net, memory, batch_size, before),
        "--crop": list(crop) if crop else None,
        "threads": before.get("threads") or torch.get_num_threads(),
        "frames checked by": _checker(video, before),
    }


def _video(video: VideoFile, before: Mapping[str, Any]) -> dict[str, Any]:
    """The video's fingerprint, with the name that the file had in the run that is continued."""
    from dlcx.data.video_identity import same_content

    own, stored = video.fingerprint(), before.get(VIDEO)
    if isinstance(stored, Mapping) and same_content(own, stored) and own["frames"] == stored.get("frames"):
        return dict(stored)
    return own


def run_batch_size(net: TrainedNetwork, memory: VideoMemory, asked: int | None, before: Mapping[str, Any]) -> int:
    """Frames a forward pass: the only number that fits, that asked for, that of ``before``, or config.yaml's.

    Raises
    ------
    DlcxError
        When it is below 1.
    """
    batch_size = int(memory.batch_size or asked or before.get("--batch-size") or net.shuffle.project.batch_size)
    if batch_size < 1:
        raise DlcxError(f"--batch-size {batch_size}: expected at least 1")
    return batch_size


def _checker(video: VideoFile, before: Mapping[str, Any]) -> str:
    """How frames are told and checked: as in the run that is continued, where it told frames by time stamps, too."""
    from dlcx.data.video_file import ORDER_FROM_TIMESTAMPS

    stored = before.get("frames checked by")
    return str(stored) if stored and video.checked_by == ORDER_FROM_TIMESTAMPS else video.checked_by


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run torch with this number of threads, so that sums equal those of the run that is resumed."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
