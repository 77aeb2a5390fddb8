"""Which snapshots a training keeps: the best, one every so many epochs, and the last.

An epoch that improves the key metric is saved as ``-best-<epoch>``. The previous best snapshot is renamed to a regular
one if its epoch is a multiple of ``save_interval``, and deleted otherwise. Other epochs are saved if they are the last
or a multiple of ``save_interval``. Of the regular snapshots the newest ``max_snapshots`` remain. (DeepLabCut 3.0.2 has
the same rules.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot
from dlcx.project import Shuffle


@dataclass(frozen=True)
class Best:
    """The best value of the key metric.

    Attributes
    ----------
    score, epoch
        The value and its epoch.
    waited
        Number of evaluations since then without an improvement.
    """

    score: float
    epoch: int
    waited: int = 0


class Checkpointer:
    """Saves and deletes the snapshots of one training.

    Parameters
    ----------
    shuffle, prefix
        The shuffle and the name prefix of the snapshots.
    key_metric
        Name without ``metrics/``, for example ``test.mAP``.
    ascending
        Whether larger values are better.
    save_interval
        Number of epochs between regular snapshots.
    max_snapshots
        Number of regular snapshots to keep.
    best
        Best value of the key metric before this run.
    """

    def __init__(
        self,
        shuffle: Shuffle,
        *,
        prefix: str = "snapshot",
        key_metric: str = "test.mAP",
        ascending: bool = True,
        save_interval: int = 25,
        max_snapshots: int = 5,
        best: Best | None = None,
    ) -> None:
        self._shuffle = shuffle
        self._prefix = prefix
        self.key_metric = key_metric
        self._ascending = ascending
        self._save_interval = save_interval
        self._max_snapshots = max_snapshots
        self.best = best

    def save_if_due(
        self,
        epoch: int,
        *,
        last: bool,
        numbers: Mapping[str, float],
        model: Mapping[str, Tensor],
        scheduler: Mapping[str, Any] | None = None,
        optimizer: Mapping[str, Any] | None = None,
    ) -> Path | None:
        """Save an epoch if it is the best, the last, or due.

        Parameters
        ----------
        epoch
            The epoch.
        last
            Whether no epoch follows.
        numbers
            Losses and metrics by their names in learning_stats.csv.
        model, scheduler, optimizer
            State dicts to save.

        Returns
        -------
        Path or None
            The snapshot, if one was saved.
        """
        better = self.record(epoch, numbers)
        if not (better or last or epoch % self._save_interval == 0):
            return None
        path = self._shuffle.snapshot_path(epoch, best=better, prefix=self._prefix)
        write_snapshot(
            path,
            model=model,
            epoch=epoch,
            metrics={name: value for name, value in numbers.items() if name.startswith("metrics/")},
            losses={
                name.removeprefix("losses/"): value for name, value in numbers.items() if name.startswith("losses/")
            },
            scheduler=scheduler,
            optimizer=optimizer,
        )
        self._delete_old(epoch if better else None)
        return path

    def record(self, epoch: int, numbers: Mapping[str, float]) -> bool:
        """Record the key metric of an epoch; return whether it is the best so far.

        Processes that do not write snapshots call only this.
        """
        score = numbers.get(f"metrics/{self.key_metric}")
        if score is None:
            return False
        before = self.best
        if before is not None and not (score > before.score if self._ascending else score < before.score):
            self.best = replace(before, waited=before.waited + 1)
            return False
        if math.isnan(score):
            return False
        self.best = Best(score, epoch)
        return True

    def _delete_old(self, new_best: int | None) -> None:
        """Delete or rename the snapshots that the rules no longer keep."""
        found = self._shuffle.snapshots(self._prefix)
        for snapshot in found:
            if new_best is not None and snapshot.best and snapshot.epoch != new_best:
                if snapshot.epoch % self._save_interval == 0:
                    snapshot.path.replace(self._shuffle.snapshot_path(snapshot.epoch, prefix=self._prefix))
                else:
                    snapshot.path.unlink()
        regular = [snapshot for snapshot in self._shuffle.snapshots(self._prefix) if not snapshot.best]
        for snapshot in regular[: -self._max_snapshots]:
            snapshot.path.unlink()


def best_so_far(shuffle: Shuffle, key_metric: str, prefix: str = "snapshot") -> Best | None:
    """Read the best score from the best snapshot; None if there is no such snapshot or it has no score."""
    for snapshot in shuffle.snapshots(prefix):
        if snapshot.best:
            score = (read_snapshot(snapshot.path).metrics or {}).get(f"metrics/{key_metric}", math.nan)
            return None if math.isnan(score) else Best(score, snapshot.epoch)
    return None
