"""Export the poses of videos to files for other programs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.lookup.derived_files import is_there, origin_of
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video, refuse_shared_outputs, result_lines
from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError
from dlcx.options.commands.export_predictions import ExportPredictionsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Layout, Tracks

if TYPE_CHECKING:
    from dlcx.formats.predictions.nwb import RecordedVideo
    from dlcx.options.keywords import ExportPredictionsKeywords

FORMATS = ("nwb", "h5")
#: Folder next to the poses, for programs that load all files of a folder.
FOLDER = "exported"
#: Name of the individual with the unique bodyparts, as in DeepLabCut's files.
SINGLE = "single"


@dataclass(frozen=True)
class ExportedFile:
    """One exported file; ``owner`` is an individual, ``single`` for unique bodyparts, or "" for all poses."""

    file: Path
    owner: str
    existed: bool


@dataclass(frozen=True)
class ExportedVideo:
    """Poses of one video and the files exported from them."""

    video: Path
    poses: Path
    files: tuple[ExportedFile, ...]

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"poses: {self.poses}"]
        for made in self.files:
            owner = f" ({made.owner})" if made.owner else ""
            lines.append(f"exported{owner}: {made.file}{' (was there already)' if made.existed else ''}")
        return lines


@dataclass(frozen=True)
class ExportPredictionsResult(VideosResult[ExportedVideo]):
    """Exported videos, and failed videos with the reason."""

    def lines(self) -> list[str]:
        """Return the lines to print."""
        return result_lines(self)


@keyword_options(ExportPredictionsOptions)
def export_predictions(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    **keywords: Unpack[ExportPredictionsKeywords],
) -> ExportPredictionsResult:
    """Export the poses of videos for programs that cannot read DeepLabCut's files directly.

    ``nwb``: Neurodata Without Borders, one file per individual and one for the unique bodyparts, as NWB requires.
    ``h5``: DeepLabCut's layout with the key ``df_with_missing``, also for tracks, because some programs reject the key
    of tracks; one file unless it is split.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns.

    Returns
    -------
    ExportPredictionsResult
        Exported files of each video.

    Raises
    ------
    DlcxError
        If an option is invalid, or the only video fails.  If some of several videos fail, the result lists them.
    """
    options = ExportPredictionsOptions.of(project=project, videos=videos, **keywords)

    from dlcx.formats.predictions.nwb import import_pynwb

    if options.format == "nwb":
        import_pynwb()
        if split := options.given(ExportPredictionsOptions, "split_unique", "split_individuals"):
            raise DlcxError(f"{split[0]} is for --format h5", hint="NWB files are split by individual in any case.")
    elif options.session_start is not None:
        raise DlcxError("--session-start is for --format nwb")
    start = None if options.session_start is None else _moment(options.session_start)
    wanted = WantedPoses.of(options)
    found = wanted.videos(options.videos)
    folder = options.to
    if folder is not None:
        refuse_shared_outputs([AnalysisFiles(video, "", folder) for video in found])
    if folder:
        check_folder(folder)
    skeleton = wanted.project.skeleton

    def export(video: Path) -> ExportedVideo:
        poses = _linked(wanted.find(video))
        target = folder or poses.file.path.parent / FOLDER
        if options.format == "nwb":
            files = _as_nwb(poses, target, skeleton, start, overwrite=options.overwrite)
        else:
            split = (options.split_individuals, options.split_unique)
            files = _as_h5(poses, target, split, csv=options.csv, overwrite=options.overwrite)
        return ExportedVideo(video, poses.file.path, tuple(files))

    return ExportPredictionsResult(*each_video(found, export))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DlcxError(f"--session-start {text}: expected a date and time like 2026-01-31T14:30+01:00") from None
    return moment if moment.tzinfo else moment.astimezone()


def _linked(found: FoundPoses) -> FoundPoses:
    if len(found.stored().layout.individuals) > 1 and not found.file.is_linked:
        raise DlcxError(
            f"{found.file.path.name}: its animals are not linked, so a row is another animal in every frame",
            hint="Export tracked poses: `dlcx track` links them.",
        )
    return found


def _parts(tracks: Tracks, *, individuals: bool, unique: bool) -> Iterator[tuple[str, Tracks]]:
    """Split poses by owner: with ``individuals`` one part each, with ``unique`` a part for the unique bodyparts."""
    layout = tracks.layout
    if individuals:
        for number, name in enumerate(layout.individuals):
            chosen = slice(number, number + 1)
            alone = Layout(layout.bodyparts, (name,))
            yield (
                name if layout.multi else "",
                Tracks(alone, tracks.xy[:, chosen], tracks.score[:, chosen], first=tracks.first),
            )
    elif unique or not layout.unique:
        alone = Layout(layout.bodyparts, layout.individuals, multi=layout.multi)
        yield "", Tracks(alone, tracks.xy, tracks.score, first=tracks.first)
    else:
        yield "", tracks
    if layout.unique and (individuals or unique):
        xy, score = tracks.unique_xy[:, None], tracks.unique_score[:, None]
        yield SINGLE, Tracks(Layout(layout.unique, (SINGLE,)), xy, score, first=tracks.first)


def _file(found: FoundPoses, folder: Path, owner: str, suffix: str) -> Path:
    """Path of an exported file; its name starts with video and scorer, as the file of poses."""
    return folder / f"{found.file.path.stem}{f'_{owner}' if owner else ''}{suffix}"


def _as_nwb(
    found: FoundPoses, folder: Path, skeleton: Sequence[tuple[str, str]], start: datetime | None, *, overwrite: bool
) -> Iterator[ExportedFile]:
    from dlcx import __version__
    from dlcx.formats.predictions.nwb import read_session_id, write_nwb

    recording = _recording(found.video, start)
    for owner, tracks in _parts(found.in_frame(), individuals=True, unique=True):
        path = _file(found, folder, owner, ".nwb")
        origin = origin_of(found.file.path, owner=owner, start=recording.start.isoformat())
        session_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{path.stem} {origin}"))
        existed = path.exists() and not overwrite
        if existed and read_session_id(path) != session_id:
            raise DlcxError(
                f"{path} is of other poses or another start", hint="--overwrite writes it again, --to DIR is elsewhere."
            )
        if not existed:
            subject = None if owner == SINGLE else owner or tracks.layout.individuals[0]
            write_nwb(
                tracks,
                path,
                found.file.scorer,
                recording,
                version=__version__,
                session_id=session_id,
                subject=subject,
                skeleton=skeleton,
            )
        yield ExportedFile(path, owner, existed)


def _recording(video: Path, start: datetime | None) -> RecordedVideo:
    from dlcx.data.video import open_video
    from dlcx.formats.predictions.nwb import RecordedVideo

    opened = open_video(video)
    changed = datetime.fromtimestamp(int(video.stat().st_mtime)).astimezone()
    return RecordedVideo(opened.path, opened.width, opened.height, opened.times, start or changed)


def _as_h5(
    found: FoundPoses, folder: Path, split: tuple[bool, bool], *, csv: bool, overwrite: bool
) -> Iterator[ExportedFile]:
    from dlcx.formats.predictions.video_predictions import write_predictions

    individuals, unique = split
    whole = found.in_frame()
    if not whole.layout.unique and unique and not individuals:
        raise DlcxError(f"--split-unique: {found.file.path.name} has no unique bodyparts")
    for owner, tracks in _parts(whole, individuals=individuals, unique=unique):
        path = _file(found, folder, owner, ".h5")
        if path.resolve() == found.file.path.resolve():
            raise DlcxError(f"{path} is the poses themselves", hint="Choose another folder with --to.")
        origin = origin_of(found.file.path, owner=owner, unique=bool(tracks.layout.unique))
        existed = is_there(path, origin, overwrite=overwrite)
        if not existed:
            double = tracks.xy.dtype.itemsize == 8
            write_predictions(tracks, path, found.file.scorer, csv=csv, double=double, origin=origin)
        yield ExportedFile(path, owner, existed)
