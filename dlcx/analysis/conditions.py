"""Where a conditional net finds the poses that it corrects: with another net in the same pass, or in a file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import read_model_config, shuffle_config
from dlcx.nets.configure import conditions_of_file, conditions_of_shuffle
from dlcx.project import Project, Shuffle, Snapshot
from dlcx.settings import ModelConfig
from dlcx.untrusted_files import open_binary
from dlcx.user_paths import user_path

if TYPE_CHECKING:
    from dlcx.formats.predictions.condition_poses import ConditionPoses

HINT = "Name a shuffle or a file of predictions with --conditions SHUFFLE[:SNAPSHOT]|FILE."


@dataclass(frozen=True)
class ConditionNet:
    """A net that runs on the same images; ``shuffle`` is None where the file names net and snapshot by their paths."""

    config: ModelConfig
    snapshot: Snapshot
    shuffle: Shuffle | None

    @property
    def title(self) -> str:
        """For people."""
        where = "" if self.shuffle is None else f"shuffle {self.shuffle.number}, "
        return f"{where}snapshot {self.snapshot.uid}"

    @property
    def seen(self) -> dict[str, Any]:
        """What of the net's configuration the poses depend on."""
        plain = self.config.plain()
        return {"model": plain["model"], "inference": plain["data"]["inference"], "detector": plain["detector"]}

    def fingerprint(self) -> str:
        """Net and weights, also those of a top-down net's detector."""
        from dlcx.analysis.loading import chosen_detector

        detector = None if self.shuffle is None else chosen_detector(self.shuffle, self.config)
        found_by = "" if detector is None else f", {detector.fingerprint()}"
        return f"{self.config.net_type}, {self.snapshot.fingerprint()}{found_by}"


@dataclass(frozen=True)
class ConditionFile:
    """Poses that were predicted before."""

    path: Path
    bodyparts: tuple[str, ...]

    @property
    def title(self) -> str:
        """For people."""
        return str(self.path)

    @property
    def seen(self) -> dict[str, Any]:
        """Nothing beside the file."""
        return {}

    def fingerprint(self) -> str:
        """The file's name and what it holds."""
        with open_binary(self.path) as file:
            return f"{self.path.name} ({hashlib.file_digest(file, 'sha256').hexdigest()[:16]})"

    @cached_property
    def given(self) -> ConditionPoses:
        """What the file holds."""
        from dlcx.formats.predictions.condition_poses import read_condition_poses

        return read_condition_poses(self.path, self.bodyparts)


ConditionSource = ConditionNet | ConditionFile


def conditions_block(project: Project, named: str | Path, preferred: int = 0) -> dict[str, Any]:
    """``inference.conditions`` of pytorch_config.yaml for ``SHUFFLE``, ``SHUFFLE:SNAPSHOT`` or the path of a file.

    ``preferred`` is the position in TrainingFraction that counts where several have a shuffle of that number.

    Raises
    ------
    DlcxError
        When the file or the snapshot does not exist.
    """
    text = str(named)
    if match := re.fullmatch(r"(\d{1,9})(?::(.+))?", text.strip()):
        number, which = int(match[1]), match[2]
        other = project.shuffle(number, preferred=preferred)
        name = which and other.snapshot(which).path.name
        return conditions_of_shuffle(number, name, other.trainset_index)
    path = user_path(text)
    if not path.is_file():
        raise DlcxError(
            f"--conditions {text}: no such file", hint="Expected the number of a shuffle, N:SNAPSHOT, or a file."
        )
    return conditions_of_file(path.resolve())


def chosen_conditions(shuffle: Shuffle, config: ModelConfig, named: str | Path | None = None) -> ConditionSource | None:
    """Where the net of a shuffle finds its conditions: as ``named`` says, else as its file does; None for other nets.

    Raises
    ------
    DlcxError
        When nothing is named, or what is named does not exist or fit.
    """
    if config.method != "ctd":
        if named is not None:
            raise DlcxError(f"--conditions {named}: {config.net_type} takes none, only BUCTD nets do")
        return None
    place = f"{shuffle.model_config_path}: inference.conditions"
    block: Any = config.inference.conditions
    if named is not None:
        place = f"--conditions {named}"
        block = conditions_block(shuffle.project, named, shuffle.trainset_index)
    elif block is None:
        raise DlcxError(
            f"{place} is empty: {config.net_type} corrects poses that something else must find first", hint=HINT
        )
    elif not isinstance(block, str):
        block = block.plain()
    return _source(shuffle, config, block, place)


def _source(shuffle: Shuffle, config: ModelConfig, block: Any, place: str) -> ConditionSource:
    if isinstance(block, str):
        block = conditions_of_file(block)
    kind = block.get("source") or ("shuffle" if block.get("shuffle") is not None else "file")
    bodyparts = tuple(config.metadata.bodyparts)
    if kind == "file":
        path = Path(str(block.get("filepath")))
        path = path if path.is_file() else shuffle.project.root / path
        if not path.is_file():
            raise DlcxError(f"{place}: no such file: {block.get('filepath')}", hint=HINT)
        return ConditionFile(path, bodyparts)
    if kind == "model":
        for key in ("config_path", "snapshot_path"):
            if not Path(str(block.get(key))).is_file():
                raise DlcxError(f"{place}.{key}: no such file: {block.get(key)}", hint=HINT)
        found = ConditionNet(read_model_config(block["config_path"]), Snapshot.of(Path(block["snapshot_path"])), None)
    else:
        if prefix := block.get("modelprefix"):
            raise DlcxError(
                f"{place}: modelprefix {prefix}: dlcx looks for networks in dlc-models-pytorch only",
                hint="Name the network by its files: {source: model, config_path: ..., snapshot_path: ...}.",
            )
        project = shuffle.project
        if config_path := block.get("config"):
            if not Path(str(config_path)).exists():
                raise DlcxError(f"{place}.config: no such project: {config_path}", hint=HINT)
            project = open_project(config_path)
        other = project.shuffle(block["shuffle"], block.get("trainset_index") or 0)
        if not other.model_config_path.is_file():
            raise DlcxError(f"{place}: there is no shuffle {other.number} ({other.name})", hint=HINT)
        found = ConditionNet(shuffle_config(other), _snapshot(other, block), other)
    if not found.snapshot.path.is_file():
        raise DlcxError(f"{place}: no such file: {found.snapshot.path}", hint=HINT)
    if found.config.method == "ctd":
        raise DlcxError(f"{place}: {found.config.net_type} needs conditions itself", hint=HINT)
    if tuple(found.config.metadata.bodyparts) != bodyparts:
        raise DlcxError(
            f"{place}: that net finds {', '.join(found.config.metadata.bodyparts)}, needed are {', '.join(bodyparts)}"
        )
    return found


def _snapshot(shuffle: Shuffle, block: dict[str, Any]) -> Snapshot:
    """The snapshot that a file names by name or by its place in DeepLabCut's list; else config.yaml's."""
    if name := block.get("snapshot"):
        return shuffle.snapshot(name if name.endswith(".pt") or name in ("best", "last") else f"{name}.pt")
    found = shuffle.snapshots()
    if (index := block.get("snapshot_index")) is not None and found:
        if not -len(found) <= index < len(found):
            raise DlcxError(f"inference.conditions.snapshot_index {index}: {shuffle.name} has {len(found)} snapshots")
        return found[index]
    return shuffle.snapshot()
