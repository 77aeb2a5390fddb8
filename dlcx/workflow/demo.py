"""Create a demo project: a rendered video with exact labels, without any download."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.data import synthetic
from dlcx.errors import DlcxError
from dlcx.file_transaction import atomic_folder, folder_lock
from dlcx.options.command_line import command_line
from dlcx.options.commands.create_dataset import CreateDatasetOptions
from dlcx.options.commands.demo import DemoOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import atomic_file, reserve, write_text
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress
from dlcx.settings.project import MULTI, ProjectConfig, VideoSet
from dlcx.untrusted_files import read_json
from dlcx.user_paths import decoder_name

SCORER = "dlcx"
DATE = "Jan1"  # constant, so the same seed gives identical files
STEM = "arena"
FRAMES = 360
LABELED = 72
RATE = 30.0
FACTS = "demo.json"
#: Probability that the next goal of an animal in a multi-animal demo is outside the frame.
LEAVING = 0.2

if TYPE_CHECKING:
    from dlcx.options.keywords import DemoKeywords


@dataclass(frozen=True)
class Drawing:
    """Parameters that determine all pixels and labels of a demo project."""

    animals: int
    seed: int
    frames: int
    labeled: int
    width: int
    height: int
    body_length: float


@dataclass(frozen=True)
class DemoResult:
    """A demo project; ``truth`` contains the exact tracks of its video.

    In the tracks, bodyparts hidden by another animal have likelihood 0, and bodyparts outside the frame are NaN.
    ``empty`` is the number of labeled frames without an animal.
    """

    project: Path
    video: Path
    truth: Path
    drawing: Drawing
    existed: bool
    empty: int

    def lines(self) -> list[str]:
        """Lines of the text output."""
        drawing = self.drawing
        state = " (was there already)" if self.existed else ""
        return [
            f"project: {self.project}{state}",
            f"labeled frames: {drawing.labeled}, {drawing.width}x{drawing.height} px"
            + (f", {self.empty} without an animal" if self.empty else ""),
            f"animals: {drawing.animals}, body length (snout to tail base) {drawing.body_length:g} px",
            f"video: {self.video}, {drawing.frames} frames",
            f"true tracks: {self.truth}",
        ]

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The suggested next command."""
        return (f"Next: {command_line(CreateDatasetOptions(project=self.project))}",)


@keyword_options(DemoOptions)
def demo(
    folder: str | Path = "demo",
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[DemoKeywords],
) -> DemoResult:
    """Create a demo project with labeled frames, a rendered video, and its true tracks.

    The same ``animals`` and ``seed`` give the same pixels and labels.  Labels are exact; as in human annotation,
    bodyparts hidden by another animal are not labeled.  In multi-animal demos the animals meet, cross, and occasionally
    leave the frame; more animals are more crowded.  The folder is created completely or not at all.

    Parameters
    ----------
    folder
        Folder of the project.

    Returns
    -------
    DemoResult
        The project, its video and its true tracks.

    Raises
    ------
    DlcxError
        If the folder contains anything else, or a demo with other settings and ``overwrite`` is False.
    """
    options = DemoOptions.of(folder=folder, **keywords)
    root = Path(os.path.realpath(options.folder))
    width, height, body_length = (
        (224, 168, 72.0) if options.animals == 1 else (256, 192, 58.0 if options.animals <= 4 else 46.0)
    )
    drawing = Drawing(options.animals, options.seed, FRAMES, LABELED, width, height, body_length)

    video = root / "videos" / f"{STEM}.mp4"
    scene = _scene(drawing)
    empty = int((~_labels(scene, drawing).any((1, 2))).sum())
    result = DemoResult(root, video, video.with_name(f"{STEM}_truth.h5"), drawing, existed=False, empty=empty)
    if _is_drawn(root, drawing, overwrite=options.overwrite):
        return replace(result, existed=True)
    with folder_lock(root):
        if _is_drawn(root, drawing, overwrite=options.overwrite):  # by another process in the meantime
            return replace(result, existed=True)
        with atomic_folder(root) as part:
            _draw(part, root, drawing, scene, progress)
    return result


def _is_drawn(root: Path, drawing: Drawing, *, overwrite: bool) -> bool:
    """Whether the folder already contains this demo.

    Raises
    ------
    DlcxError
        If the folder contains anything that must not be replaced.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    if not _demo_in(root):
        raise DlcxError(f"{root} exists and is no demo project", hint="Name a folder that does not exist yet.")
    if overwrite:
        return False
    if _demo_in(root) != asdict(drawing):
        raise DlcxError(
            f"{root} holds a demo drawn with other settings",
            hint="Name another folder, or replace the whole folder, trained networks too, with --overwrite.",
        )
    return True


def _demo_in(root: Path) -> dict[str, object]:
    """The settings of the demo in ``root``; empty if there is none."""
    try:
        facts = read_json(root / FACTS)
    except DlcxError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _scene(drawing: Drawing) -> synthetic.Scene:
    """The scene that the video shows."""
    return synthetic.scene(
        drawing.animals,
        drawing.frames,
        size=(drawing.width, drawing.height),
        body_length=drawing.body_length,
        leaving=LEAVING if drawing.animals > 1 else 0,
        seed=drawing.seed,
    )


def _labels(scene: synthetic.Scene, drawing: Drawing) -> np.ndarray:
    """Boolean array (L, A, K) of the labeled bodyparts of each animal in the labeled frames."""
    result: np.ndarray = scene.visible[_chosen(drawing)] & np.isfinite(scene.xy[_chosen(drawing)]).all(-1)
    return result


def _draw(part: Path, root: Path, drawing: Drawing, scene: synthetic.Scene, progress: Progress) -> None:
    """Write the project into ``part``, with the paths it will have after it is moved to ``root``."""
    import cv2

    from dlcx.formats.labels.collected_data import write_labels
    from dlcx.formats.predictions.video_predictions import write_predictions
    from dlcx.formats.project_config import write_project_config

    chosen = _chosen(drawing)
    digits = int(np.ceil(np.log10(len(scene))))
    names = [f"img{index:0{digits}d}.png" for index in chosen]
    images = part / "labeled-data" / STEM
    images.mkdir(parents=True)
    (part / "videos").mkdir()

    video = part / "videos" / f"{STEM}.mp4"
    with atomic_file(video) as beside:
        # Fail early on a full disk, where OpenCV would warn once per frame.
        reserve(beside, len(scene) * scene.size[0] * scene.size[1] // 8)
        writer = cv2.VideoWriter(decoder_name(beside), cv2.VideoWriter.fourcc(*"mp4v"), RATE, scene.size)
        if not writer.isOpened():
            raise DlcxError("OpenCV cannot write mp4 videos here", hint="Install the opencv-python wheel of PyPI.")
        with progress.task("draw", total=len(scene), unit="frame") as task:
            for index in range(len(scene)):
                writer.write(cv2.cvtColor(scene.frame(index), cv2.COLOR_RGB2BGR))
                task.advance()
        writer.release()
        _extract(beside, {index: images / name for index, name in zip(chosen, names, strict=True)})

    xy = np.where(scene.visible[..., None], scene.xy, np.nan)[chosen]
    labels = Labels(
        layout=scene.layout,
        images=tuple(("labeled-data", STEM, name) for name in names),
        xy=xy,
        unique_xy=np.zeros((len(chosen), 0, 2)),
    )
    write_labels(labels, images / f"CollectedData_{SCORER}", SCORER)
    truth = synthetic.true_tracks(scene)
    write_predictions(truth, video.with_name(f"{STEM}_truth.h5"), "truth")
    write_text(part / FACTS, json.dumps(asdict(drawing), indent=2) + "\n")
    write_project_config(_config(root, scene), part / "config.yaml")


def _extract(video: Path, images: dict[int, Path]) -> None:
    """Save frames decoded from the video, so labeled images have its compression artifacts."""
    import cv2

    reader = cv2.VideoCapture(decoder_name(video))
    for index in range(max(images) + 1):
        readable, frame = reader.read()
        if not readable:
            raise DlcxError(f"OpenCV cannot read frame {index} of {video}", hint="Is the disk full?")
        if index in images:
            with atomic_file(images[index]) as beside:
                beside.write_bytes(cv2.imencode(".png", frame)[1].tobytes())
    reader.release()


def _config(root: Path, scene: synthetic.Scene) -> ProjectConfig:
    """The config.yaml of a project at ``root``."""
    layout = scene.layout
    width, height = scene.size
    parts = list(layout.bodyparts)
    several = {"multianimalproject": True, "identity": False, "bodyparts": MULTI, "multianimalbodyparts": parts}
    return ProjectConfig(
        Task="demo",
        scorer=SCORER,
        date=DATE,
        project_path=str(root),
        video_sets={str(root / "videos" / f"{STEM}.mp4"): VideoSet(crop=f"0, {width}, 0, {height}")},
        individuals=list(layout.individuals),
        skeleton=[list(bone) for bone in synthetic.SKELETON],
        TrainingFraction=[0.8],
        numframes2pick=LABELED,
        dotsize=3,
        skeleton_color="white",
        snapshotindex=-1,
        default_track_method="ellipse" if layout.multi else None,
        x2=width,
        y1=0,
        y2=height,
        **(several if layout.multi else {"bodyparts": parts}),
    )


def _chosen(drawing: Drawing) -> list[int]:
    """Numbers of the labeled frames: a random one from each of equally long segments of the video."""
    edges = np.linspace(0, drawing.frames, drawing.labeled + 1).astype(int)
    numbers: list[int] = np.random.default_rng((drawing.seed, 1)).integers(edges[:-1], edges[1:]).tolist()
    return numbers
