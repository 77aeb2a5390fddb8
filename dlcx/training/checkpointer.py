"""Which snapshots a training keeps: the best one, one every so many epochs, and the last.

After an epoch whose key metric beats the best so far, ``-best-<epoch>`` is saved; the best before it becomes a regular
snapshot if its epoch is one to save, else it goes.  Any other epoch is saved if it is the last or its number is a
multiple of ``every``.  Of the regular ones the newest ``most`` stay.  (Rules of DeepLabCut 3.0.2.)
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
    """The best value of the key metric so far, its epoch, and how many evaluations since were not better."""

    score: float
    epoch: int
    waited: int = 0


class Checkpointer:
    """Saves and deletes the snapshots of one training.

    Parameters
    ----------
    shuffle, prefix
        Where, and under which name.
    key_metric
        Name without ``metrics/``, e.g. ``test.mAP``.
    ascending
        Whether larger is better.
    every, most
        Epochs between regular snapshots, and how many of these are kept.
    best
        What an earlier stage of the training remembers.
    """

    def __init__(
        self,
        shuffle: Shuffle,
        *,
        prefix: str = "snapshot",
        key_metric: str = "test.mAP",
        ascending: bool = True,
        every: int = 25,
        most: int = 5,
        best: Best | None = None,
    ) -> None:
        self._shuffle = shuffle
        self._prefix = prefix
        self.key_metric = key_metric
        self._ascending = ascending
        self._every = every
        self._most = most
        self.best = best

    def keep(
        self,
        epoch: int,
        *,
        last: bool,
        numbers: Mapping[str, float],
        model: Mapping[str, Tensor],
        scheduler: Mapping[str, Any] | None = None,
        optimizer: Mapping[str, Any] | None = None,
    ) -> Path | None:
        """Decide about an epoch, whose ``numbers`` have their names in learning_stats.csv; the file saved, if any."""
        better = self.judge(epoch, numbers)
        if not (better or last or epoch % self._every == 0):
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
        self._tidy(epoch if better else None)
        return path

    def judge(self, epoch: int, numbers: Mapping[str, float]) -> bool:
        """Whether this epoch is the best so far; remembers it, and is enough where another process writes."""
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

    def _tidy(self, new_best: int | None) -> None:
        """Delete what the rules give up."""
        found = self._shuffle.snapshots(self._prefix)
        for snapshot in found:
            if new_best is not None and snapshot.best and snapshot.epoch != new_best:
                if snapshot.epoch % self._every == 0:
                    snapshot.path.replace(self._shuffle.snapshot_path(snapshot.epoch, prefix=self._prefix))
                else:
                    snapshot.path.unlink()
        regular = [snapshot for snapshot in self._shuffle.snapshots(self._prefix) if not snapshot.best]
        for snapshot in regular[: -self._most]:
            snapshot.path.unlink()


def best_so_far(shuffle: Shuffle, key_metric: str, prefix: str = "snapshot") -> Best | None:
    """The best so far as the best snapshot itself has it; None where there is none or it does not say."""
    for snapshot in shuffle.snapshots(prefix):
        if snapshot.best:
            score = (read_snapshot(snapshot.path).metrics or {}).get(f"metrics/{key_metric}", math.nan)
            return None if math.isnan(score) else Best(score, snapshot.epoch)
    return None
