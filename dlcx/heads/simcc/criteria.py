"""Loss of the SimCC head.

Jiang et al., RTMPose (2023), arXiv:2303.07399. Shapes: B crops, K keypoints.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from dlcx.heads.loss_normalization import batch_fraction
from dlcx.heads.targets import Target


@dataclass(frozen=True)
class KLDiscreteLoss:
    """Kullback-Leibler divergence between the distributions over bins.

    It is averaged over bins, summed over crops and keypoints, and divided by K. As in DeepLabCut it grows with the
    batch size.

    Parameters
    ----------
    weight
        Factor in the loss of the head.
    beta
        Factor of the logits before the softmax.
    label_beta
        Factor of the targets before the softmax; None to use the targets as they are.
    use_target_weight
        Weight keypoints by the weights of the targets.
    """

    weight: float = 1.0
    beta: float = 1.0
    label_beta: float | None = None
    use_target_weight: bool = True

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """Return a float32 scalar for logits (B, K, bins)."""
        values = target.values
        if self.label_beta is not None:
            values = (values * self.label_beta).softmax(-1)
        logits = (output.float() * self.beta).log_softmax(-1)
        loss = functional.kl_div(logits, values, reduction="none").mean(-1)
        if self.use_target_weight:
            loss = loss * target.weights
        return loss.sum() / (output.shape[1] * batch_fraction())


def build_criterion(
    weight: float = 1.0,
    use_target_weight: bool = True,
    beta: float = 1.0,
    label_softmax: bool = False,
    label_beta: float = 10.0,
) -> KLDiscreteLoss:
    """Build the block ``{type: KLDiscreteLoss, ...}``."""
    return KLDiscreteLoss(weight, beta, label_beta if label_softmax else None, use_target_weight)
