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

    The chunk stores of the parts are deleted after all files have been written.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns.

    Returns
    -------
    AnalyzeVideoResult
        Results of each video.

    Raises
    ------
    DlcxError
        If parts of the only video are missing (the message lists them) or were analyzed with different settings.  If
        some of several videos fail, the result lists them.
    """
    options = MergePartsOptions.of(project=project, videos=videos, **keywords)
    net = TrainedNetwork.of(options)
    done, failed = join_videos(options, net)
    return AnalyzeVideoResult(net.scorer, done, failed, next_steps(done[0].video, done[0].tracked, options))
