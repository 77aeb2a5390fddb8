"""The point at which a training starts: its resume state, a snapshot, or initial weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.project import Shuffle, Snapshot
from dlcx.user_paths import user_path


@dataclass(frozen=True)
class ResumePoint:
    """A resume state, otherwise a snapshot, otherwise initial weights.

    Attributes
    ----------
    state
        The resume state of this training.
    snapshot
        A snapshot.
    foreign
        Whether the snapshot belongs to a different training.
    outdated
        Files of an earlier training that this one replaces.
    """

    state: Path | None = None
    snapshot: Snapshot | None = None
    foreign: bool = False
    outdated: tuple[Path, ...] = ()

    @property
    def source(self) -> Path | None:
        """The file to start from; None for initial weights."""
        return self.state or (self.snapshot.path if self.snapshot else None)


def choose_resume_point(
    shuffle: Shuffle,
    resume: str,
    *,
    prefix: str,
    detector: bool = False,
    continued: str | None = None,
    overwrite: bool = False,
    job: str = "",
) -> ResumePoint:
    """Resolve ``--resume``.

    Parameters
    ----------
    shuffle, prefix, detector
        The shuffle, the name prefix of the snapshots, and whether they are the detector's.
    resume
        ``auto``: the resume state, otherwise the last snapshot, otherwise ``continued``. ``none``: initial weights.
        Otherwise the path of a snapshot.
    continued
        ``resume_training_from`` of pytorch_config.yaml.
    overwrite
        Whether to delete files of the earlier training.
    job
        Name of a requeued SLURM job, which resumes its own training whatever ``resume`` says.

    Raises
    ------
    DlcxError
        If a snapshot does not exist, or files would be lost without ``overwrite``.
    """
    existing, files = shuffle.snapshots(prefix), shuffle.training_files(detector=detector)
    state = files.resume_state if files.resume_state.is_file() else None
    if resume == "auto" or (job and state and _job_of(state) == job):
        if state:
            return ResumePoint(state=state)
        if existing:
            return ResumePoint(snapshot=max(existing, key=lambda snapshot: snapshot.epoch))
        if continued:
            return ResumePoint(snapshot=_find(shuffle, continued, "resume_training_from"), foreign=True)
        return ResumePoint()
    snapshot = None if resume == "none" else _find(shuffle, resume, "--resume")
    in_folder = snapshot is not None and snapshot.path.parent == shuffle.train_dir.resolve()
    kept = snapshot.epoch if snapshot and in_folder else -1
    outdated = [found.path for found in existing if found.epoch > kept] + ([state] if state else [])
    if not in_folder:
        outdated += [path for path in (files.learning_stats, files.learning_curve) if path.is_file()]
    if outdated and not overwrite:
        raise DlcxError(
            f"--resume {resume}: {shuffle.train_dir} holds {len(outdated)} file(s) of the training so far, "
            f"such as {outdated[0].name}",
            hint="Add --overwrite to delete them, or leave out --resume to resume the training.",
        )
    return ResumePoint(snapshot=snapshot, foreign=snapshot is not None and not in_folder, outdated=tuple(outdated))


def _job_of(state: Path) -> str:
    """The job that wrote a resume state; empty if there was none or the file cannot be read."""
    from dlcx.training.resume_state import read_state

    try:
        return str(read_state(state).get("job", ""))
    except DlcxError:
        return ""


def _find(shuffle: Shuffle, name: str, flag: str) -> Snapshot:
    """Find a snapshot by its path relative to the current folder, the train folder or the project."""
    given = user_path(name)
    for path in (given, shuffle.train_dir / given, shuffle.project.root / given):
        if path.is_file():
            return Snapshot.of(path.resolve())
    raise DlcxError(f"{flag}: no such snapshot: {name}")
