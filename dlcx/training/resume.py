"""Where a training begins: at its own saved state, at a snapshot, or at first weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.project import Shuffle, Snapshot
from dlcx.user_paths import user_path


@dataclass(frozen=True)
class ResumePoint:
    """A resume state, else a snapshot, else first weights.

    ``foreign``: the snapshot is of another training.  ``outdated``: files of the training that is given up.
    """

    state: Path | None = None
    snapshot: Snapshot | None = None
    foreign: bool = False
    outdated: tuple[Path, ...] = ()

    @property
    def source(self) -> Path | None:
        """The file it begins at."""
        return self.state or (self.snapshot.path if self.snapshot else None)


def choose_resume_point(
    place: Shuffle,
    resume: str,
    *,
    prefix: str,
    detector: bool = False,
    continued: str | None = None,
    overwrite: bool = False,
    job: str = "",
) -> ResumePoint:
    """What ``--resume`` means in this folder.

    Parameters
    ----------
    place, prefix, detector
        The shuffle, the name of its snapshots, and whether they are those of its detector.
    resume
        ``auto``: the resume state, else the last snapshot, else ``continued``; ``none``: first weights; or a snapshot.
    continued
        ``resume_training_from`` of pytorch_config.yaml.
    overwrite
        Whether files of the training so far may go.
    job
        A job that runs again: what it has begun itself goes on, whatever ``resume`` says.

    Raises
    ------
    DlcxError
        When a snapshot does not exist, or files would be lost.
    """
    own, files = place.snapshots(prefix), place.training_files(detector=detector)
    state = files.resume_state if files.resume_state.is_file() else None
    if resume == "auto" or (job and state and _job_of(state) == job):
        if state:
            return ResumePoint(state=state)
        if own:
            return ResumePoint(snapshot=max(own, key=lambda snapshot: snapshot.epoch))
        if continued:
            return ResumePoint(snapshot=_find(place, continued, "resume_training_from"), foreign=True)
        return ResumePoint()
    snapshot = None if resume == "none" else _find(place, resume, "--resume")
    mine = snapshot is not None and snapshot.path.parent == place.train_dir.resolve()
    kept = snapshot.epoch if snapshot and mine else -1
    outdated = [found.path for found in own if found.epoch > kept] + ([state] if state else [])
    if not mine:
        outdated += [path for path in (files.learning_stats, files.learning_curve) if path.is_file()]
    if outdated and not overwrite:
        raise DlcxError(
            f"--resume {resume}: {place.train_dir} holds {len(outdated)} file(s) of the training so far, "
            f"such as {outdated[0].name}",
            hint="Add --overwrite to delete them, or leave --resume out to go on.",
        )
    return ResumePoint(snapshot=snapshot, foreign=snapshot is not None and not mine, outdated=tuple(outdated))


def _job_of(state: Path) -> str:
    """The job that saved a training's state; "" when none did, or the file cannot be read."""
    from dlcx.training.resume_state import read_state

    try:
        return str(read_state(state).get("job", ""))
    except DlcxError:
        return ""


def _find(place: Shuffle, name: str, flag: str) -> Snapshot:
    """The snapshot of that path, seen from here, from the train folder, or from the project."""
    given = user_path(name)
    for path in (given, place.train_dir / given, place.project.root / given):
        if path.is_file():
            return Snapshot.of(path.resolve())
    raise DlcxError(f"{flag}: no such snapshot: {name}")
