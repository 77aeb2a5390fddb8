"""Which snapshots of a shuffle a call uses: those that it names, else those that config.yaml names."""

from __future__ import annotations

from dlcx.errors import DlcxError
from dlcx.nets.registry import untrainable
from dlcx.project import DETECTOR, Shuffle, Snapshot
from dlcx.settings import ModelConfig


def chosen_snapshot(shuffle: Shuffle, config: ModelConfig, which: str | None = None) -> Snapshot:
    """The snapshot of the pose network, see :meth:`dlcx.project.Shuffle.snapshot`.

    Parameters
    ----------
    which
        ``best``, ``last``, an epoch or a path; None: the one at config.yaml's ``snapshotindex``.

    Raises
    ------
    DlcxError
        If there is no such snapshot; the hint also fits networks that dlcx cannot train.
    """
    is_path = which is not None and which.endswith(".pt")
    if not is_path and not shuffle.snapshots() and (reason := untrainable(config.net_type)):
        raise DlcxError(
            f"{shuffle.name} has no {shuffle.prefix()} in {shuffle.train_dir}, and {config.net_type} cannot be "
            f"trained: {reason}",
            hint=shuffle.supply_hint,
        )
    return shuffle.snapshot(which)


def chosen_snapshots(shuffle: Shuffle, config: ModelConfig, which: str | None = None) -> list[Snapshot]:
    """As :func:`chosen_snapshot`, but ``all`` (also as config.yaml's ``snapshotindex``) means every snapshot.

    Raises
    ------
    DlcxError
        If there is no such snapshot.
    """
    every = "all" in (which, which or shuffle.project.snapshot_index)
    if every and (found := shuffle.snapshots()):
        return found
    return [chosen_snapshot(shuffle, config, None if every else which)]


def chosen_detector(shuffle: Shuffle, config: ModelConfig, which: str | None = None) -> Snapshot | None:
    """The snapshot of the detector of a top-down network.

    Returns
    -------
    Snapshot or None
        None for other networks, and if no snapshot is named and none exists.

    Raises
    ------
    DlcxError
        If a snapshot is named that does not exist, or the network has no detector.
    """
    if not config.uses_detector:
        if which is not None:
            raise DlcxError(
                f"--detector-snapshot {which}: {config.net_type} of {shuffle.name} has no detector",
                hint="Only top-down networks have one, see `dlcx list-models`.",
            )
        return None
    if which in (None, "best") and not shuffle.snapshots(DETECTOR):
        return None
    return shuffle.snapshot(which, DETECTOR)


def has_lost_snapshots(shuffle: Shuffle, which: str | None) -> bool:
    """Whether a call means a snapshot by its position although the shuffle has none (any more)."""
    return which in (None, "best", "last") and not shuffle.snapshots()
