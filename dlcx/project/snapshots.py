"""Snapshots of a network's weights and the other files that its training writes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlcx.untrusted_files import open_binary

#: Prefixes of the snapshots of a pose network and of a detector, unless pytorch_config.yaml sets others.
POSE, DETECTOR = "snapshot", "snapshot-detector"


def default_prefixes(_config: Path) -> Mapping[str, str]:
    """Return the prefixes that a pytorch_config.yaml sets instead of :data:`POSE` and :data:`DETECTOR`: none."""
    return {}


@dataclass(frozen=True)
class TrainingFiles:
    """Files other than snapshots that training one network writes; ``kind`` is "" or ``detector``."""

    folder: Path
    kind: str = ""

    @property
    def learning_stats(self) -> Path:
        """``learning_stats.csv``, ``learning_stats_detector.csv``: one row per epoch."""
        return self.folder / f"learning_stats{self.kind and '_' + self.kind}.csv"

    @property
    def learning_curve(self) -> Path:
        """``learning_curve.png``, ``learning_curve_detector.png``."""
        return self.folder / f"learning_curve{self.kind and '_' + self.kind}.png"

    @property
    def resume_state(self) -> Path:
        """``dlcx-resume.pt``, ``dlcx-resume-detector.pt``: the state needed to resume training."""
        return self.folder / f"dlcx-resume{self.kind and '-' + self.kind}.pt"


@dataclass(frozen=True)
class Snapshot:
    """A file of network weights, ``snapshot[-best]-<epoch>.pt``."""

    path: Path
    epoch: int
    best: bool

    @classmethod
    def of(cls, path: Path) -> Snapshot:
        """Parse epoch and kind from a file name; a name without them counts as epoch 0."""
        match = re.search(r"(-best)?-(\d+)\.pt$", path.name)
        return cls(path, epoch=int(match[2]) if match else 0, best=bool(match and match[1]))

    @property
    def uid(self) -> str:
        """``best-25`` or ``10``, as in the names of scorers."""
        return f"best-{self.epoch}" if self.best else str(self.epoch)

    def fingerprint(self) -> str:
        """Return the file's name and a digest of its content."""
        with open_binary(self.path) as file:
            return f"{self.path.name} ({hashlib.file_digest(file, 'sha256').hexdigest()[:16]})"
