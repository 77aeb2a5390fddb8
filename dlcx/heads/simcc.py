"""SimCC head of RTMPose: each coordinate is a classification over bins finer than a pixel.

Li et al., SimCC (ECCV 2022), arXiv:2107.03332; Jiang et al., RTMPose (2023), arXiv:2303.07399; gated attention:
Hua et al. (ICML 2022), arXiv:2202.10447.  The layers fix the size of the input, so only crops of that size work.
Shapes: B crops with one animal each, K keypoints, W and H bins (input size times split ratio).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.batch_share import fraction
from dlcx.heads.construct import check_options, construct
from dlcx.heads.criteria import head_loss
from dlcx.heads.head import Maps
from dlcx.heads.heatmap_targets import Target
from dlcx.heads.labels import BatchLabels
from dlcx.heads.rows import Channels, Rows
from dlcx.poses import Instances


class ScaleNorm(nn.Module):
    """Divides vectors by the root mean square of their elements; one learned factor."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = size**-0.5
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """(..., size), same shape."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.scale
        return x / norm.clamp(min=1e-5) * self.g


class ChannelScale(nn.Module):
    """A learned factor for each element of a vector."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """(..., size), same shape."""
        return x * self.scale


class GatedAttention(nn.Module):
    """Self-attention between the keypoints of a crop, with squared ReLU for softmax and a gate on its result."""

    def __init__(self, size: int, *, query: int = 128, expansion: int = 2) -> None:
        super().__init__()
        self.inner, self.query = size * expansion, query
        self.gamma = nn.Parameter(torch.rand(2, query))
        self.beta = nn.Parameter(torch.rand(2, query))
        self.o = nn.Linear(self.inner, size, bias=False)
        self.uv = nn.Linear(size, 2 * self.inner + query, bias=False)
        nn.init.xavier_uniform_(self.uv.weight)
        self.ln = ScaleNorm(size)
        self.res_scale = ChannelScale(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, size), same shape."""
        gate, value, base = functional.silu(self.uv(self.ln(x))).split([self.inner, self.inner, self.query], -1)
        q, k = (base[..., None, :] * self.gamma + self.beta).unbind(-2)
        kernel = functional.relu(q @ k.mT / math.sqrt(self.query)).square()
        return self.res_scale(x) + self.o(gate * (kernel @ value))


@dataclass(frozen=True)
class SimCCTargets:
    """A keypoint's bins: a Gaussian around the nearest one, or (``gaussian`` False) that bin alone.

    ``input_size`` and ``sigma`` (in bins) are for x and y.  Label smoothing gives a share to all other bins.
    """

    input_size: tuple[int, int]
    sigma: tuple[float, float]
    split_ratio: float = 2.0
    gaussian: bool = True
    smoothing: float = 0.0
    normalize: bool = False

    def __call__(self, labels: BatchLabels) -> dict[str, Target]:
        """Targets ``x`` (B, K, W) and ``y`` (B, K, H) with a weight (B, K): 0 unless visible and inside."""
        keypoints = labels.keypoints[:, 0]
        centre = (keypoints[..., :2].nan_to_num() * self.split_ratio).round()  # (B, K, 2)
        reach = torch.tensor([3 * value if self.gaussian else 0.0 for value in self.sigma], device=centre.device)
        bins = torch.tensor(self.bins, device=centre.device)
        end = 1.0 if self.gaussian else 0.0
        inside = (centre - reach < bins) & (centre + reach + end >= 0)
        seen = (keypoints[..., 2] > 0) & inside.all(-1)
        return {
            axis: Target(self._draw(centre[..., index], index) * seen[..., None], seen.to(torch.float32))
            for index, axis in enumerate("xy")
        }

    @property
    def bins(self) -> tuple[int, int]:
        """Number of bins for x and for y."""
        return int(self.input_size[0] * self.split_ratio), int(self.input_size[1] * self.split_ratio)

    def _draw(self, centre: Tensor, axis: int) -> Tensor:
        count, sigma = self.bins[axis], self.sigma[axis]
        distance = torch.arange(count, device=centre.device, dtype=torch.float32) - centre[..., None]
        if self.gaussian:
            drawn = torch.exp(-distance.square() / (2 * sigma**2))
            return drawn / (sigma * math.sqrt(2 * math.pi)) if self.normalize else drawn
        return torch.where(distance == 0, 1 - self.smoothing, self.smoothing / (count - 1))


@dataclass(frozen=True)
class DiscreteDivergence:
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
        return loss.sum() / (output.shape[1] * fraction())


@dataclass(frozen=True)
class BestBins:
    """Decodes bins by the best one of each axis; on their own device, so that only coordinates leave it."""

    split_ratio: float
    sigma: tuple[float, float]
    decode_beta: float = 150.0
    softmax: bool = True
    normalize: bool = False

    def __call__(self, maps: Maps) -> Tensor:
        """x, y and score (B, K, 3), in pixels of the crop, float32.

        A keypoint whose score is no better than that of equal bins is at -1 bins.
        """
        found = [self._best(maps[axis].float(), sigma) for axis, sigma in zip("xy", self.sigma, strict=True)]
        score = torch.minimum(found[0][0], found[1][0])
        nothing = 1 / maps["x"].shape[-1] if self.softmax else 0.0
        places = torch.stack([place for _, place in found], -1).float()
        places = torch.where((score <= nothing)[..., None], -1.0, places)
        return torch.cat([places / self.split_ratio, score[..., None]], -1)

    def _best(self, logits: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Score and number of the best bin of each keypoint, both (B, K)."""
        if self.normalize:
            values = logits.clamp(min=0)
            values = values / values.amax(-1, keepdim=True).clamp(min=1)
        else:
            values = logits * (sigma * self.decode_beta)
        score, place = (values.softmax(-1) if self.softmax else values).max(-1)
        return score, place


class SimCCHead(nn.Module):
    """Logits of the bins of ``x`` (B, K, W) and ``y`` (B, K, H), from features (B, C, h, w) of one size."""

    def __init__(
        self,
        channels: int,
        keypoints: int,
        *,
        features: tuple[int, int],
        kernel_size: int,
        hidden: int,
        attention: GatedAttention,
        stride: float,
        targets: SimCCTargets,
        criteria: dict[str, DiscreteDivergence],
        decoder: BestBins,
    ) -> None:
        super().__init__()
        self.features, self.stride = features, stride
        self.gau = attention
        self.final_layer = nn.Conv2d(channels, keypoints, kernel_size, padding=kernel_size // 2)
        self.mlp = nn.Sequential(ScaleNorm(math.prod(features)), nn.Linear(math.prod(features), hidden, bias=False))
        self.cls_x = nn.Linear(hidden, targets.bins[0], bias=False)
        self.cls_y = nn.Linear(hidden, targets.bins[1], bias=False)
        self.draw, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Logits of features (B, C, h, w)."""
        height, width = features.shape[-2:]
        if (width, height) != self.features:
            made, got = self._pixels(*self.features), self._pixels(width, height)
            raise DlcxError(
                f"the net is made for crops of {made} pixels, got {got}",
                hint="Set data.train.top_down_crop and data.inference.top_down_crop to that size.",
            )
        tokens = self.gau(self.mlp(self.final_layer(features).flatten(2)))
        return {"x": self.cls_x(tokens), "y": self.cls_y(tokens)}

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """What the bins should be."""
        return self.draw(labels)

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """Losses ``x``, ``y`` and ``total_loss``."""
        return head_loss(maps, self.targets(maps, labels), self.criteria)

    def decode(self, maps: Maps) -> list[Instances]:
        """One animal a crop, in pixels of the crop."""
        poses = self.decoder(maps).cpu().numpy()
        return [Instances(pose[None, :, :2], pose[None, :, 2]) for pose in poses]

    def keypoint_rows(self, keypoints: Channels, block: Mapping[str, Any] | None) -> Rows:
        """The maps of the first layer, for all other layers treat keypoints alike; see :mod:`dlcx.heads.rows`."""
        return {"final_layer.weight": {0: keypoints}, "final_layer.bias": {0: keypoints}}

    def _pixels(self, width: int, height: int) -> str:
        return f"{width * self.stride:g} x {height * self.stride:g}"


def build(
    *,
    backbone_stride: float,
    backbone_channels: int,
    where: str,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    input_size: Sequence[int],
    in_channels: int,
    out_channels: int,
    in_featuremap_size: Sequence[int],
    simcc_split_ratio: float,
    final_layer_kernel_size: int,
    gau_cfg: Mapping[str, Any],
    weight_init: str | None = None,
) -> SimCCHead:
    """A head from its block of pytorch_config.yaml; ``where`` is the block's place in the file.

    ``weight_init`` may say ``RTMPose``, which in DeepLabCut leaves the layers' own first weights as they are.
    """
    targets = construct(target_generator, {"SimCCGenerator": _targets}, f"{where}.target_generator")
    decoder = construct(predictor, {"SimCCPredictor": _best_bins}, f"{where}.predictor")
    criteria = {
        axis: construct(block, {"KLDiscreteLoss": _divergence}, f"{where}.criterion.{axis}")
        for axis, block in criterion.items()
    }
    check_options(_attention, gau_cfg, f"{where}.gau_cfg")
    features = _pair(in_featuremap_size, f"{where}.in_featuremap_size")
    size = _pair(input_size, f"{where}.input_size")
    cells = tuple(int(value / backbone_stride) for value in size)
    for key, got, expected in (
        ("weight_init", weight_init, weight_init and "RTMPose"),
        ("criterion", sorted(criteria), ["x", "y"]),
        ("in_channels", in_channels, backbone_channels),
        ("in_featuremap_size", features, cells),
        ("target_generator.input_size", targets.input_size, size),
        ("target_generator.simcc_split_ratio", targets.split_ratio, simcc_split_ratio),
        ("predictor.simcc_split_ratio", decoder.split_ratio, simcc_split_ratio),
    ):
        if got != expected:
            raise DlcxError(f"{where}.{key}: expected {_plain(expected)}, got {_plain(got)}")
    return SimCCHead(
        in_channels,
        out_channels,
        features=features,
        kernel_size=final_layer_kernel_size,
        hidden=gau_cfg.get("hidden_dims", 256),
        attention=_attention(**gau_cfg),
        stride=backbone_stride,
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )


def _targets(
    input_size: Sequence[int],
    smoothing_type: str = "gaussian",
    sigma: Any = 6.0,
    simcc_split_ratio: float = 2.0,
    label_smooth_weight: float = 0.0,
    normalize: bool = True,
) -> SimCCTargets:
    """A block ``{type: SimCCGenerator, ...}``."""
    if smoothing_type not in ("gaussian", "standard"):
        hint = did_you_mean(smoothing_type, ("gaussian", "standard"))
        raise DlcxError(f"target_generator.smoothing_type: unknown '{smoothing_type}'", hint=hint)
    return SimCCTargets(
        input_size=_pair(input_size, "target_generator.input_size"),
        sigma=_sigma(sigma, "target_generator.sigma"),
        split_ratio=simcc_split_ratio,
        gaussian=smoothing_type == "gaussian",
        smoothing=label_smooth_weight,
        normalize=normalize,
    )


def _divergence(
    weight: float = 1.0,
    use_target_weight: bool = True,
    beta: float = 1.0,
    label_softmax: bool = False,
    label_beta: float = 10.0,
) -> DiscreteDivergence:
    """A block ``{type: KLDiscreteLoss, ...}``."""
    return DiscreteDivergence(weight, beta, label_beta if label_softmax else None, use_target_weight)


def _best_bins(
    simcc_split_ratio: float = 2.0,
    sigma: Any = 6.0,
    decode_beta: float = 150.0,
    apply_softmax: bool = True,
    normalize_outputs: bool = False,
) -> BestBins:
    """A block ``{type: SimCCPredictor, ...}``."""
    return BestBins(simcc_split_ratio, _sigma(sigma, "predictor.sigma"), decode_beta, apply_softmax, normalize_outputs)


def _attention(
    hidden_dims: int = 256,
    s: int = 128,
    expansion_factor: int = 2,
    dropout_rate: float = 0.0,
    drop_path: float = 0.0,
    act_fn: str = "SiLU",
    use_rel_bias: bool = False,
    pos_enc: bool = False,
) -> GatedAttention:
    """A block ``gau_cfg``; what no net of DeepLabCut's switches on is refused."""
    for key, got, supported in (
        ("dropout_rate", dropout_rate, 0),
        ("drop_path", drop_path, 0),
        ("act_fn", act_fn, "SiLU"),
        ("use_rel_bias", use_rel_bias, False),
        ("pos_enc", pos_enc, False),
    ):
        if got != supported:
            raise DlcxError(f"gau_cfg.{key}: only {supported} is supported, got {got}")
    return GatedAttention(hidden_dims, query=s, expansion=expansion_factor)


def _pair(value: Any, where: str) -> tuple[int, int]:
    if not (isinstance(value, Sequence) and len(value) == 2 and all(isinstance(item, int) for item in value)):
        raise DlcxError(f"{where}: expected [width, height], got {value!r}")
    return value[0], value[1]


def _sigma(value: Any, where: str) -> tuple[float, float]:
    """One sigma for both axes, or one each."""
    pair = value if isinstance(value, Sequence) else [value, value]
    if len(pair) != 2 or not all(isinstance(item, (int, float)) and item > 0 for item in pair):
        raise DlcxError(f"{where}: expected a number of bins, or two for x and y, got {value!r}")
    return float(pair[0]), float(pair[1])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
