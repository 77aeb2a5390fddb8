"""Join the parts of videos that ``analyze-video --part`` analyzed into the files of a full run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.parallel.join import join_videos
from dlcx.analysis.tracking import next_steps
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.workflow.analyze_video import AnalyzeVideoResult

if TYPE_CHECKING:
    from dlcx.options.keywords import MergePartsKeywords


@keyword_options(MergePartsOptions)
def merge_parts(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    **keywords: Unpack[MergePartsKeywords],
) -> AnalyzeVideoResult:
    """Join the parts of each video, link its animals, and write the files of :func:`dlcx.analyze_video`.

    The chunk stores of the parts are deleted when all files are written.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Returns
    -------
    AnalyzeVideoResult
        The results of each video.

    Raises
    ------
    DlcxError
        If parts of the only video are missing (the message names them) or differ.  If this is so for some of several
        videos, the result names them.
    """
    options = MergePartsOptions.of(project=project, videos=videos, **keywords)
    net = TrainedNetwork.of(options)
    done, failed = join_videos(options, net)
    return AnalyzeVideoResult(net.scorer, done, failed, next_steps(done[0].video, done[0].tracked, options))
