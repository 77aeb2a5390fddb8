"""The registry of networks (``--net-type``) and detectors (``--detector``).

It collects the families in ``dlcx/nets/*/spec.py`` and those of other packages, which register them as entry points of
the group ``dlcx.nets``. Nothing here imports torch, so that listing and checking names is instant. A family is one
folder::

    nets/NAME/spec.py    FAMILY: a Family with plain values
    nets/NAME/model.py   its layers, imported when a network is built
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads import HEADS

if TYPE_CHECKING:
    from dlcx.poses import Layout

Block = dict[str, Any]
#: Prefix of top-down networks, which see crops around detected animals.
TOP_DOWN = "top_down_"
Kind = Literal["single", "multi", "detector"]
Method = Literal["bu", "td", "ctd", "detect"]


@dataclass(frozen=True)
class NetContext:
    """What a network is configured for: the names of the project, and whether to add an identity head."""

    layout: Layout
    identity: bool = False


@dataclass(frozen=True)
class NetSpec:
    """A network or, with the kind ``detector``, a detector, without its layers.

    Parameters
    ----------
    name
        Value of ``--net-type`` or ``--detector``.
    kinds
        Projects that the network is for.
    method
        Bottom-up, top-down, conditional top-down, or detector.
    summary, paper
        One line on what to use it for, and its reference.
    stride
        Pixels per cell of the score maps; for a detector, of its finest features, in the enlarged image.
    configure
        Returns the values of pytorch_config.yaml that differ from the common ones (:mod:`dlcx.nets.configure`), for a
        detector those of the block ``detector``, given the name and the context.
    parameters, gflops
        Number of parameters, and 1e9 multiply-adds for an image of 256 x 256 pixels, for one animal with 4 bodyparts;
        None if they depend on the name.
    aliases
        Other names.
    family
        Name of the family, filled in by the registry.
    golden
        Whether DeepLabCut supports the network, so that golden data must exist.
    case
        For a network that DeepLabCut does not support: ``"package:file.npz"`` with its outputs for known weights.
    prefix, example
        For an open-ended network such as ``timm/NAME``: the common prefix of its names, and one of them.
    untrainable
        Why ``dlcx train`` refuses the network; empty if it can be trained.
    """

    name: str
    kinds: tuple[Kind, ...]
    method: Method
    summary: str
    paper: str
    stride: int
    configure: Callable[[str, NetContext], Block] = field(repr=False)
    parameters: int | None = None
    gflops: float | None = None
    aliases: tuple[str, ...] = ()
    family: str = ""
    golden: bool = True
    case: str = ""
    prefix: str = ""
    example: str = ""
    untrainable: str = ""

    @property
    def uses_conditions(self) -> bool:
        """Whether the network corrects given poses (conditional top-down)."""
        return self.method == "ctd"

    @property
    def net_type(self) -> str:
        """The name in pytorch_config.yaml, without the prefix ``top_down_``."""
        return self.name.removeprefix(TOP_DOWN)


@dataclass(frozen=True)
class Family:
    """The networks of one folder and the layers that their configurations refer to.

    Parameters
    ----------
    name
        Name of the family.
    nets
        Its networks or detectors.
    backbones, necks, heads, detectors
        ``type`` of pytorch_config.yaml -> ``"module:function"``.
    published
        Backbone ``type`` -> ``OWNER/REPOSITORY/FILE`` on huggingface.co, if its ImageNet weights are not those of
        timm; ``{model_name}`` stands for that key of the block.
    """

    name: str
    nets: tuple[NetSpec, ...]
    backbones: Mapping[str, str] = field(default_factory=dict)
    necks: Mapping[str, str] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)
    detectors: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)


def families() -> tuple[Family, ...]:
    """Return all families, dlcx's own first.

    Raises
    ------
    DlcxError
        If a name or type is registered twice, or an entry point cannot be loaded.
    """
    return _families()


@functools.cache
def _families() -> tuple[Family, ...]:
    found = [*_builtin_families(), *_external_families()]
    owners = {("head", word.lower()): "dlcx.heads" for word in HEADS}
    for family in found:
        names = [name for net in family.nets for name in (net.name, *net.aliases)]
        groups = {
            "net": names,
            "backbone": list(family.backbones),
            "neck": list(family.necks),
            "head": list(family.heads),
            "detector": list(family.detectors),
        }
        for group, words in groups.items():
            for word in words:
                owner = owners.setdefault((group, word.lower()), family.name)
                if owner != family.name or words.count(word) > 1:
                    raise DlcxError(f"the {group} '{word}' is registered twice: by '{owner}' and by '{family.name}'")
    return tuple(found)


def _builtin_families() -> Iterator[Family]:
    package = importlib.import_module("dlcx.nets")
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if module.ispkg:
            yield importlib.import_module(f"dlcx.nets.{module.name}.spec").FAMILY


def _external_families() -> Iterator[Family]:
    from importlib.metadata import entry_points

    for entry in entry_points(group="dlcx.nets"):
        try:
            family = entry.load()
        except Exception as error:
            raise DlcxError(
                f"the networks of '{entry.value}' cannot be loaded: {error}", hint="Fix or uninstall the package."
            ) from error
        if not isinstance(family, Family):
            raise DlcxError(
                f"the entry point '{entry.name}' of dlcx.nets must refer to a Family, got {type(family).__name__}"
            )
        yield family


def specs(kind: Kind | None = None) -> list[NetSpec]:
    """Return all networks and detectors, or those of one kind; open-ended ones as a pattern, such as ``timm/NAME``."""
    nets = [replace(net, family=family.name) for family in families() for net in family.nets]
    return [net for net in nets if kind is None or kind in net.kinds]


def available_models() -> list[str]:
    """Return the values of ``--net-type``, without patterns such as ``timm/NAME``.

    Examples
    --------
    >>> "resnet_50" in available_models()
    True
    """
    return [net.name for net in specs() if "detector" not in net.kinds and not net.prefix]


def available_detectors() -> list[str]:
    """Return the values of ``--detector``.

    Examples
    --------
    >>> "ssdlite" in available_detectors()
    True
    """
    return [net.name for net in specs("detector") if not net.prefix]


def find(name: str) -> NetSpec:
    """Return a network by its name or alias, ignoring case.

    Raises
    ------
    DlcxError
        If there is no such network; the hint is the nearest name.
    """
    for net in specs():
        if net.prefix and name.startswith(net.prefix) and len(name) > len(net.prefix):
            return replace(net, name=name, prefix="", example="")
    known = _by_name(net for net in specs() if "detector" not in net.kinds)
    if name.lower() in known and not known[name.lower()].example:
        return known[name.lower()]
    if name.lower() in _by_name(specs("detector")):
        raise DlcxError(f"--net-type {name}: this is a detector", hint=f"Add --detector {name} to a top-down network.")
    raise DlcxError(f"--net-type {name}: no such network", hint=f"{did_you_mean(name, known)} See `dlcx list-models`.")


def find_detector(name: str) -> NetSpec:
    """Return a detector by its name or alias, ignoring case.

    Raises
    ------
    DlcxError
        If there is no such detector; the hint is the nearest name.
    """
    known = _by_name(specs("detector"))
    if name.lower() in known:
        return known[name.lower()]
    hint = f"{did_you_mean(name, known)} See `dlcx list-models --kind detector`."
    raise DlcxError(f"--detector {name}: no such detector", hint=hint)


def _by_name(nets: Iterable[NetSpec]) -> dict[str, NetSpec]:
    return {word.lower(): net for net in nets for word in (net.name, *net.aliases)}


def untrainable(net_type: str) -> str:
    """Return why a network cannot be trained; empty if it can be, or if it is unknown."""
    known = _by_name(specs()).get(net_type.lower())
    return known.untrainable if known else ""


def backbone_types() -> dict[str, str]:
    """Return the builder of each backbone ``type``, as "module:function"."""
    return {kind: target for family in families() for kind, target in family.backbones.items()}


def neck_types() -> dict[str, str]:
    """Return the builder of each neck ``type``, as "module:function"."""
    return {kind: target for family in families() for kind, target in family.necks.items()}


def published_weights() -> dict[str, str]:
    """Return where the ImageNet weights of backbone types are published, for those that are not timm's."""
    return {kind: place for family in families() for kind, place in family.published.items()}


def head_types() -> dict[str, str]:
    """Return the builder of each head ``type``, as "module:function": dlcx's own and those of families."""
    return {**HEADS, **{kind: target for family in families() for kind, target in family.heads.items()}}


def detector_types() -> dict[str, str]:
    """Return the builder of each detector ``type``, as "module:function"."""
    return {kind: target for family in families() for kind, target in family.detectors.items()}
