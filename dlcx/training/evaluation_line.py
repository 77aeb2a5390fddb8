"""The line that a training prints after each evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dlcx.metrics.error_scale import ErrorScale
from dlcx.training.checkpointer import Best


def evaluation_line(
    epoch: int,
    epochs: int,
    numbers: Mapping[str, float],
    *,
    error_scale: ErrorScale,
    key_metric: str,
    best: Best | None,
) -> str:
    """Summarize the errors on the test images after an epoch, and the best epoch so far.

    Parameters
    ----------
    epoch, epochs
        The epoch and the total number.
    numbers
        Losses and metrics by their names in learning_stats.csv.
    key_metric
        Metric that determines the best epoch, such as ``test.mAP``.
    best
        The best epoch so far.

    Returns
    -------
    str
        One line without a line break.
    """
    facts = [f"train loss {numbers['losses/train.total_loss']:.4g}"]
    if "losses/eval.total_loss" in numbers:
        facts.append(f"test loss {numbers['losses/eval.total_loss']:.4g}")
    error = numbers.get("metrics/test.rmse", math.nan)
    if math.isfinite(error):
        facts.append(f"test error {error_scale.describe(error)}")
    elif "metrics/test.rmse" in numbers:
        facts.append("no keypoint found in the test images")
    for name, title in (("mAP", "mAP"), ("mAP@50:95", "mAP of boxes")):
        value = numbers.get(f"metrics/test.{name}", math.nan)
        if math.isfinite(value):
            facts.append(f"{title} {value:.1f}")
    line = f"epoch {epoch}/{epochs}: {', '.join(facts)}"
    if best is None:
        return line
    if best.epoch == epoch:
        return f"{line}; the best so far"
    return f"{line}; best so far: epoch {best.epoch}, {key_metric} {best.score:.2f}"
