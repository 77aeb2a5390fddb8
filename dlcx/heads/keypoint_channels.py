"""Remapping of keypoint channels: load weights of a network that was trained on other keypoints.

A module whose tensors have one channel (or several) per keypoint describes them in a method ``keypoint_channels``; see
:func:`keypoint_channels`. From this description, :func:`remap_channels` moves the weights of any layer. A module with
separate layers for each keypoint names the lists that hold them in ``keypoint_lists``; see
:func:`remap_keypoint_lists`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ChannelMap:
    """Where the channels along one dimension of a tensor come from.

    Parameters
    ----------
    sources
        For each channel the index of its source channel, or -1 if there is none.
    size
        Number of source channels.
    """

    sources: tuple[int, ...]
    size: int

    @classmethod
    def identity(cls, count: int) -> ChannelMap:
        """Map ``count`` channels to themselves."""
        return cls(tuple(range(count)), count)

    @classmethod
    def by_name(cls, own: Sequence[Hashable], source: Sequence[Hashable]) -> ChannelMap:
        """Map the channels named ``own`` to the channels of the same name in ``source``."""
        indices = {name: index for index, name in enumerate(source)}
        return cls(tuple(indices.get(name, -1) for name in own), len(source))

    def repeat(self, count: int) -> ChannelMap:
        """Replace each channel by ``count`` adjacent channels."""
        repeated = [source * count + step if source >= 0 else -1 for source in self.sources for step in range(count)]
        return ChannelMap(tuple(repeated), self.size * count)

    def __add__(self, other: ChannelMap) -> ChannelMap:
        """Concatenate the channels of two maps."""
        shifted = (source + self.size if source >= 0 else -1 for source in other.sources)
        return ChannelMap((*self.sources, *shifted), self.size + other.size)

    @property
    def is_identity(self) -> bool:
        """Whether every channel keeps its index."""
        return self.sources == tuple(range(self.size))


#: Tensor name -> dimension -> where the channels come from.
TensorChannels = dict[str, dict[int, ChannelMap]]


def keypoint_channels(
    module: nn.Module, keypoints: ChannelMap, block: Mapping[str, Any] | None
) -> TensorChannels | None:
    """Ask a module which dimensions of its tensors hold keypoints.

    Parameters
    ----------
    module
        A head, neck or backbone.
    keypoints
        Maps the module's keypoints to those of the source network.
    block
        The source's block of pytorch_config.yaml, or None if it is unknown.

    Returns
    -------
    dict or None
        Channel maps by tensor name and dimension; tensors that are not listed hold no keypoints. None if the module
        has no method ``keypoint_channels``, so that its keypoints are unknown.
    """
    method = getattr(module, "keypoint_channels", None)
    return None if method is None else method(keypoints, block)


def remap_keypoint_lists(module: nn.Module, source: Mapping[str, Tensor], keypoints: ChannelMap) -> dict[str, Tensor]:
    """Move the layers of each keypoint to their index in the module.

    Parameters
    ----------
    module
        A module whose ``keypoint_lists`` names ``nn.ModuleList``s with one entry per keypoint.
    source
        State dict of the source module.
    keypoints
        Maps the module's keypoints to those of the source.

    Returns
    -------
    dict
        The source's tensors under the module's names. Keypoints without a source keep the module's own tensors.
    """
    result = dict(source)
    for name in getattr(module, "keypoint_lists", ()):
        entries = {key: result.pop(key) for key in list(result) if key.startswith(f"{name}.")}
        for key, value in module.state_dict().items():
            if key.startswith(f"{name}."):
                number, rest = key.removeprefix(f"{name}.").split(".", 1)
                origin = keypoints.sources[int(number)]
                if origin < 0:
                    result[key] = value
                elif (source_key := f"{name}.{origin}.{rest}") in entries:
                    result[key] = entries[source_key]
    return result


def find_mismatch(own: Mapping[str, Tensor], source: Mapping[str, Tensor], channels: TensorChannels) -> str | None:
    """Describe the first reason why :func:`remap_channels` cannot be applied, or return None if it can."""
    missing = [key for key in own if key not in source]
    if missing:
        return f"{len(missing)} of {len(own)} tensors are missing, such as {missing[0]}"
    for key, value in source.items():
        if key not in own:
            return f"there is no tensor {key}"
        expected = list(own[key].shape)
        for dimension, channel_map in channels.get(key, {}).items():
            expected[dimension] = channel_map.size
        if list(value.shape) != expected:
            return f"{key} has shape {tuple(value.shape)}, expected {tuple(expected)}"
    return None


def remap_channels(
    own: Mapping[str, Tensor], source: Mapping[str, Tensor], channels: TensorChannels
) -> dict[str, Tensor]:
    """Copy the source's tensors with their channels rearranged.

    Parameters
    ----------
    own, source
        State dicts of the module and of the source, with the same names.
    channels
        Channel maps by tensor name and dimension.

    Returns
    -------
    dict
        Tensors of the module's shapes. Channels without a source keep the module's own values.
    """
    return {key: _remap_tensor(value, source[key], channels.get(key, {})) for key, value in own.items()}


def _remap_tensor(own: Tensor, source: Tensor, maps: Mapping[int, ChannelMap]) -> Tensor:
    if not maps:
        return source.to(own)
    result, selected = own.clone(), source.to(own)
    targets = []
    for dimension, size in enumerate(own.shape):
        channel_map = maps.get(dimension, ChannelMap.identity(size))
        pairs = [(index, origin) for index, origin in enumerate(channel_map.sources) if origin >= 0]
        target, origin = torch.tensor(pairs, dtype=torch.long, device=own.device).reshape(-1, 2).unbind(1)
        selected = selected.index_select(dimension, origin)
        targets.append(target)
    result[torch.meshgrid(*targets, indexing="ij")] = selected
    return result
