"""Export a trained network as DeepLabCut-Live's ``.pt`` or as ONNX, and verify the file against the snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.conditions import ConditionFile
from dlcx.analysis.lookup.example_frames import Frame, real_frames
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.options.commands.export_model import ExportModelOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Instances
from dlcx.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import Tensor

    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.engines.onnx import EngineDifference
    from dlcx.formats.weights.live_model import LiveModel
    from dlcx.heads.protocol import Outputs
    from dlcx.options.keywords import ExportModelKeywords
    from dlcx.project import Shuffle

FORMATS = ("pt", "onnx")
#: Number of frames that ``--verify`` compares; an export without it uses one.
FRAMES = 10
#: Metadata key of an ONNX file for its source.
MADE_FROM = "dlcx made from"
#: A function from network inputs to the output maps of every head.
Run = Callable[[Sequence["Tensor"]], "Outputs"]


@dataclass(frozen=True)
class ExportVerification:
    """Largest differences between the exported network and the network in torch.

    ``frames`` is the number of frames, and ``inputs`` the number of crops or full images in them.  ``maps`` is relative
    to the highest value of the maps; ``pixels`` is the largest shift of a keypoint in pixels of the network input.
    """

    frames: int
    inputs: int
    maps: float
    pixels: float


@dataclass(frozen=True)
class ExportModelResult:
    """Exported file, inputs and outputs of its network, and the comparison with the snapshot."""

    file: Path
    snapshot: str
    detector: str | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    written: bool
    left_out: tuple[str, ...] = ()
    verified: ExportVerification | None = None

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"exported: {self.file}" + ("" if self.written else " (was there already)")]
        lines.append(f"snapshot: {self.snapshot}" + (f", detector {self.detector}" if self.detector else ""))
        lines += [f"input: {one}" for one in self.inputs]
        lines += [f"output: {one}" for one in self.outputs]
        lines += [f"left out: {one}" for one in self.left_out]
        if (found := self.verified) is not None:
            lines.append(
                f"verified: {found.frames} frame(s), {found.inputs} input(s): maps differ by up to {found.maps:.2g} of "
                f"their highest value, keypoints by up to {found.pixels:.2g} px"
            )
        return lines


@keyword_options(ExportModelOptions)
def export_model(
    project: str | Path | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ExportModelKeywords],
) -> ExportModelResult:
    """Export a trained network to one file, unless the file would not reproduce the snapshot's keypoints.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Returns
    -------
    ExportModelResult
        Exported file and its verification.

    Raises
    ------
    DlcxError
        If an option is invalid, the network cannot be loaded or the format does not support it, its results differ by
        more than :data:`dlcx.engines.onnx.MAX_PIXELS` or
        :data:`~dlcx.engines.max_abs_difference.MAX_RELATIVE_DIFFERENCE`, or a different file exists.
    """
    options = ExportModelOptions.of(project=project, **keywords)
    from dlcx.analysis.trained_network import TrainedNetwork

    place = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
    config = shuffle_config(place)
    if options.format == "pt" and config.uses_conditions:
        raise DlcxError(
            f"{config.net_type} corrects poses that another net finds, which DeepLabCut-Live cannot do",
            hint="Export it to ONNX: --format onnx.",
        )
    if options.format == "onnx":
        from dlcx.engines.onnx import check_installed

        check_installed("--format onnx")
    check_folder(options.out or place.project.root / "exported-models-pytorch")
    if options.video is not None:
        from dlcx.data.video import open_video

        open_video(options.video)
    else:
        load_training_set(place)
    net = TrainedNetwork.find(
        place,
        config=config,
        snapshot=options.snapshot,
        detector_snapshot=options.detector_snapshot,
        conditions=options.conditions,
        device="cpu",
    )
    path = place.export_path(net.config.net_type, net.snapshot, net.detector).with_suffix(f".{options.format}")
    path = options.out / path.name if options.out else path
    frames = FRAMES if options.verify else 1
    write = _write_pt if options.format == "pt" else _write_onnx
    with progress.task(f"export {net.config.net_type}", frames, "frame") as task:
        rows = _Rows(net, place, options.video, frames, task.advance)
        return write(net, rows, path, verify=options.verify, overwrite=options.overwrite)


class _Rows:
    """Network inputs of real frames; frames without animals are skipped."""

    def __init__(
        self, net: TrainedNetwork, place: Shuffle, video: str | Path | None, count: int, advance: Callable[[], None]
    ) -> None:
        self.net, self.place, self.video, self.count, self.advance = net, place, video, count, advance

    def each(self, count: int | None = None) -> list[tuple[Tensor, ...]]:
        """Return the inputs of each frame: (R, 3, h, w) and, for conditional networks, (R, K, 3).

        Raises
        ------
        DlcxError
            If no frame shows an animal.
        """
        frames = real_frames(self.place, self.video, self.count)
        seen = (self.net.predictor.inputs(frame.image[None], self._conditions(frame)) for frame in frames)
        found = list(islice((rows.tensors for rows in seen if len(rows)), count or self.count))
        if not found:
            raise DlcxError(
                f"{self.net.config.net_type} finds no animal in {self.count} frame(s), and an exported net is tried",
                hint="Name a video that shows some: --video FILE, or add --verify to look at more frames.",
            )
        return found

    def _conditions(self, frame: Frame) -> list[Instances] | None:
        """Boxes or initial poses from the labels, for networks that need them."""
        if frame.labeled is None and (self.net.needs_boxes or isinstance(self.net.conditions, ConditionFile)):
            raise DlcxError("--video: nothing finds the animals for this net", hint="Leave it out: labels tell them.")
        return None if frame.labeled is None else self.net.conditions_of_images([frame.labeled])

    def compared(self, run: Run) -> ExportVerification:
        """Return the largest differences between the outputs of the network and of ``run``.

        Raises
        ------
        DlcxError
            If a difference exceeds the tolerance.
        """
        import torch

        from dlcx.engines.onnx import EngineDifference, compare

        worst, frames = EngineDifference(0.0, 0.0), self.each()
        for tensors in frames:
            with torch.inference_mode():
                worst = worst.maximum(compare(self.net.model, self.net.model(*tensors), run(tensors)))
            self.advance()
        _refuse(worst, self.net.config.net_type)
        return ExportVerification(len(frames), sum(len(tensors[0]) for tensors in frames), worst.maps, worst.pixels)


def _refuse(found: EngineDifference, net_type: str) -> None:
    if not found.is_small:
        raise DlcxError(
            f"the exported {net_type} would not give the snapshot's results: {found.text()}; no file was written",
            hint="Rounding is magnified where weights make maps without clear peaks: has the net learned?",
        )


def _write_pt(net: TrainedNetwork, rows: _Rows, path: Path, *, verify: bool, overwrite: bool) -> ExportModelResult:
    from dlcx.formats.weights.live_model import LiveModel, read_live_model, same, write_live_model
    from dlcx.formats.weights.snapshot import read_snapshot

    detector = None if net.detector is None else read_snapshot(net.detector.path).model
    live = LiveModel.of(net.config.plain(), read_snapshot(net.snapshot.path).model, detector)
    exists = path.exists() and not overwrite
    if exists and not same(read_live_model(path), live):
        raise DlcxError(f"{path} holds another net", hint="--overwrite replaces it, --out DIR writes elsewhere.")
    found = rows.compared(_rebuilt(live)) if verify else None
    if not exists:
        write_live_model(live, path)
    kind = "images, posed in crops of the detector's boxes" if net.config.uses_detector else "images"
    if net.needs_boxes:
        kind = "crops: there is no detector, so DLCLive needs top_down_dynamic"
    return ExportModelResult(
        path,
        net.snapshot.uid,
        net.detector.uid if net.detector else None,
        (kind,),
        (f"x, y and score of {len(net.config.metadata.bodyparts)} bodyparts an animal",),
        not exists,
        tuple(f"the head {name}, which DeepLabCut-Live does not know" for name in live.left_out),
        found,
    )


def _rebuilt(live: LiveModel) -> Run:
    """Build the network from the content of the file alone."""
    from dlcx.nets.build import build_model
    from dlcx.nets.weights import load_strict
    from dlcx.settings import ModelConfig

    model = build_model(ModelConfig.model_validate(live.config))
    load_strict(model, live.pose, "the exported net")
    model.eval()
    return lambda tensors: model(*tensors)


def _write_onnx(net: TrainedNetwork, rows: _Rows, path: Path, *, verify: bool, overwrite: bool) -> ExportModelResult:
    import torch

    from dlcx import __version__
    from dlcx.engines.onnx import export, open_session, run_session
    from dlcx.engines.onnx_files import add_metadata, read_metadata, read_model, write_onnx

    device, made_from = torch.device("cpu"), net.exported_path.suffixes[-2].strip(".")
    exists = path.exists() and not overwrite
    if exists:
        content = read_model(path)
        if read_metadata(content).get(MADE_FROM) != made_from:
            raise DlcxError(f"{path} holds another net", hint="--overwrite replaces it, --out DIR writes elsewhere.")
    else:
        example = rows.each(1)[0]
        content = export(net.model, example, any_size=net.config.uses_full_images)
        notes = {MADE_FROM: made_from, "dlcx": __version__, "pytorch_config": json.dumps(net.config.plain())}
        content = add_metadata(content, notes)
    session = open_session(content, device)
    found = rows.compared(lambda tensors: run_session(session, tensors, device)) if verify or not exists else None
    if not exists:
        write_onnx(path, content)
    return ExportModelResult(
        path,
        net.snapshot.uid,
        None,
        tuple(_shown(slot) for slot in session.get_inputs()),
        tuple(_shown(slot) for slot in session.get_outputs()),
        not exists,
        ("the detector, which finds the boxes",) if net.config.uses_detector else (),
        found,
    )


def _shown(slot: object) -> str:
    """Name and shape of an input or output; a named dimension can have any size."""
    sides = [side if isinstance(side, int) else "any" for side in slot.shape]  # type: ignore[attr-defined]
    return f"{slot.name} {sides} float32".replace("'", "")  # type: ignore[attr-defined]
