"""Which channels of a layer belong to which keypoint, so that weights of a net for other keypoints can be moved.

A module whose tensors grow with the keypoints says so in a method ``keypoint_rows``; see :func:`keypoint_rows`.  A
mapping from tensors to dimensions to :class:`Channels` is enough to move the weights, whatever the layer is.  Where
every keypoint has layers of its own, ``keypoint_lists`` names the lists that they are in; see :func:`relisted`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Channels:
    """Where one dimension of a tensor comes from: channel i from ``sources[i]`` of ``size`` channels, -1 from none."""

    sources: tuple[int, ...]
    size: int

    @classmethod
    def same(cls, count: int) -> Channels:
        """``count`` channels, each from that of its own number."""
        return cls(tuple(range(count)), count)

    @classmethod
    def named(cls, own: Sequence[Hashable], source: Sequence[Hashable]) -> Channels:
        """One channel a name."""
        places = {name: index for index, name in enumerate(source)}
        return cls(tuple(places.get(name, -1) for name in own), len(source))

    def each(self, count: int) -> Channels:
        """``count`` neighbouring channels for every one of these."""
        spread = [source * count + step if source >= 0 else -1 for source in self.sources for step in range(count)]
        return Channels(tuple(spread), self.size * count)

    def __add__(self, other: Channels) -> Channels:
        """These, then the other ones."""
        shifted = (source + self.size if source >= 0 else -1 for source in other.sources)
        return Channels((*self.sources, *shifted), self.size + other.size)

    @property
    def unchanged(self) -> bool:
        """Whether every channel stays where it is."""
        return self.sources == tuple(range(self.size))


#: Tensor -> dimension -> where its channels come from.
Rows = dict[str, dict[int, Channels]]


def keypoint_rows(module: nn.Module, keypoints: Channels, block: Mapping[str, Any] | None) -> Rows | None:
    """The dimensions of a module's tensors that hold keypoints, for weights of a net with other keypoints.

    ``keypoints`` says which keypoint of the source each own keypoint was, ``block`` is the source's block of
    pytorch_config.yaml, where it is known.  Tensors that are not named hold no keypoints.  None, for a module without
    the method, means that it is not known which do.
    """
    method = getattr(module, "keypoint_rows", None)
    return None if method is None else method(keypoints, block)


def relisted(module: nn.Module, source: Mapping[str, Tensor], keypoints: Channels) -> dict[str, Tensor]:
    """The source's tensors with the layers of each keypoint where the module has them.

    A module's ``keypoint_lists`` are the names of lists with an entry a keypoint; entries of new keypoints are its own.
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
                elif (theirs := f"{name}.{origin}.{rest}") in entries:
                    result[key] = entries[theirs]
    return result


def misfit(own: Mapping[str, Tensor], source: Mapping[str, Tensor], rows: Rows) -> str | None:
    """The first reason why :func:`moved` cannot be used: a tensor that is missing, too many, or of another shape."""
    missing = [key for key in own if key not in source]
    if missing:
        return f"{len(missing)} of {len(own)} tensors are missing, such as {missing[0]}"
    for key, value in source.items():
        if key not in own:
            return f"there is no tensor {key}"
        wanted = list(own[key].shape)
        for dimension, channels in rows.get(key, {}).items():
            wanted[dimension] = channels.size
        if list(value.shape) != wanted:
            return f"{key} has shape {tuple(value.shape)}, needed is {tuple(wanted)}"
    return None


def moved(own: Mapping[str, Tensor], source: Mapping[str, Tensor], rows: Rows) -> dict[str, Tensor]:
    """The source's tensors with channels where they belong; channels from none keep the own numbers."""
    return {key: _moved(value, source[key], rows.get(key, {})) for key, value in own.items()}


def _moved(own: Tensor, source: Tensor, rows: Mapping[int, Channels]) -> Tensor:
    """One tensor: the chosen channels of every dimension, into the places that they are for."""
    if not rows:
        return source.to(own)
    result, chosen = own.clone(), source.to(own)
    places = []
    for dimension, size in enumerate(own.shape):
        channels = rows.get(dimension, Channels.same(size))
        kept = [(index, channel) for index, channel in enumerate(channels.sources) if channel >= 0]
        place, wanted = torch.tensor(kept, dtype=torch.long, device=own.device).reshape(-1, 2).unbind(1)
        chosen = chosen.index_select(dimension, wanted)
        places.append(place)
    result[torch.meshgrid(*places, indexing="ij")] = chosen
    return result
