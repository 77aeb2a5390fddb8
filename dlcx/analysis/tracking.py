"""Link the animals of a video into tracks and write the track files, for analyze-video and track."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis_files import TRACK_ENDINGS, AnalysisFiles, TrackFiles
from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.project_config import read_project_config
from dlcx.formats.shuffles.inference_cfg import read_inference_cfg
from dlcx.locks import exclusive_edit
from dlcx.options.command_line import command_after, command_line
from dlcx.options.commands.create_labeled_video import CreateLabeledVideoOptions
from dlcx.options.commands.swap_tracks import SwapTracksOptions
from dlcx.options.poses import AnalysisOptions
from dlcx.options.tracking import TrackingOptions
from dlcx.poses import Layout, Prediction, SwapCandidate
from dlcx.project import Shuffle
from dlcx.untrusted_files import read_json

if TYPE_CHECKING:
    from dlcx.trackers.tracking import LinkResult, Tracking

logger = logging.getLogger(__name__)

#: Minimum number of keypoints that define an ellipse.
ELLIPSE_NEEDS = 3
#: Statistics of the tracks in a record.
FOUND = ("detections", "linked", "tracklets", "longest", "tracks")


@dataclass(frozen=True)
class TrackedVideo:
    """The track files of a video, and statistics of the tracks.

    ``linked`` of the ``detections`` detected animals belong to a track. Tracks are assembled from ``tracklets``
    tracklets, the longest of which spans ``longest`` frames. ``tracks`` is the number of individuals that appear in the
    video. ``existed`` is true if the files were written by an earlier command.
    """

    tracker: str
    individuals: tuple[str, ...]
    h5: Path
    csv: Path | None
    tracklets_pickle: Path
    swaps_csv: Path
    detections: int
    linked: int
    tracklets: int
    longest: int
    tracks: int
    swaps: tuple[SwapCandidate, ...]
    existed: bool = False

    def lines(self) -> list[str]:
        """Return the lines to print."""
        said = [f"tracks: {self.h5}" + (" (was there already)" if self.existed else "")]
        said += [f"tracks csv: {self.csv}"] if self.csv else []
        said.append(f"tracklets: {self.tracklets_pickle}")
        said.append(
            f"linked: {self.linked} of {self.detections} animals found, {self.tracklets} tracklets, "
            f"{self.tracks} of {len(self.individuals)} individuals ({self.tracker})"
        )
        said.append(f"frames where identities may be swapped: {len(self.swaps)}, {self.swaps_csv}")
        return said


@dataclass(frozen=True)
class Linking:
    """Settings for linking the animals of videos into tracks, and the names of the individuals."""

    tracking: Tracking
    layout: Layout

    @classmethod
    def of(cls, place: Shuffle, *, tracker: str | None = None, animals: int | None = None, **settings: Any) -> Linking:
        """Combine flags, the shuffle's inference_cfg.yaml, and config.yaml, in this order of precedence.

        Parameters
        ----------
        tracker
            Default: config.yaml's default_track_method, or ellipse.
        animals
            Number of animals in the video; default: the project's individuals.
        settings
            Fields of :class:`dlcx.trackers.tracking.Tracking`; None counts as not given.

        Raises
        ------
        DlcxError
            If the tracker does not exist or needs more bodyparts than the project has.
        """
        from dlcx.trackers.tracking import METHODS, Tracking

        layout = place.project.layout
        if not layout.multi:
            raise DlcxError(f"{place.project.config_path}: a project of one animal: there is nothing to link")
        if tracker is not None and tracker not in METHODS:
            raise DlcxError(f"--tracker {tracker}: no such tracker", hint=did_you_mean(tracker, METHODS))
        stored = read_inference_cfg(place.test_dir / "inference_cfg.yaml")
        given = {
            "pcutoff": stored.pcutoff,
            "threshold": stored.iou_threshold,
            "slack": stored.boundingboxslack,
            "max_age": stored.max_age,
            "min_hits": stored.min_hits,
            **{name: value for name, value in settings.items() if value is not None},
        }
        return cls(Tracking(method=_method(place, tracker), **given), _named(layout, animals))

    def files(self, files: AnalysisFiles) -> TrackFiles:
        """Return the paths of the track files."""
        return files.track_files(self.tracking.method)

    @property
    def settings(self) -> dict[str, Any]:
        """Return every setting, apart from the poses, that the tracks depend on."""
        return {**asdict(self.tracking), "individuals": list(self.layout.individuals)}

    def existing(
        self, files: AnalysisFiles, frames: tuple[int, int] | None = None, *, replace: bool = False
    ) -> TrackedVideo | None:
        """Return existing tracks; None if there are none or they cover other ``frames`` (first, stop).

        Raises
        ------
        DlcxError
            If the tracks were made by another program or with other settings; with ``replace``, returns None instead.
        """
        own = self.files(files)
        if not own.h5.is_file():
            return None
        record = _read_record(own)
        hint = "--overwrite links again; --out DIR writes elsewhere."
        if record is not None and record["frames"] is None:  # interrupted while writing, or the poses were replaced
            if frames is not None and record.get("mended"):
                logger.warning("%s: linked again for other poses; swaps corrected by hand are lost", own.h5)
            return None
        if record is None:
            if replace:
                return None
            raise DlcxError(f"{own.h5} exists and was not linked by dlcx", hint=hint)
        there, asked = record["settings"], self.settings
        if differences := [
            f"{name} {there.get(name)} there, {asked[name]} asked for"
            for name in asked
            if there.get(name) != asked[name]
        ]:
            if replace:
                return None
            raise DlcxError(f"{own.h5} was linked otherwise: {'; '.join(differences)}", hint=hint)
        if frames is not None and tuple(record["frames"]) != frames:
            if record.get("mended"):
                logger.warning("%s: linked again for other frames; swaps corrected by hand are lost", own.h5)
            return None
        if not own.tracklets.is_file() or not own.swaps.is_file():
            return None
        from dlcx.formats.predictions.swap_candidates import read_swap_candidates

        return TrackedVideo(
            tracker=self.tracking.method,
            individuals=self.layout.individuals,
            h5=own.h5,
            csv=own.csv if own.csv.is_file() else None,
            tracklets_pickle=own.tracklets,
            swaps_csv=own.swaps,
            swaps=read_swap_candidates(own.swaps),
            existed=True,
            **{name: int(record["found"][name]) for name in FOUND},
        )

    def link(
        self, files: AnalysisFiles, predictions: Sequence[Prediction], *, first: int, frames: int, csv: bool
    ) -> TrackedVideo:
        """Link the frames ``first``, ``first + 1``, ... of a video of ``frames`` frames, and write the track files.

        If the animals cannot be linked, the tracks are nan and a warning is logged.

        Raises
        ------
        DlcxError
            If a file cannot be written.
        """
        from dlcx.formats.predictions.swap_candidates import write_swap_candidates
        from dlcx.formats.predictions.tracklets import write_tracklets
        from dlcx.formats.predictions.video_predictions import write_predictions
        from dlcx.outputs import write_text
        from dlcx.trackers.tracking import link

        own, layout = self.files(files), self.layout
        linked = link(predictions, layout, self.tracking, first)
        unfinished: dict[str, Any] = {"settings": self.settings, "frames": None, "found": {}}
        write_text(own.record, json.dumps(unfinished, indent=1) + "\n")  # marks files of an interrupted run
        poses = linked.detections.poses
        write_tracklets(
            {one.number: (linked.detections.frame[one.rows] + first, poses[one.rows]) for one in linked.tracklets},
            predictions,
            own.tracklets,
            layout,
            files.scorer,
            frames=frames,
            first=first,
        )
        write_swap_candidates(linked.swaps, own.swaps)
        write_predictions(linked.tracks, own.h5, files.scorer, csv=csv, key="tracks")
        found: dict[str, Any] = {
            "detections": len(linked.detections),
            "linked": linked.linked,
            "tracklets": len(linked.tracklets),
            "longest": max((len(one.rows) for one in linked.tracklets), default=0),
            "tracks": linked.seen,
        }
        record = {"settings": self.settings, "frames": [first, first + len(predictions)], "found": found, "mended": []}
        write_text(own.record, json.dumps(record, indent=1) + "\n")
        self._warn(files.video, linked, len(predictions))
        return TrackedVideo(
            tracker=self.tracking.method,
            individuals=layout.individuals,
            h5=own.h5,
            csv=own.csv if csv else None,
            tracklets_pickle=own.tracklets,
            swaps_csv=own.swaps,
            swaps=linked.swaps,
            **found,
        )

    def _warn(self, video: Path, linked: LinkResult, frames: int) -> None:
        """Warn about missing tracks and describe what was detected."""
        animals = len(self.layout.individuals)
        if linked.seen == animals:
            return
        longest = max((len(one.rows) for one in linked.tracklets), default=0)
        logger.warning(
            "%s: %s: %d animals found in %d of %d frames, %d tracklets, the longest of %d frames%s; other rows are nan",
            video,
            f"only {linked.seen} of {animals} tracks" if linked.seen else f"no tracks of {animals} animals",
            len(linked.detections),
            len(set(linked.detections.frame.tolist())),
            frames,
            len(linked.tracklets),
            longest,
            "" if self.tracking.relink else f" (--min-length {self.tracking.min_length})",
        )


def asked_linking(place: Shuffle, options: TrackingOptions) -> Linking | None:
    """Return the linking that follows an analysis with these options; None if there is none.

    Raises
    ------
    DlcxError
        If options contradict each other, or see :meth:`Linking.of`.
    """
    tracker, animals = options.tracker, options.animals
    if tracker == "ctd":
        if animals:
            raise DlcxError(f"--animals {animals}: --tracker ctd follows the project's individuals")
        return None
    if not options.track and (tracker or animals):
        raise DlcxError(f"--no-track and {'--tracker' if tracker else '--animals'}: one or the other")
    if options.track and (place.project.layout.multi or tracker or animals):
        return Linking.of(place, tracker=tracker, animals=animals, relink=options.relink)
    return None


def next_steps(video: Path, tracked: TrackedVideo | None, options: AnalysisOptions) -> tuple[str, ...]:
    """Suggest the next commands for a video: inspect its poses, and fix the most likely identity swap."""
    tracker = tracked.tracker if tracked and _linked_otherwise(tracked) else None
    steps = [f"Look at it: {command_after(CreateLabeledVideoOptions, options, videos=video, tracker=tracker)}"]
    if tracked and (swaps := unmended_swaps(TrackFiles(tracked.h5.parent, tracked.h5.stem), tracked.swaps)):
        worst = max(swaps, key=lambda swap: swap.score)
        swap = command_line(SwapTracksOptions(file=tracked.h5, one=worst.one, other=worst.other, first=worst.frame))
        steps.append(f"If identities are swapped from there on: {swap}")
    return tuple(steps)


def _linked_otherwise(tracked: TrackedVideo) -> bool:
    """Return whether another tracker's tracks exist, which a command without ``--tracker`` might select."""
    stem = tracked.h5.stem.removesuffix(TRACK_ENDINGS[tracked.tracker])
    others = (ending for tracker, ending in TRACK_ENDINGS.items() if tracker != tracked.tracker)
    return any(tracked.h5.with_name(f"{stem}{ending}.h5").is_file() for ending in others)


def unmended_swaps(own: TrackFiles, swaps: Sequence[SwapCandidate]) -> list[SwapCandidate]:
    """Return the swap candidates that the user has not fixed; each fix counts for the nearest candidate of its pair."""
    record = _read_record(own) or {}
    calls = [
        (frozenset((call["one"], call["other"])), call["first"], call["last"]) for call in record.get("mended") or ()
    ]
    left = list(swaps)
    for pair, first, last in dict.fromkeys(calls):
        alike = [swap for swap in left if {swap.one, swap.other} == pair]
        if calls.count((pair, first, last)) % 2 and alike:  # swapping a second time restores the tracks
            left.remove(min(alike, key=lambda swap: abs(swap.frame - first)))
    return left


def note_mended(own: TrackFiles, mended: dict[str, Any]) -> None:
    """Record a swap fixed by the user, once per ``token``."""
    from dlcx.outputs import write_text

    with exclusive_edit(own.record):
        record = _read_record(own)
        known = [] if record is None else list(record.get("mended") or ())
        if record is not None and mended["token"] not in [one.get("token") for one in known]:
            write_text(own.record, json.dumps({**record, "mended": [*known, mended]}, indent=1) + "\n")


def forget_tracks(files: AnalysisFiles) -> None:
    """Mark the tracks of all trackers as incomplete, because the poses of the video were replaced."""
    from dlcx.outputs import write_text

    for own in map(files.track_files, TRACK_ENDINGS):
        if not own.record.is_file():
            continue
        with exclusive_edit(own.record):
            record = _read_record(own)
            if record is not None and record["frames"] is not None:
                write_text(own.record, json.dumps({**record, "frames": None}, indent=1) + "\n")


def tracks_are_outdated(own: TrackFiles) -> bool:
    """Return whether the poses were replaced after linking, or linking was interrupted."""
    record = _read_record(own)
    return record is not None and record["frames"] is None


def _read_record(own: TrackFiles) -> dict[str, Any] | None:
    try:
        record = read_json(own.record)
        return dict(record) if {"settings", "frames", "found"} <= set(record) else None
    except (DlcxError, ValueError, TypeError):
        return None


def _method(place: Shuffle, asked: str | None) -> str:
    """Return the requested tracker, that of config.yaml, or one that works with the number of bodyparts."""
    from dlcx.trackers.tracking import METHODS

    parts = len(place.project.layout.bodyparts)
    config = place.project.config_path
    method = asked or read_project_config(config).default_track_method or "ellipse"
    if method not in METHODS:
        logger.warning("%s: default_track_method %s is none of %s: ellipse", config, method, ", ".join(METHODS))
        method = "ellipse"
    if method == "ellipse" and parts < ELLIPSE_NEEDS:
        if asked:
            raise DlcxError(
                f"--tracker ellipse: needs {ELLIPSE_NEEDS} bodyparts, the project has {parts}", hint="--tracker box."
            )
        return "box"
    return method


def _named(layout: Layout, animals: int | None) -> Layout:
    """Return the layout for ``animals`` individuals, named ind1, ind2, ... if the project has fewer."""
    if animals is None:
        return layout
    names = layout.individuals[:animals]
    return replace(layout, individuals=names if len(names) == animals else tuple(f"ind{n + 1}" for n in range(animals)))
