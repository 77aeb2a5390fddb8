"""Initial weights of a detector: random, torchvision's COCO weights, or from a file.

Files are checkpoints of torchvision, or detector snapshots of DeepLabCut or dlcx. They are read without executing code.
Only ``coco`` is downloaded, unless the weights are in torch's local cache.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import torch
from torch import Tensor, nn
from torchvision.models import get_model_weights

from dlcx.errors import DlcxError
from dlcx.formats.weights.snapshot import is_checkpoint, load_tensors
from dlcx.formats.weights.tensor_checks import check_plain, check_values
from dlcx.nets.detectors.model import CLASSES, SSDLITE, BoxDetector, torchvision_model
from dlcx.nets.hub import TIMEOUT, Unreachable
from dlcx.nets.weights import load_strict
from dlcx.settings import DetectorConfig
from dlcx.user_paths import user_path

logger = logging.getLogger(__name__)

FLAG = "--detector-weights"
HINT = f"Use {FLAG} none, or {FLAG} PATH for a local file."
#: Number of classes of COCO checkpoints including the background, and the classes of animals (bird to giraffe).
COCO_CLASSES, ANIMALS = 91, slice(16, 26)


def load_initial_detector(model: BoxDetector, config: DetectorConfig, source: str) -> str:
    """Load the initial weights of a detector.

    Parameters
    ----------
    model
        The detector, changed in place.
    config
        Its settings.
    source
        ``none``, ``coco`` or a path.

    Returns
    -------
    str
        One line on what was loaded.

    Raises
    ------
    DlcxError
        If the weights are not available, cannot be read, or do not match the detector.
    """
    if source == "none":
        return "first weights of the detector: random"
    path = _coco(config) if source == "coco" else _file(source)
    state = _state(path)
    if not any(key.startswith("model.") for key in state):
        state = {f"model.{key}": value for key, value in _from_torchvision(config, state, path).items()}
    load_strict(model, state, f"{FLAG} {path}")
    return f"first weights of the detector: {'COCO' if source == 'coco' else path}"


def check_detector_source(config: DetectorConfig, source: str) -> None:
    """Check that the weights of :func:`load_initial_detector` are available, without loading or downloading them.

    Raises
    ------
    DlcxError
        If a file does not exist or cannot be downloaded.
    """
    if source == "coco":
        _coco(config, download=False)
    elif source != "none":
        _file(source)


def _file(source: str) -> Path:
    path = user_path(source)
    if not path.is_file():
        raise DlcxError(f"{FLAG} {source}: no such file", hint="Use coco, none, or the path of a checkpoint.")
    if not is_checkpoint(path):
        raise DlcxError(f"{FLAG} {source}: not a checkpoint", hint="Use a file written by torch.save.")
    return path


def _coco(config: DetectorConfig, *, download: bool = True) -> Path:
    """The file in torch's cache, after downloading it if necessary."""
    name = SSDLITE if config.model.type == "SSDLite" else str(config.model.variant)
    try:
        url: str = get_model_weights(name)["COCO_V1"].url
    except (ValueError, KeyError) as error:
        raise DlcxError(f"{FLAG} coco: no COCO weights are published for {name}", hint=HINT) from error
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if path.is_file():
        return path
    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
        if not download:
            return path
        logger.warning("downloading %s (%.0f MB)", url, size / 1e6)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rpartition("-")[2], progress=False)
    except (OSError, HTTPException, RuntimeError, ValueError) as error:
        raise Unreachable(f"{FLAG} coco: cannot fetch {url} ({type(error).__name__})", hint=HINT) from error
    return path


def _state(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file by name."""
    content: Any = load_tensors(path)
    for key in ("detector", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise DlcxError(f"{FLAG} {path}: expected tensors by name", hint="Use a torchvision checkpoint or a snapshot.")
    check_plain(content, f"{FLAG} {path}")
    return content


def _from_torchvision(config: DetectorConfig, state: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    """Convert a torchvision checkpoint, possibly with COCO's classes and an older version's names."""
    variant = None if config.model.type == "SSDLite" else config.model.variant
    for classes in (CLASSES, COCO_CLASSES):
        model = torchvision_model(variant, classes=classes)
        own = model.state_dict()
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            problem = str(error).strip().splitlines()
            continue
        check_values({name: value for name, value in state.items() if name in own}, own, f"{FLAG} {path}")
        return model.state_dict() if classes == CLASSES else _two_classes(model, torchvision_model(variant))
    raise DlcxError(
        f"{FLAG} {path}: the file does not match the detector: {problem[1 if len(problem) > 1 else 0].strip()}",
        hint="Use a file of the same detector.",
    )


def _two_classes(coco: nn.Module, own: nn.Module) -> dict[str, Tensor]:
    """Reduce the weights of COCO's classes to background and animal, the mean of all animals."""
    wanted, state = own.state_dict(), dict(coco.state_dict())
    for name, value in wanted.items():
        if state[name].shape == value.shape:
            continue
        values = 4 if "bbox_pred" in name else 1  # per class; SSD has the classes of each anchor in turn
        by_class = state[name].reshape(-1, COCO_CLASSES, values, *value.shape[1:])
        state[name] = torch.stack([by_class[:, 0], by_class[:, ANIMALS].mean(1)], 1).reshape(value.shape)
    return state
