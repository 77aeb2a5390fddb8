"""The GPU that ``runner.gpus`` of pytorch_config.yaml selects."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlcx.settings import ModelConfig

log = logging.getLogger(__name__)


def choose_gpu(device: str, config: ModelConfig, *, single_process: bool) -> str:
    """Return the device of a training, with the index that ``runner.gpus`` gives.

    As in DeepLabCut, a single index selects the GPU unless --device names one. Several indices mean DataParallel in
    DeepLabCut; dlcx uses ``--devices`` for that.

    Parameters
    ----------
    device
        The ``--device`` flag.
    config
        The settings of the shuffle.
    single_process
        Whether a single process trains.

    Returns
    -------
    str
        Name of the device, such as ``cuda:1``.
    """
    from dlcx.engines.devices import choose_device

    gpus = config.runner.gpus
    if not gpus:
        return device
    chosen = choose_device(config.device if device == "auto" else device, config.net_type)
    if len(gpus) > 1:
        if single_process:
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
