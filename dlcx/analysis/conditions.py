"""Conditions: the initial poses that a conditional (BUCTD) network corrects, from another network or from a file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis.snapshots import chosen_detector
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
class ConditionNetwork:
    """A network that finds the initial poses in the same images.

    Parameters
    ----------
    config, snapshot
        Its settings and weights.
    detector
        Weights of its detector, if it is a top-down network with one.
    shuffle
        The shuffle that it belongs to; None if pytorch_config.yaml names configuration and snapshot by their paths.
    """

    config: ModelConfig
    snapshot: Snapshot
    detector: Snapshot | None
    shuffle: Shuffle | None

    @classmethod
    def of_shuffle(cls, shuffle: Shuffle, config: ModelConfig, snapshot: Snapshot) -> ConditionNetwork:
        """The network of a shuffle, with the detector at config.yaml's ``detector_snapshotindex``."""
        return cls(config, snapshot, chosen_detector(shuffle, config), shuffle)

    @property
    def title(self) -> str:
        """How messages and reports name it."""
        shuffle = "" if self.shuffle is None else f"shuffle {self.shuffle.number}, "
        return f"{shuffle}snapshot {self.snapshot.uid}"

    @property
    def relevant_config(self) -> dict[str, Any]:
        """The part of its configuration that the initial poses depend on."""
        plain = self.config.plain()
        return {"model": plain["model"], "inference": plain["data"]["inference"], "detector": plain["detector"]}

    def fingerprint(self) -> str:
        """Network type and weights, including those of a detector."""
        detector = "" if self.detector is None else f", {self.detector.fingerprint()}"
        return f"{self.config.net_type}, {self.snapshot.fingerprint()}{detector}"


@dataclass(frozen=True)
class ConditionFile:
    """A file of poses that were predicted earlier, for the ``bodyparts`` of the conditional network."""

    path: Path
    bodyparts: tuple[str, ...]

    @property
    def title(self) -> str:
        """How messages and reports name it."""
        return str(self.path)

    @property
    def relevant_config(self) -> dict[str, Any]:
        """Empty: the initial poses depend on the content of the file alone, see :meth:`fingerprint`."""
        return {}

    def fingerprint(self) -> str:
        """Name and checksum of the file."""
        with open_binary(self.path) as file:
            return f"{self.path.name} ({hashlib.file_digest(file, 'sha256').hexdigest()[:16]})"

    @cached_property
    def poses(self) -> ConditionPoses:
        """The content of the file."""
        from dlcx.formats.predictions.condition_poses import read_condition_poses

        return read_condition_poses(self.path, self.bodyparts)


ConditionSource = ConditionNetwork | ConditionFile


def conditions_block(project: Project, named: str | Path, preferred: int = 0) -> dict[str, Any]:
    """``inference.conditions`` of pytorch_config.yaml for a value of ``--conditions``.

    Parameters
    ----------
    named
        ``SHUFFLE``, ``SHUFFLE:SNAPSHOT`` or the path of a file.
    preferred
        Position in TrainingFraction to use if several fractions have a shuffle of that number.

    Raises
    ------
    DlcxError
        If the file or the snapshot does not exist.
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
    """The source of a network's conditions.

    Parameters
    ----------
    named
        The value of ``--conditions``; None: as ``inference.conditions`` of pytorch_config.yaml.

    Returns
    -------
    ConditionSource or None
        None for a network that uses no conditions.

    Raises
    ------
    DlcxError
        If no source is named, or the named one does not exist or does not fit the network.
    """
    if not config.uses_conditions:
        if named is not None:
            raise DlcxError(f"--conditions {named}: {config.net_type} takes none, only BUCTD nets do")
        return None
    where = f"{shuffle.model_config_path}: inference.conditions"
    block: Any = config.inference.conditions
    if named is not None:
        where = f"--conditions {named}"
        block = conditions_block(shuffle.project, named, shuffle.trainset_index)
    elif block is None:
        raise DlcxError(
            f"{where} is empty: {config.net_type} corrects poses that something else must find first", hint=HINT
        )
    elif not isinstance(block, str):
        block = block.plain()
    return _source(shuffle, config, block, where)


def _source(shuffle: Shuffle, config: ModelConfig, block: Any, where: str) -> ConditionSource:
    if isinstance(block, str):
        block = conditions_of_file(block)
    kind = block.get("source") or ("shuffle" if block.get("shuffle") is not None else "file")
    bodyparts = tuple(config.metadata.bodyparts)
    if kind == "file":
        path = Path(str(block.get("filepath")))
        path = path if path.is_file() else shuffle.project.root / path
        if not path.is_file():
            raise DlcxError(f"{where}: no such file: {block.get('filepath')}", hint=HINT)
        return ConditionFile(path, bodyparts)
    if kind == "model":
        for key in ("config_path", "snapshot_path"):
            if not Path(str(block.get(key))).is_file():
                raise DlcxError(f"{where}.{key}: no such file: {block.get(key)}", hint=HINT)
        config_path, snapshot_path = Path(block["config_path"]), Path(block["snapshot_path"])
        found = ConditionNetwork(read_model_config(config_path), Snapshot.of(snapshot_path), None, None)
    else:
        if prefix := block.get("modelprefix"):
            raise DlcxError(
                f"{where}: modelprefix {prefix}: dlcx looks for networks in dlc-models-pytorch only",
                hint="Name the network by its files: {source: model, config_path: ..., snapshot_path: ...}.",
            )
        project = shuffle.project
        if config_path := block.get("config"):
            if not Path(str(config_path)).exists():
                raise DlcxError(f"{where}.config: no such project: {config_path}", hint=HINT)
            project = open_project(config_path)
        other = project.shuffle(block["shuffle"], block.get("trainset_index") or 0)
        if not other.model_config_path.is_file():
            raise DlcxError(f"{where}: there is no shuffle {other.number} ({other.name})", hint=HINT)
        found = ConditionNetwork.of_shuffle(other, shuffle_config(other), _snapshot(other, block))
    if not found.snapshot.path.is_file():
        raise DlcxError(f"{where}: no such file: {found.snapshot.path}", hint=HINT)
    if found.config.uses_conditions:
        raise DlcxError(f"{where}: {found.config.net_type} needs conditions itself", hint=HINT)
    if tuple(found.config.metadata.bodyparts) != bodyparts:
        raise DlcxError(
            f"{where}: that net finds {', '.join(found.config.metadata.bodyparts)}, needed are {', '.join(bodyparts)}"
        )
    return found


def _snapshot(shuffle: Shuffle, block: dict[str, Any]) -> Snapshot:
    """The snapshot named by name or by position in pytorch_config.yaml; else config.yaml's."""
    if name := block.get("snapshot"):
        return shuffle.snapshot(name if name.endswith(".pt") or name in ("best", "last") else f"{name}.pt")
    found = shuffle.snapshots()
    if (index := block.get("snapshot_index")) is not None and found:
        if not -len(found) <= index < len(found):
            raise DlcxError(f"inference.conditions.snapshot_index {index}: {shuffle.name} has {len(found)} snapshots")
        result: Snapshot = found[index]
        return result
    return shuffle.snapshot()
