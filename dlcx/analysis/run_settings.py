"""Everything that the predictions of an analysis depend on, as its chunk store records it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from dlcx.analysis.temporal import INDEPENDENT_FRAMES
from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError
from dlcx.store.settings_check import VIDEO

if TYPE_CHECKING:
    from dlcx.analysis.frame_range import Crop
    from dlcx.analysis.video_analysis import VideoAnalysis
    from dlcx.data.video_file import VideoFile


#: ``--engine auto`` and ``--batch-size auto``.
AUTO: Literal["auto"] = "auto"


def run_settings(
    analysis: VideoAnalysis, video: VideoFile, crop: Crop | None, earlier: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that the predictions for a video depend on, as the chunk store records it.

    Parameters
    ----------
    crop
        The region of the frames that the network sees.
    earlier
        The settings of the run that is resumed, for everything that the call leaves open; empty for a new run.

    Raises
    ------
    DlcxError
        If the batch size is below 1.
    """
    import torch

    temporal = analysis.temporal
    return {
        VIDEO: _video(video, earlier),
        **analysis.net.settings,
        **(INDEPENDENT_FRAMES if temporal is None else temporal.settings),
        "--batch-size": run_batch_size(analysis, earlier),
        "--crop": list(crop) if crop else None,
        "threads": earlier.get("threads") or torch.get_num_threads(),
        "frames checked by": _frame_check(video, earlier),
    }


def run_batch_size(analysis: VideoAnalysis, earlier: Mapping[str, Any]) -> int:
    """Frames per forward pass: as requested, as in the run that is resumed, or as in config.yaml.

    Raises
    ------
    DlcxError
        If it is below 1.
    """
    assert analysis.batch_size != AUTO
    batch_size = int(analysis.batch_size or earlier.get("--batch-size") or analysis.net.shuffle.project.batch_size)
    if batch_size < 1:
        raise DlcxError(f"--batch-size {batch_size}: expected at least 1")
    return batch_size


def _video(video: VideoFile, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The fingerprint of the video, with the file name that the run that is resumed has recorded."""
    from dlcx.data.video_identity import same_content

    own, stored = video.fingerprint(), earlier.get(VIDEO)
    if isinstance(stored, Mapping) and same_content(own, stored) and own["frames"] == stored.get("frames"):
        return dict(stored)
    return own


def _frame_check(video: VideoFile, earlier: Mapping[str, Any]) -> str:
    """How frames are told apart and verified: as in the run that is resumed if both use time stamps."""
    from dlcx.data.video_file import ORDER_FROM_TIMESTAMPS

    stored = earlier.get("frames checked by")
    return str(stored) if stored and video.checked_by == ORDER_FROM_TIMESTAMPS else video.checked_by


def refuse_another_video(files: AnalysisFiles, settings: Mapping[str, Any]) -> None:
    """Refuse a part if the analysis of the full video, or another part, is of another video.

    Raises
    ------
    DlcxError
        Names both videos.
    """
    from dlcx.store import check_settings
    from dlcx.store.manifest import stored_settings

    for path in (files.store, *files.parts.values()):
        if known := stored_settings(path) if path.is_dir() else None:
            check_settings(path.name, {VIDEO: known.get(VIDEO)}, {VIDEO: settings[VIDEO]})


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
