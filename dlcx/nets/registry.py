"""Every net that ``--net-type`` can name and every detector.

They are found by walking ``dlcx/nets/*/spec.py`` and the entry points ``dlcx.nets``.

Nothing here imports torch: listing and checking names stays instant.  A family is one folder::

    nets/NAME/spec.py    FAMILY: a Family, plain values only
    nets/NAME/model.py   its layers, imported when one is built

A package outside registers an entry point of the group ``dlcx.nets`` that names its Family.
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
#: How names of nets begin that pose the crops of a detector.
TOP_DOWN = "top_down_"
Kind = Literal["single", "multi", "detector"]
Method = Literal["bu", "td", "ctd", "detect"]


@dataclass(frozen=True)
class Request:
    """What a net is configured for: the names of the project, and whether an identity head is asked for."""

    layout: Layout
    identity: bool = False


@dataclass(frozen=True)
class NetSpec:
    """One name of ``--net-type`` or, of the kind ``detector``, of ``--detector``, without its layers.

    ``configure`` gives what its pytorch_config.yaml has different from the common values
    (:mod:`dlcx.nets.configure`), for a detector in the block ``detector``; it gets the name and the request.
    ``parameters`` and ``gflops`` (1e9 multiply-adds, 256 x 256 image, which a detector enlarges) are those of a project
    with one animal and 4 bodyparts; None where they depend on the name.
    """

    name: str
    kinds: tuple[Kind, ...]
    method: Method
    summary: str
    paper: str
    stride: int
    """Pixels a cell of the score maps stands for; of a detector's finest features, in the image as it enlarges it."""
    configure: Callable[[str, Request], Block] = field(repr=False)
    parameters: int | None = None
    gflops: float | None = None
    aliases: tuple[str, ...] = ()
    family: str = ""
    golden: bool = True
    """Whether DeepLabCut knows the name, so that golden data of it must exist."""
    case: str = ""
    """For a net that DeepLabCut does not know: ``"package:file.npz"`` with what it gives for known weights."""
    prefix: str = ""
    """For an open net such as ``timm/NAME``: how all names begin that it stands for."""
    example: str = ""
    """For an open net: one name that it covers."""
    untrainable: str = ""
    """Why ``dlcx train`` refuses it; nothing for nets that are trained."""

    @property
    def uses_conditions(self) -> bool:
        """Whether the network corrects given poses (conditional top-down)."""
        return self.method == "ctd"

    @property
    def net_type(self) -> str:
        """The name as pytorch_config.yaml has it, where ``method`` says what is done with the net."""
        return self.name.removeprefix(TOP_DOWN)


@dataclass(frozen=True)
class Family:
    """The nets of one folder and what their configurations name.

    ``backbones``, ``necks``, ``heads`` and ``detectors`` map a ``type`` of pytorch_config.yaml to
    ``"module:function"``.
    """

    name: str
    nets: tuple[NetSpec, ...]
    backbones: Mapping[str, str] = field(default_factory=dict)
    necks: Mapping[str, str] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)
    detectors: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)
    """Backbone ``type`` -> ``OWNER/REPOSITORY/FILE`` on huggingface.co, where timm has no ImageNet weights of it;
    ``{model_name}`` stands for that key of the block."""


def families() -> tuple[Family, ...]:
    """All families, dlcx's own first.

    Raises
    ------
    DlcxError
        When a name or type is registered twice, or an entry point cannot be loaded.
    """
    return _families()


@functools.cache
def _families() -> tuple[Family, ...]:
    found = [*_own_families(), *_outside_families()]
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


def _own_families() -> Iterator[Family]:
    package = importlib.import_module("dlcx.nets")
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if module.ispkg:
            yield importlib.import_module(f"dlcx.nets.{module.name}.spec").FAMILY


def _outside_families() -> Iterator[Family]:
    from importlib.metadata import entry_points

    for entry in entry_points(group="dlcx.nets"):
        try:
            family = entry.load()
        except Exception as error:
            raise DlcxError(
                f"the nets of '{entry.value}' cannot be loaded: {error}", hint="Mend or uninstall it."
            ) from error
        if not isinstance(family, Family):
            raise DlcxError(
                f"the entry point '{entry.name}' of dlcx.nets must name a Family, got {type(family).__name__}"
            )
        yield family


def specs(kind: Kind | None = None) -> list[NetSpec]:
    """All nets in the order of their families; an open family is its one pattern, such as ``timm/NAME``."""
    nets = [replace(net, family=family.name) for family in families() for net in family.nets]
    return [net for net in nets if kind is None or kind in net.kinds]


def available_models() -> list[str]:
    """The names that ``--net-type`` takes, without detectors and without patterns such as ``timm/NAME``."""
    return [net.name for net in specs() if "detector" not in net.kinds and not net.prefix]


def available_detectors() -> list[str]:
    """The names that ``--detector`` takes."""
    return [net.name for net in specs("detector") if not net.prefix]


def find(name: str) -> NetSpec:
    """The net with this name or alias, in any case; a detector is none.

    Raises
    ------
    DlcxError
        For a name that nothing has; says the nearest one.
    """
    for net in specs():
        if net.prefix and name.startswith(net.prefix) and len(name) > len(net.prefix):
            return replace(net, name=name, prefix="", example="")
    known = _by_word(net for net in specs() if "detector" not in net.kinds)
    if name.lower() in known and not known[name.lower()].example:
        return known[name.lower()]
    if name.lower() in _by_word(specs("detector")):
        raise DlcxError(f"--net-type {name}: a detector, no net", hint=f"Add --detector {name} to a top-down net.")
    raise DlcxError(f"--net-type {name}: no such net", hint=f"{did_you_mean(name, known)} See `dlcx list-models`.")


def find_detector(name: str) -> NetSpec:
    """The detector with this name or alias, in any case.

    Raises
    ------
    DlcxError
        For a name that no detector has; says the nearest one.
    """
    known = _by_word(specs("detector"))
    if name.lower() in known:
        return known[name.lower()]
    hint = f"{did_you_mean(name, known)} See `dlcx list-models --kind detector`."
    raise DlcxError(f"--detector {name}: no such detector", hint=hint)


def _by_word(nets: Iterable[NetSpec]) -> dict[str, NetSpec]:
    return {word.lower(): net for net in nets for word in (net.name, *net.aliases)}


def untrainable(net_type: str) -> str:
    """Why a net cannot be trained; nothing for one that can, or that is unknown."""
    known = _by_word(specs()).get(net_type.lower())
    return known.untrainable if known else ""


def backbone_types() -> dict[str, str]:
    """Backbone ``type`` -> "module:function" of all families."""
    return {kind: target for family in families() for kind, target in family.backbones.items()}


def neck_types() -> dict[str, str]:
    """Neck ``type`` -> "module:function" of all families."""
    return {kind: target for family in families() for kind, target in family.necks.items()}


def published_weights() -> dict[str, str]:
    """Backbone ``type`` -> where its ImageNet weights are, for those that timm does not know."""
    return {kind: place for family in families() for kind, place in family.published.items()}


def head_types() -> dict[str, str]:
    """Head ``type`` -> "module:function": dlcx's heads, then those that families bring."""
    return {**HEADS, **{kind: target for family in families() for kind, target in family.heads.items()}}


def detector_types() -> dict[str, str]:
    """Detector ``type`` -> "module:function" of all families."""
    return {kind: target for family in families() for kind, target in family.detectors.items()}
