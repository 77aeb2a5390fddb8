"""The neck of TokenPose: three transformers of feature patches and one learned token per keypoint.

Li et al., TokenPose (ICCV 2021), arXiv:2104.03516; pre-norm transformers (Vaswani et al. 2017), with the position
embedding of Carion et al., DETR (ECCV 2020).
Shapes: B images, K keypoints, P patches, D elements per token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels


class Residual(nn.Module):
    """Residual connection around a layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.fn = layer

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, tokens, D)."""
        output: Tensor = x + self.fn(x)
        return output


class PreNorm(nn.Module):
    """Layer norm before a layer."""

    def __init__(self, dim: int, layer: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = layer

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, tokens, D)."""
        output: Tensor = self.fn(self.norm(x))
        return output


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.to_out = nn.Sequential(nn.Linear(dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, tokens, D)."""
        q, k, v = self.to_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, tokens, d) each
        output: Tensor = self.to_out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return output


class Mlp(nn.Module):
    """Two linear layers applied to each token."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, tokens, D)."""
        output: Tensor = self.net(x)
        return output


class Encoder(nn.Module):
    """``depth`` layers of attention and MLP.

    With ``embed``, the position embedding is added to the patches before each layer except the first.
    """

    def __init__(self, dim: int, depth: int, heads: int, hidden: int, *, embed: bool) -> None:
        super().__init__()
        self.embed = embed
        self.layers = nn.ModuleList(
            nn.Sequential(*(Residual(PreNorm(dim, layer)) for layer in (Attention(dim, heads), Mlp(dim, hidden))))
            for _ in range(depth)
        )

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """Transform tokens (B, K + P, D), keypoints first, given the position embedding (1, P, D) of the patches."""
        keypoints = x.shape[1] - position.shape[1]
        padded = functional.pad(position, (0, 0, keypoints, 0))
        for number, layer in enumerate(self.layers):
            if self.embed and number:
                x = x + padded
            x = layer(x)
        return x


class Transformer(nn.Module):
    """Computes keypoint tokens (B, K, 3 D) from features (B, channels, H, W).

    Parameters
    ----------
    feature_size, patch_size
        Height and width of the features and of a patch, in cells.
    num_keypoints
        Number of keypoints K.
    dim
        Length D of a token.
    channels
        Channels of the features.
    depth, heads, mlp_dim
        Layers per transformer, attention heads, and hidden size of the MLPs.
    """

    def __init__(
        self,
        feature_size: Sequence[int],
        patch_size: Sequence[int],
        num_keypoints: int,
        dim: int,
        channels: int,
        depth: int = 6,
        heads: int = 8,
        mlp_dim: int = 3,
    ) -> None:
        super().__init__()
        self.features, self.patch = (channels, *feature_size), tuple(patch_size)
        rows, columns = (side // patch for side, patch in zip(feature_size, patch_size, strict=True))
        self.keypoint_token = nn.Parameter(torch.zeros(1, num_keypoints, dim))
        self.pos_embedding = nn.Parameter(sine_positions(rows, columns, dim), requires_grad=False)
        self.patch_to_embedding = nn.Linear(channels * math.prod(patch_size), dim)
        self.transformer1 = Encoder(dim, depth, heads, mlp_dim, embed=False)
        self.transformer2 = Encoder(dim, depth, heads, mlp_dim, embed=True)
        self.transformer3 = Encoder(dim, depth, heads, mlp_dim, embed=True)
        nn.init.trunc_normal_(self.keypoint_token, std=0.02)

    def forward(self, features: Tensor) -> Tensor:
        """Return the keypoint tokens of all transformers, concatenated."""
        if tuple(features.shape[1:]) != self.features:
            raise DlcxError(
                f"the neck expects features of shape {list(self.features)}, got {list(features.shape[1:])}",
                hint="Set data.inference.top_down_crop and data.train.top_down_crop to 256 x 256.",
            )
        batch, channels, height, width = features.shape
        tall, wide = self.patch
        patches = features.reshape(batch, channels, height // tall, tall, width // wide, wide)
        patches = patches.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, tall * wide * channels)  # (B, P, elements)
        tokens = self.patch_to_embedding(patches) + self.pos_embedding
        x = torch.cat([self.keypoint_token.expand(batch, -1, -1), tokens], 1)
        outputs = []
        for transformer in (self.transformer1, self.transformer2, self.transformer3):
            x = transformer(x, self.pos_embedding)
            outputs.append(x[:, : self.keypoint_token.shape[1]])
        return torch.cat(outputs, -1)

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate the keypoint tokens; see :mod:`dlcx.heads.keypoint_channels`."""
        return {"keypoint_token": {1: keypoints}}


def sine_positions(rows: int, columns: int, dim: int) -> Tensor:
    """Return the position embedding (1, P, D): sines and cosines of each patch's row, then of its column."""

    def embed(count: int) -> Tensor:
        position = torch.arange(1, count + 1, dtype=torch.float32)
        position = position / (count + 1e-6) * (2 * math.pi)
        period = 10_000 ** (2 * (torch.arange(dim // 2) // 2) / (dim // 2))
        angle = position[:, None] / period
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)  # (count, D / 2)

    y = embed(rows)[:, None].expand(rows, columns, -1)
    x = embed(columns)[None].expand(rows, columns, -1)
    return torch.cat([y, x], -1).reshape(1, rows * columns, dim)
