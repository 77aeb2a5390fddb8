"""dlcx: markerless animal pose estimation from the shell, on DeepLabCut's own project folders.

Every command is also a function: ``dlcx.train(project=..., shuffle=1)`` does what ``dlcx train`` does and
returns what the command prints.  Functions load on first use, so that ``import dlcx`` stays instant.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError, Stopped

if TYPE_CHECKING:
    from dlcx.nets.registry import available_detectors, available_models
    from dlcx.workflow.add_videos import add_videos
    from dlcx.workflow.analyze_images import analyze_images
    from dlcx.workflow.analyze_skeleton import analyze_skeleton
    from dlcx.workflow.analyze_video import analyze_video
    from dlcx.workflow.check_labels import check_labels
    from dlcx.workflow.clean_labels import clean_labels
    from dlcx.workflow.compare import compare
    from dlcx.workflow.create_dataset import create_dataset
    from dlcx.workflow.create_labeled_video import create_labeled_video
    from dlcx.workflow.create_project import create_project
    from dlcx.workflow.demo import demo
    from dlcx.workflow.doctor import doctor
    from dlcx.workflow.evaluate import evaluate
    from dlcx.workflow.evaluate_tracks import evaluate_tracks
    from dlcx.workflow.export_labels import export_labels
    from dlcx.workflow.export_model import export_model
    from dlcx.workflow.export_predictions import export_predictions
    from dlcx.workflow.extract_frames import extract_frames
    from dlcx.workflow.extract_outliers import extract_outliers
    from dlcx.workflow.filter_predictions import filter_predictions
    from dlcx.workflow.import_labels import import_labels
    from dlcx.workflow.list_models import list_models
    from dlcx.workflow.merge_labels import merge_labels
    from dlcx.workflow.merge_parts import merge_parts
    from dlcx.workflow.plot_trajectories import plot_trajectories
    from dlcx.workflow.prune_skeleton import prune_skeleton
    from dlcx.workflow.report import report
    from dlcx.workflow.score_maps import score_maps
    from dlcx.workflow.status import status
    from dlcx.workflow.swap_tracks import swap_tracks
    from dlcx.workflow.track import track
    from dlcx.workflow.train import train

__version__ = "0.1.0"

# OpenCV reads its limit while it is loaded: an image of more pixels (Pillow's own limit) is not decoded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "178956970")

#: The commands in the order of a project's life.  Each is a function of that name in ``dlcx.workflow.<name>``, with
#: options in ``dlcx.options.commands.<name>`` (on the command line, ``analyze_video`` is ``dlcx analyze-video``).
COMMANDS = (
    "demo",
    "create_project",
    "add_videos",
    "extract_frames",
    "check_labels",
    "clean_labels",
    "import_labels",
    "export_labels",
    "create_dataset",
    "train",
    "prune_skeleton",
    "evaluate",
    "compare",
    "score_maps",
    "analyze_video",
    "merge_parts",
    "analyze_images",
    "track",
    "swap_tracks",
    "filter_predictions",
    "create_labeled_video",
    "evaluate_tracks",
    "plot_trajectories",
    "analyze_skeleton",
    "export_predictions",
    "report",
    "extract_outliers",
    "merge_labels",
    "export_model",
    "list_models",
    "status",
    "doctor",
)
#: What ``list_models`` lists, as plain names.
NAMES = ("available_models", "available_detectors")

__all__ = [
    "DlcxError",
    "Stopped",
    "__version__",
    "add_videos",
    "analyze_images",
    "analyze_skeleton",
    "analyze_video",
    "available_detectors",
    "available_models",
    "check_labels",
    "clean_labels",
    "compare",
    "create_dataset",
    "create_labeled_video",
    "create_project",
    "demo",
    "doctor",
    "evaluate",
    "evaluate_tracks",
    "export_labels",
    "export_model",
    "export_predictions",
    "extract_frames",
    "extract_outliers",
    "filter_predictions",
    "import_labels",
    "list_models",
    "merge_labels",
    "merge_parts",
    "plot_trajectories",
    "prune_skeleton",
    "report",
    "score_maps",
    "status",
    "swap_tracks",
    "track",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in COMMANDS:
        return getattr(importlib.import_module(f"dlcx.workflow.{name}"), name)
    if name in NAMES:
        return getattr(importlib.import_module("dlcx.nets.registry"), name)
    raise AttributeError(f"module 'dlcx' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
