"""Loss of the SimCC head."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from dlcx.heads.loss_normalization import batch_fraction
from dlcx.heads.targets import Target


@dataclass(frozen=True)
class KLDiscreteLoss:
    """Kullback-Leibler divergence between the bins' distributions: mean over bins, sum over crops and keypoints, by K.

    It grows with the batch, as DeepLabCut's does.  ``sharpness`` multiplies the logits, ``label_sharpness`` the targets
    before their softmax (None: targets are used as they are); ``weighted`` counts keypoints by the targets' weights.
    """

    weight: float = 1.0
    sharpness: float = 1.0
    label_sharpness: float | None = None
    weighted: bool = True

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32 for logits (B, K, bins)."""
        values = target.values
        if self.label_sharpness is not None:
            values = (values * self.label_sharpness).softmax(-1)
        logits = (output.float() * self.sharpness).log_softmax(-1)
        loss = functional.kl_div(logits, values, reduction="none").mean(-1)
        if self.weighted:
            loss = loss * target.weights
        return loss.sum() / (output.shape[1] * batch_fraction())


def build_criterion(
    weight: float = 1.0,
    use_target_weight: bool = True,
    beta: float = 1.0,
    label_softmax: bool = False,
    label_beta: float = 10.0,
) -> KLDiscreteLoss:
    """A block ``{type: KLDiscreteLoss, ...}``."""
    return KLDiscreteLoss(weight, beta, label_beta if label_softmax else None, use_target_weight)
