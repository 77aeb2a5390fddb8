"""Create small copies of projects, with some labeled frames and a short clip, for fast tests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import pandas as pd

# Half of openfield's 640x480.
SIZE = (320, 240)


def small_copy(
    source: Path,
    target: Path,
    *,
    images: int = 16,
    frames: int = 24,
    size: tuple[int, int] = SIZE,
    train_fraction: float = 0.75,
    identity: bool | None = None,
) -> Path:
    """Copy some labeled images and video frames of ``source`` to ``target``, scaled to ``size`` (w, h) pixels.

    ``identity`` replaces the value in config.yaml.  Return the path of the clip, ``videos/clip.avi``.  It is Motion
    JPEG, which every version of OpenCV decodes identically.  Without a video, it contains labeled images.
    """
    target.mkdir(parents=True)
    for labels in source.glob("labeled-data/*/CollectedData_*.h5"):
        folder = target / labels.parent.relative_to(source)
        folder.mkdir(parents=True)
        table = pd.read_hdf(labels)
        table = table.iloc[:: max(1, len(table) // images)].iloc[:images]
        for row in table.index:
            height, width = scale_image(source.joinpath(*row), folder / row[-1], size)
        for axis, scale in (("x", size[0] / width), ("y", size[1] / height)):
            columns = table.columns.get_level_values("coords") == axis
            table.loc[:, columns] *= scale
        with pd.HDFStore(folder / labels.name, "w") as store:
            store.put("df_with_missing", table, format="fixed", track_times=False)
        table.to_csv(folder / labels.with_suffix(".csv").name)

    config = (source / "config.yaml").read_text()
    config = re.sub(r"TrainingFraction:\n(- .*\n)+", f"TrainingFraction:\n- {train_fraction}\n", config)
    config = re.sub(r"crop: .*", f"crop: 0, {size[0]}, 0, {size[1]}", config)
    if identity is not None:
        config = re.sub(r"^identity: .*", f"identity: {str(identity).lower()}", config, flags=re.MULTILINE)
    (target / "config.yaml").write_text(config)
    videos = [path for path in sorted(source.glob("videos/*")) if path.suffix in (".mp4", ".avi", ".mov")]
    clip = target / "videos" / "clip.avi"
    clip.parent.mkdir()
    write_clip(videos[0] if videos else sorted(source.glob("labeled-data/*/*.*g")), clip, frames, size)
    return clip


def scale_image(source: Path, target: Path, size: tuple[int, int]) -> tuple[int, int]:
    """Write the image scaled to ``size`` (w, h); return the original (h, w)."""
    image = cv2.imread(str(source))
    cv2.imwrite(str(target), cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    return image.shape[:2]


def write_clip(source: Path | list[Path], clip: Path, frames: int, size: tuple[int, int]) -> None:
    """Write the first ``frames`` frames of a video, or images, scaled to ``size`` (w, h)."""
    reader = cv2.VideoCapture(str(source)) if isinstance(source, Path) else None
    fps = reader.get(cv2.CAP_PROP_FPS) if reader else 30
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
    for number in range(frames):
        readable, frame = reader.read() if reader else (True, cv2.imread(str(source[number])))
        if not readable:
            raise RuntimeError(f"{source} holds fewer than {frames} frames")
        writer.write(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    writer.release()


def fresh_copy(project: Path, target: Path) -> Path:
    """Copy a whole project folder, replacing ``target``; return ``target``."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(project, target))
