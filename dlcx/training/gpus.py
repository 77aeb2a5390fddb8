"""``runner.gpus`` of pytorch_config.yaml: which GPU trains."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlcx.settings import ModelConfig

log = logging.getLogger(__name__)


def choose_gpu(device: str, config: ModelConfig, *, alone: bool) -> str:
    """The device of a training, with the number that ``runner.gpus`` gives a GPU; ``alone``: one process trains.

    As in DeepLabCut one number chooses the GPU, unless --device names one.  Several mean its DataParallel, which is
    ``--devices`` here.
    """
    from dlcx.engines.devices import choose_device

    gpus = config.runner.gpus
    if not gpus:
        return device
    chosen = choose_device(config.device if device == "auto" else device, config.net_type)
    if len(gpus) > 1:
        if alone:
            numbers = ",".join(map(str, gpus))
            log.warning(
                "runner.gpus: %s: one device trains; CUDA_VISIBLE_DEVICES=%s and --devices %d train on all of them",
                gpus,
                numbers,
                len(gpus),
            )
        return device
    if chosen.type != "cuda" or chosen.index is not None:
        log.warning("runner.gpus: %s has no effect: the device is %s", gpus, chosen)
        return device
    return str(choose_device(f"cuda:{gpus[0]}"))
