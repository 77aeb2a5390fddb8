"""Layers of the SimCC head: self-attention between the keypoints of a crop.

Jiang et al., RTMPose (2023), arXiv:2303.07399; gated attention: Hua et al. (ICML 2022), arXiv:2202.10447.
Shapes: B crops, K keypoints.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError


class ScaleNorm(nn.Module):
    """Divides vectors by the root mean square of their elements and multiplies by one learned factor."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = size**-0.5
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (..., size)."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.scale
        output: Tensor = x / norm.clamp(min=1e-5) * self.g
        return output


class ChannelScale(nn.Module):
    """Multiplies each element of a vector by a learned factor."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (..., size)."""
        return x * self.scale


class GatedAttention(nn.Module):
    """Gated self-attention between keypoints, with squared ReLU instead of softmax.

    Parameters
    ----------
    size
        Length of the vector of a keypoint.
    query
        Length of queries and keys.
    expansion
        Length of the values, as a multiple of ``size``.
    """

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
        """Return a tensor of the shape of ``x``, (B, K, size)."""
        gate, value, base = functional.silu(self.uv(self.ln(x))).split([self.inner, self.inner, self.query], -1)
        q, k = (base[..., None, :] * self.gamma + self.beta).unbind(-2)
        kernel = functional.relu(q @ k.mT / math.sqrt(self.query)).square()
        output: Tensor = self.res_scale(x) + self.o(gate * (kernel @ value))
        return output


def build_attention(
    hidden_dims: int = 256,
    s: int = 128,
    expansion_factor: int = 2,
    dropout_rate: float = 0.0,
    drop_path: float = 0.0,
    act_fn: str = "SiLU",
    use_rel_bias: bool = False,
    pos_enc: bool = False,
) -> GatedAttention:
    """Build the block ``gau_cfg``.

    Raises
    ------
    DlcxError
        If an option has a value that no network of DeepLabCut uses.
    """
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
