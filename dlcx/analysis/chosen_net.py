"""The net that a call names: all that is known of it before it is built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis.conditions import ConditionFile, ConditionSource, chosen_conditions
from dlcx.analysis.frame_range import Crop
from dlcx.analysis.loading import (
    chosen_detector,
    chosen_snapshot,
    configured_engine,
    configured_precision,
)
from dlcx.errors import DlcxError
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.nets.registry import untrainable
from dlcx.next_steps import USUAL_EPOCHS, command_line
from dlcx.poses import Instances, Layout
from dlcx.project import DETECTOR, Shuffle, Snapshot
from dlcx.store.chunks import CONFIG

if TYPE_CHECKING:
    import numpy as np

    from dlcx.formats.predictions.condition_poses import ConditionPoses
    from dlcx.predictors import Predictor
    from dlcx.settings import ModelConfig


@dataclass(frozen=True)
class ChosenNet:
    """Which net is asked for, known without building it; :meth:`load` builds it at its first call.

    ``load_with`` builds it for an engine; ``loaded`` holds what is built.
    """

    place: Shuffle
    config: ModelConfig
    snapshot: Snapshot
    detector: Snapshot | None
    conditions: ConditionSource | None
    scorer: str
    device: str
    precision: str
    engine: str
    load_with: Callable[[str], Predictor]
    loaded: dict[str, Predictor] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        place: Shuffle,
        *,
        snapshot: str | None,
        detector_snapshot: str | None = None,
        conditions: str | Path | None = None,
        device: str,
        precision: str | None,
        engine: str | None,
        searches: bool = False,
    ) -> ChosenNet:
        """Find configuration, snapshots and device; a top-down net ``searches`` where it needs no detector.

        Raises
        ------
        DlcxError
            When one of them cannot be had, or the net was made for other bodyparts than the project has.
        """
        config = shuffle_config(place)
        chosen = chosen_snapshot(place, config, snapshot)
        layout = place.project.layout
        if tuple(config.metadata.bodyparts) != layout.bodyparts:
            raise DlcxError(
                f"{place.model_config_path}: metadata.bodyparts is {list(config.metadata.bodyparts)}, "
                f"config.yaml says {list(layout.bodyparts)}",
                hint="The net was made for other bodyparts; run `dlcx create-dataset` again.",
            )
        detector = chosen_detector(place, config, detector_snapshot)
        if config.method == "td" and detector is None and not searches:
            alone = ("--epochs", "0") if untrainable(config.net_type) else ()
            train = command_line("train", *place.flags, *alone, "--detector-epochs", str(USUAL_EPOCHS))
            raise DlcxError(
                f"{place.name} has no {place.prefix(DETECTOR)} in {place.train_dir}: "
                "nothing finds the animals for its net",
                hint=f"Train it with `{train}`, or name one with --detector-snapshot PATH.",
            )
        source = chosen_conditions(place, config, conditions)
        from dlcx.engines.devices import choose_device  # imports torch: after all that can go wrong without it
        from dlcx.engines.torch import check_engine

        named = str(choose_device(config.device if device == "auto" else device, config.net_type))
        engine = engine or configured_engine(config)
        check_engine(engine, precision or "fp32", named)

        def load_with(kind: str) -> Predictor:
            from dlcx.analysis import loading

            loaded = loading.load_predictor(
                place,
                snapshot=str(chosen.path),
                detector_snapshot=str(detector.path) if detector else None,
                conditions=conditions,
                device=named,
                precision=precision,
                engine=kind,
            )
            return loaded.predictor

        scorer = place.scorer(config.net_type, chosen, detector)
        mixed = precision or configured_precision(config, named)
        return cls(place, config, chosen, detector, source, scorer, named, mixed, engine, load_with)

    def load(self) -> Predictor:
        """The net, ready to predict."""
        if self.engine not in self.loaded:
            self.loaded[self.engine] = self.load_with(self.engine)
        return self.loaded[self.engine]

    def with_engine(self, kind: str) -> ChosenNet:
        """The same net in another engine."""
        return replace(self, engine=kind)

    def tried_on(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> ChosenNet:
        """The net in the engine that ``auto`` means, chosen on the first images that it is given."""
        from dlcx.analysis.auto_engine import choose_engine

        if not self.loaded:
            kind, predictor = choose_engine(
                self.load_with, images, guesses, device=self.device, precision=self.precision
            )
            self.loaded[kind] = predictor
        return self.with_engine(next(iter(self.loaded)))

    @property
    def layout(self) -> Layout:
        """The project's."""
        return self.place.project.layout

    @property
    def given(self) -> ConditionPoses | None:
        """The poses that a conditional net corrects, where they come from a file."""
        return self.conditions.given if isinstance(self.conditions, ConditionFile) else None

    def guesses(self, first: int, count: int, crop: Crop | None = None) -> list[Instances] | None:
        """What such a file has of consecutive frames, in pixels of the part x1, x2, y1, y2 of them."""
        if self.given is None:
            return None
        found = self.given.of_frames(first, count)
        return found if crop is None else [guess.moved(-crop[0], -crop[2]) for guess in found]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All that the numbers depend on, for the store to remember."""
        plain = self.config.plain()
        seen = {"model": plain["model"], "method": plain["method"], "inference": plain["data"]["inference"]}
        if self.detector is not None:
            seen["detector"] = {"model": plain["detector"]["model"], "data": plain["detector"]["data"]["inference"]}
        found_by = {} if self.detector is None else {"detector": self.detector.fingerprint()}
        if self.conditions is not None:
            seen["conditions"] = {"margin": plain["data"]["bbox_margin"], **self.conditions.seen}
            found_by = {"conditions": self.conditions.fingerprint()}
        config = hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()
        return {
            "snapshot": self.snapshot.fingerprint(),
            **found_by,
            CONFIG: config[:16],
            "--device": self.device,
            "--precision": self.precision,
            "--engine": self.engine,
        }


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run torch with so many threads: sums come out the same as in the run that is continued."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
