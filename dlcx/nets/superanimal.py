"""SuperAnimal weights: where they are published, for which networks, and the order of their bodyparts.

Ye et al., SuperAnimal pretrained pose estimation models (Nature Communications 2024). The locations are those of
DLClibrary's list for DeepLabCut 3, the orders those of DeepLabCut 3.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError, did_you_mean


@dataclass(frozen=True)
class SuperAnimal:
    """Published weights, at ``OWNER/REPOSITORY/FILE`` on huggingface.co with ``{net}`` for one of ``nets``."""

    location: str
    nets: tuple[str, ...]
    bodyparts: tuple[str, ...]


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_MATHIS = "mwmathis/DeepLabCutModelZoo-SuperAnimal"

SUPERANIMALS: Mapping[str, SuperAnimal] = {
    "superanimal_topviewmouse": SuperAnimal(
        f"{_MATHIS}-TopViewMouse/superanimal_topviewmouse_{{net}}.pt",
        ("hrnet_w32", "hrnet_w48", "resnet_50", "resnet_101", "rtmpose_s", "rtmpose_x"),
        _names(
            "nose left_ear right_ear left_ear_tip right_ear_tip left_eye right_eye neck mid_back mouse_center "
            "mid_backend mid_backend2 mid_backend3 tail_base tail1 tail2 tail3 tail4 tail5 left_shoulder "
            "left_midside left_hip right_shoulder right_midside right_hip tail_end head_midpoint"
        ),
    ),
    "superanimal_quadruped": SuperAnimal(
        f"{_MATHIS}-Quadruped/superanimal_quadruped_{{net}}.pt",
        ("hrnet_w32", "resnet_50", "rtmpose_s"),
        _names(
            "nose upper_jaw lower_jaw mouth_end_right mouth_end_left right_eye right_earbase right_earend "
            "right_antler_base right_antler_end left_eye left_earbase left_earend left_antler_base "
            "left_antler_end neck_base neck_end throat_base throat_end back_base back_end back_middle tail_base "
            "tail_end front_left_thai front_left_knee front_left_paw front_right_thai front_right_knee "
            "front_right_paw back_left_paw back_left_thai back_right_thai back_left_knee back_right_knee "
            "back_right_paw belly_bottom body_middle_right body_middle_left"
        ),
    ),
    "superanimal_bird": SuperAnimal(
        "DeepLabCut/DeepLabCutModelZoo-SuperAnimal-Bird/superanimal_bird_{net}.pt",
        ("resnet_50",),
        _names(
            "back bill belly breast crown forehead left_eye left_leg left_wing_tip left_wrist nape right_eye "
            "right_leg right_wing_tip right_wrist tail_tip throat neck tail_left tail_right upper_spine "
            "upper_half_spine lower_half_spine right_foot left_foot left_half_chest right_half_chest chin "
            "left_tibia right_tibia lower_spine upper_half_neck lower_half_neck left_chest right_chest upper_neck "
            "left_wing_shoulder left_wing_elbow right_wing_shoulder right_wing_elbow upper_cere lower_cere"
        ),
    ),
    "superanimal_humanbody": SuperAnimal(
        "DeepLabCut/HumanBody/rtmpose-x_simcc-body7.pt",
        ("rtmpose_x",),
        _names(
            "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
            "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
        ),
    ),
}


def is_name(source: str) -> bool:
    """Whether the value of ``--weights`` has the form of a SuperAnimal's name, known or not, rather than of a file."""
    return source.startswith("superanimal_") and not Path(source).suffix


def superanimal(name: str) -> SuperAnimal:
    """Return a SuperAnimal by its name.

    Raises
    ------
    DlcxError
        If the name is unknown; the hint is the nearest name.
    """
    if name not in SUPERANIMALS:
        raise DlcxError(f"--weights {name}: no such SuperAnimal", hint=did_you_mean(name, SUPERANIMALS))
    return SUPERANIMALS[name]


def published_location(name: str, net: str) -> tuple[str, str]:
    """Return the repository and the file of a SuperAnimal's weights for a network (``net_type``).

    Raises
    ------
    DlcxError
        If the SuperAnimal is unknown, or there are no weights for the network.
    """
    found = superanimal(name)
    if net not in found.nets:
        raise DlcxError(
            f"--weights {name}: no weights are published for {net}",
            hint=f"Use one of the networks {', '.join(found.nets)}.",
        )
    repository, _, filename = found.location.format(net=net).rpartition("/")
    return repository, filename


def superanimal_of(path: Path) -> str | None:
    """Return the SuperAnimal that a file belongs to according to its name, or None."""
    for name, found in SUPERANIMALS.items():
        if path.name in {found.location.format(net=net).rpartition("/")[2] for net in found.nets}:
            return name
    return None


def conversion_table(name: str, tables: Mapping[str, Mapping[str, str]] | None) -> Mapping[str, str] | None:
    """Return the SuperAnimal's name of each of the project's bodyparts.

    Parameters
    ----------
    name
        The SuperAnimal.
    tables
        ``SuperAnimalConversionTables`` of config.yaml.

    Returns
    -------
    mapping or None
        The project's bodypart -> the SuperAnimal's; None if there is no table for it.

    Raises
    ------
    DlcxError
        If the table names a bodypart that the SuperAnimal does not have.
    """
    table = (tables or {}).get(name)
    for own, theirs in (table or {}).items():
        if theirs not in superanimal(name).bodyparts:
            raise DlcxError(
                f"config.yaml: SuperAnimalConversionTables.{name}.{own}: {name} has no bodypart '{theirs}'",
                hint=did_you_mean(theirs, superanimal(name).bodyparts),
            )
    return table
