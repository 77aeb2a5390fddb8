"""Layers of the SimCC head."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError


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
