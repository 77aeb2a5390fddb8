"""The trained network that a call uses: its settings, its snapshots, and how to run it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis import network_loading
from dlcx.analysis.conditions import ConditionFile, ConditionSource, chosen_conditions
from dlcx.analysis.network_loading import configured_engine, configured_precision
from dlcx.analysis.snapshots import chosen_detector, chosen_snapshot, chosen_snapshots, has_lost_snapshots
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.nets.registry import untrainable
from dlcx.next_steps import USUAL_EPOCHS
from dlcx.options.command_line import command_after
from dlcx.options.commands.train import TrainOptions
from dlcx.poses import Instances, Layout
from dlcx.project import DETECTOR, Shuffle, Snapshot
from dlcx.store.settings_check import CONFIG

if TYPE_CHECKING:
    import numpy as np

    from dlcx.analysis.network_loading import LoadedNetwork
    from dlcx.data.labeled_images import LabeledImage
    from dlcx.nets.model import PoseModel
    from dlcx.options.network import SnapshotOptions
    from dlcx.predictors import Predictor
    from dlcx.settings import ModelConfig


@dataclass(frozen=True)
class TrainedNetwork:
    """A network of a shuffle with its snapshots; made by :meth:`find`, which reads pytorch_config.yaml.

    Device, engine and conditions are resolved when they are first used, and the weights are loaded with the first
    access to :attr:`model` or :attr:`predictor`.

    Parameters
    ----------
    shuffle, config
        The shuffle and its pytorch_config.yaml.
    snapshot, detector
        The weights of the pose network, and those of the detector of a top-down network if there are any.
    requested_conditions, requested_device, requested_precision, requested_engine
        What the call asks for; see :meth:`find`.
    """

    shuffle: Shuffle
    config: ModelConfig
    snapshot: Snapshot
    detector: Snapshot | None = None
    requested_conditions: str | Path | None = None
    requested_device: str = "auto"
    requested_precision: str | None = None
    requested_engine: str | None = None
    _loaded: dict[str, LoadedNetwork] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def find(
        cls,
        shuffle: Shuffle,
        *,
        config: ModelConfig | None = None,
        snapshot: str | None = None,
        detector_snapshot: str | None = None,
        conditions: str | Path | None = None,
        device: str = "auto",
        precision: str | None = None,
        engine: str | None = None,
    ) -> TrainedNetwork:
        """Find the configuration and the snapshots of a shuffle, without importing torch.

        Parameters
        ----------
        config
            The shuffle's pytorch_config.yaml, if it is already read.
        snapshot, detector_snapshot
            ``best``, ``last``, an epoch or a path; None: as config.yaml, see :meth:`dlcx.project.Shuffle.snapshot`.
        conditions
            Source of the initial poses for a conditional network, see
            :func:`dlcx.analysis.conditions.conditions_block`; None: as pytorch_config.yaml.
        device
            ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision
            ``fp32``, ``bf16`` or ``fp16``; None: see :func:`configured_precision`.
        engine
            ``torch``, ``compile``, ``onnx`` or ``auto``; None: see :func:`configured_engine`.

        Raises
        ------
        DlcxError
            If the shuffle or a snapshot does not exist, or pytorch_config.yaml is invalid.
        """
        config = config or shuffle_config(shuffle)
        pose = chosen_snapshot(shuffle, config, snapshot)
        detector = chosen_detector(shuffle, config, detector_snapshot)
        return cls(shuffle, config, pose, detector, conditions, device, precision, engine)

    @classmethod
    def of(cls, options: SnapshotOptions, **changes: Any) -> TrainedNetwork:
        """Find the network that the options of a command name.

        Parameters
        ----------
        options
            Project, shuffle and snapshots; also conditions, device, precision and engine as far as the command has
            them.
        changes
            Arguments of :meth:`find` to use instead.

        Raises
        ------
        DlcxError
            As :meth:`find`, or if the project does not exist.
        """
        shuffle = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
        names = ("snapshot", "detector_snapshot", "conditions", "device", "precision", "engine")
        named = {name: getattr(options, name) for name in names if hasattr(options, name)}
        return cls.find(shuffle, **named | changes)

    @classmethod
    def find_if_kept(
        cls, shuffle: Shuffle, config: ModelConfig, *, snapshot: str | None, detector_snapshot: str | None
    ) -> TrainedNetwork | None:
        """As :meth:`find`; None if the snapshot was deleted and its name therefore cannot be known.

        Raises
        ------
        DlcxError
            As :meth:`find`.
        """
        if has_lost_snapshots(shuffle, snapshot):
            chosen_detector(shuffle, config, detector_snapshot)
            return None
        return cls.find(shuffle, config=config, snapshot=snapshot, detector_snapshot=detector_snapshot)

    @classmethod
    def find_each(
        cls, shuffle: Shuffle, *, snapshot: str | None, detector_snapshot: str | None = None, **requested: Any
    ) -> list[TrainedNetwork]:
        """As :meth:`find`, one network for each snapshot if ``snapshot`` (or config.yaml) is ``all``.

        ``detector_snapshot`` is ignored for networks without a detector.

        Raises
        ------
        DlcxError
            As :meth:`find`.
        """
        config = shuffle_config(shuffle)
        found = chosen_snapshots(shuffle, config, snapshot)
        which = detector_snapshot if config.uses_detector else None
        first = cls.find(shuffle, config=config, snapshot=str(found[0].path), detector_snapshot=which, **requested)
        return [first.with_snapshot(one) for one in found]

    @property
    def layout(self) -> Layout:
        """Bodyparts and individuals of the project."""
        return self.shuffle.project.layout

    @property
    def scorer(self) -> str:
        """The name that result files contain."""
        return self.shuffle.scorer(self.config.net_type, self.snapshot, self.detector)

    @property
    def exported_path(self) -> Path:
        """The file beside the snapshot in which the engine ``onnx`` keeps the network."""
        return network_loading.exported_path(self.snapshot, self.config)

    @property
    def evaluation_path(self) -> Path:
        """The h5 file of predictions on the labeled images, which `dlcx evaluate` writes."""
        return self.shuffle.evaluation_dir / f"{self.scorer}.h5"

    def with_snapshot(self, snapshot: Snapshot) -> TrainedNetwork:
        """The same network with other weights."""
        return replace(self, snapshot=snapshot, _loaded={})

    def with_engine(self, engine: str) -> TrainedNetwork:
        """The same network in another engine; what is loaded already stays loaded."""
        return replace(self, requested_engine=engine)

    def on_device_elsewhere(self, device: str, precision: str, engine: str) -> TrainedNetwork:
        """The same network on a device of another machine, which this one may lack."""
        net = replace(self, requested_device=device, requested_precision=precision, requested_engine=engine, _loaded={})
        net.__dict__["device"] = device  # what the cached property would look for on this machine
        return net

    @cached_property
    def device(self) -> str:
        """The device as torch names it.

        Raises
        ------
        DlcxError
            If this machine has no such device.
        """
        from dlcx.engines.devices import choose_device

        asked = self.requested_device
        return str(choose_device(self.config.device if asked == "auto" else asked, self.config.net_type))

    @property
    def precision(self) -> str:
        """``fp32``, ``bf16`` or ``fp16``."""
        return self.requested_precision or configured_precision(self.config, self.device)

    @property
    def engine(self) -> str:
        """``torch``, ``compile``, ``onnx`` or ``auto``."""
        return self.requested_engine or configured_engine(self.config)

    @cached_property
    def conditions(self) -> ConditionSource | None:
        """The source of the initial poses; None for a network that uses none.

        Raises
        ------
        DlcxError
            If there is no such source, or it does not fit the network.
        """
        if not self.config.uses_conditions and self.requested_conditions is None:
            return None
        return chosen_conditions(self.shuffle, self.config, self.requested_conditions)

    def check(self) -> None:
        """Find everything that the network needs to run, before its weights are read.

        Raises
        ------
        DlcxError
            If a file, the device or a package is missing, or a name is unknown.
        """
        _ = self.conditions
        from dlcx.engines.torch import check_engine  # imports torch: after everything that can fail without it

        check_engine(self.engine, self.precision, self.device)

    def check_for_new_images(self, *, finds_boxes: bool = False) -> None:
        """As :meth:`check`, for images without labels.

        Parameters
        ----------
        finds_boxes
            Whether the animals are found without a detector, as with ``--dynamic-crop``.

        Raises
        ------
        DlcxError
            Also if a top-down network has no detector, or the project has other bodyparts than the network.
        """
        config, shuffle, layout = self.config, self.shuffle, self.layout
        if tuple(config.metadata.bodyparts) != layout.bodyparts:
            raise DlcxError(
                f"{shuffle.model_config_path}: metadata.bodyparts is {list(config.metadata.bodyparts)}, "
                f"config.yaml says {list(layout.bodyparts)}",
                hint="The net was made for other bodyparts; run `dlcx create-dataset` again.",
            )
        if self.needs_boxes and not finds_boxes:
            alone = 0 if untrainable(config.net_type) else None
            train = command_after(TrainOptions, shuffle.options, epochs=alone, detector_epochs=USUAL_EPOCHS)
            raise DlcxError(
                f"{shuffle.name} has no {shuffle.prefix(DETECTOR)} in {shuffle.train_dir}: "
                "nothing finds the animals for its net",
                hint=f"Train it with `{train}`, or name one with --detector-snapshot PATH.",
            )
        self.check()

    @property
    def model(self) -> PoseModel:
        """The layers with their weights."""
        return self._load().model

    @property
    def predictor(self) -> Predictor:
        """The network, ready to predict.

        Raises
        ------
        DlcxError
            If the snapshot cannot be read or does not fit the configuration.
        """
        return self._load().predictor

    def _load(self) -> LoadedNetwork:
        if self.engine not in self._loaded:
            self._loaded[self.engine] = network_loading.load_network(self)
        return self._loaded[self.engine]

    def with_fastest_engine(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> TrainedNetwork:
        """The network in the engine that ``auto`` means.

        Parameters
        ----------
        images
            (B, H, W, 3) uint8 RGB, on which the engines are compared.
        conditions
            Boxes or initial poses in these images, see :meth:`conditions_of_images`.
        """
        from dlcx.analysis.auto_engine import choose_engine

        if not self._loaded:
            tried: dict[str, LoadedNetwork] = {}

            def load(name: str) -> Predictor:
                tried[name] = network_loading.load_network(self.with_engine(name))
                return tried[name].predictor

            engine = choose_engine(load, images, conditions, device=self.device, precision=self.precision)
            self._loaded[engine] = tried[engine]
        return self.with_engine(next(iter(self._loaded)))

    @property
    def needs_boxes(self) -> bool:
        """Whether it is a top-down network without a detector, which needs boxes around the labels."""
        return self.config.uses_detector and self.detector is None

    def conditions_of_images(self, images: Sequence[LabeledImage]) -> list[Instances] | None:
        """What the predictor needs to know of images because it cannot find it.

        Returns
        -------
        list of Instances, or None
            For each image, boxes around the labels for a top-down network without a detector, or the poses that
            ``--conditions FILE`` holds of it; None if the predictor needs neither.
        """
        if self.needs_boxes:
            from dlcx.data.labeled_images import labeled_boxes

            return [labeled_boxes(image, self.config.data.bbox_margin) for image in images]
        return self.conditions_of_files([image.path for image in images])

    def conditions_of_files(self, images: Sequence[Path]) -> list[Instances] | None:
        """The poses that ``--conditions FILE`` holds of image files; None without such a file."""
        if not isinstance(self.conditions, ConditionFile):
            return None
        return [self.conditions.poses.of_image(path) for path in images]

    def conditions_of_frames(self, first: int, count: int, corner: tuple[int, int] = (0, 0)) -> list[Instances] | None:
        """The poses that ``--conditions FILE`` holds of consecutive frames; None without such a file.

        Parameters
        ----------
        first, count
            The first frame, and the number of frames.
        corner
            x and y in pixels of the frame from which the poses are to count.
        """
        if not isinstance(self.conditions, ConditionFile):
            return None
        found = self.conditions.poses.of_frames(first, count)
        return found if corner == (0, 0) else [poses.shifted(-corner[0], -corner[1]) for poses in found]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything about the network that predictions depend on, as the chunk store records it."""
        plain = self.config.plain()
        seen = {"model": plain["model"], "method": plain["method"], "inference": plain["data"]["inference"]}
        if self.detector is not None:
            seen["detector"] = {"model": plain["detector"]["model"], "data": plain["detector"]["data"]["inference"]}
        helpers = {} if self.detector is None else {"detector": self.detector.fingerprint()}
        if self.conditions is not None:
            seen["conditions"] = {"margin": plain["data"]["bbox_margin"], **self.conditions.relevant_config}
            helpers = {"conditions": self.conditions.fingerprint()}
        config = hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()
        return {
            "snapshot": self.snapshot.fingerprint(),
            **helpers,
            CONFIG: config[:16],
            "--device": self.device,
            "--precision": self.precision,
            "--engine": self.engine,
        }


def check_detector_flag(nets: Sequence[TrainedNetwork], which: str | None) -> None:
    """Refuse ``--detector-snapshot`` if none of several networks has a detector.

    Raises
    ------
    DlcxError
        In that case.
    """
    if which is not None and not any(net.config.uses_detector for net in nets):
        chosen_detector(nets[0].shuffle, nets[0].config, which)
