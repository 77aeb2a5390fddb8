"""``.nwb``: poses of one subject in Neurodata Without Borders, through pynwb and ndx-pose (the extra ``nwb``).

::

    subject                      subject_id: the individual; none in a file of unique bodyparts
    acquisition/<video>          ImageSeries: the video by its path, with the time of every frame
    processing/behavior/
        Skeletons/<skeleton>     Skeleton: bodyparts and bones
        PoseEstimation/          scorer, software, links to the skeleton and to the video
            <bodypart>           PoseEstimationSeries: data (T, 2) x and y in pixels of the whole frame,
                                 confidence (T,), timestamps (T,) s from the video's first frame

NWB wants one subject a file.  What was not found is nan.  Format: https://github.com/rly/ndx-pose, version 0.4.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.outputs import atomic_file
from dlcx.poses import Tracks

#: Characters that names of things in an NWB file cannot have.
FORBIDDEN = "/:"


@dataclass(frozen=True)
class RecordedVideo:
    """The video that poses are of.

    width, height in pixels; times (frames,) s from the first frame; ``start`` is when it was recorded, with a timezone.
    """

    path: Path
    width: int
    height: int
    times: np.ndarray
    start: datetime


def import_pynwb() -> tuple[Any, Any]:
    """The modules pynwb and ndx_pose.

    Raises
    ------
    DlcxError
        When one of them is missing.
    """
    try:
        import ndx_pose
        import pynwb
    except ImportError as error:
        raise DlcxError(
            "NWB files need pynwb and ndx-pose, which are not installed", hint="Install them: pip install 'dlcx[nwb]'"
        ) from error
    return pynwb, ndx_pose


def write_nwb(
    tracks: Tracks,
    path: Path,
    scorer: str,
    recording: RecordedVideo,
    *,
    version: str,
    session_id: str,
    subject: str | None = None,
    skeleton: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the poses of the one individual of ``tracks``; numbers keep their type.

    Parameters
    ----------
    tracks
        With one individual and no unique bodyparts.
    scorer, version
        Name of what found the poses, and which dlcx writes them.
    session_id
        Tells the file from all others.
    subject
        The individual's name, which is also the file's identifier, because programs that read several individuals
        (movement) name them by it; None for unique bodyparts.
    skeleton
        Bones; those whose bodyparts are not there are left out.

    Raises
    ------
    DlcxError
        When pynwb is missing, the video has fewer frames than the poses, a name cannot be one in NWB, or the
        file cannot be written.
    """
    pynwb, ndx_pose = import_pynwb()
    parts = tracks.layout.bodyparts
    if len(tracks.layout.individuals) != 1 or tracks.layout.unique:
        raise ValueError("write_nwb: expected one individual and no unique bodyparts")
    for name in parts:
        if set(name) & set(FORBIDDEN):
            raise DlcxError(f"bodypart {name!r}: names in NWB cannot have any of {' '.join(FORBIDDEN)}")
    times = recording.times[tracks.first : tracks.first + len(tracks)]
    if len(times) < len(tracks):
        raise DlcxError(
            f"{recording.path.name} has {len(recording.times)} frames, its poses are of frames {tracks.first} to "
            f"{tracks.first + len(tracks) - 1}",
            hint="Are they of another version of the video?",
        )
    file = pynwb.NWBFile(
        session_description=f"Poses in {recording.path.name}, frames {tracks.first} to {tracks.first + len(times) - 1}",
        identifier=subject or "unique bodyparts",
        session_id=session_id,
        session_start_time=recording.start,
    )
    if subject is not None:
        file.subject = pynwb.file.Subject(subject_id=subject)
    name = "".join("_" if sign in FORBIDDEN else sign for sign in recording.path.stem)
    video = pynwb.image.ImageSeries(
        name=name,
        description="The video in which the poses were found",
        unit="n.a.",
        format="external",
        external_file=[_seen_from(path.parent, recording.path)],
        dimension=[recording.width, recording.height],
        starting_frame=[0],
        timestamps=recording.times,
    )
    file.add_acquisition(video)
    where = {part: number for number, part in enumerate(parts)}
    bones = [[where[one], where[other]] for one, other in skeleton if one in where and other in where]
    drawn = ndx_pose.Skeleton(
        name="skeleton",
        nodes=list(parts),
        edges=np.array(bones, np.uint8).reshape(-1, 2) if bones else None,
        subject=file.subject,
    )
    series: list[Any] = []
    for number, part in enumerate(parts):
        series.append(
            ndx_pose.PoseEstimationSeries(
                name=part,
                description=f"{part} of {subject or 'the scene'}",
                data=tracks.xy[:, 0, number],
                unit="pixels",
                reference_frame="(0, 0) is the pixel at the top left of the video; x to the right, y down",
                confidence=tracks.score[:, 0, number],
                confidence_definition="Score of the network, from 0 to 1",
                timestamps=series[0] if series else times,
            )
        )
    poses = ndx_pose.PoseEstimation(
        name="PoseEstimation",
        description=f"Poses of {subject or 'unique bodyparts'}",
        pose_estimation_series=series,
        scorer=scorer,
        source_software="dlcx",
        source_software_version=version,
        skeleton=drawn,
        source_video=video,
    )
    behavior = file.create_processing_module(name="behavior", description="Poses found in the video")
    behavior.add(ndx_pose.Skeletons(skeletons=[drawn]))
    behavior.add(poses)
    import h5py  # comes with pynwb

    content = io.BytesIO()  # the HDF5 library may crash on a full disk
    with h5py.File(content, "w") as made, pynwb.NWBHDF5IO(file=made, mode="w") as writer:
        writer.write(file)
    with atomic_file(path, content.getbuffer().nbytes) as beside:
        beside.write_bytes(content.getbuffer())


def read_session_id(path: Path) -> str:
    """The session's id, which tells an NWB file of dlcx from all others; empty for a file of another kind."""
    import h5py  # comes with pynwb

    try:
        with h5py.File(path, "r") as file:
            return str(file["general/session_id"][()].decode())
    except (OSError, KeyError, AttributeError):
        return ""


def _seen_from(folder: Path, path: Path) -> str:
    """The path from the folder, as NWB recommends, with forward slashes."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(path)
