"""Select bodyparts and individuals of tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlcx.errors import DlcxError, did_you_mean
from dlcx.poses import Tracks


def only_parts(tracks: Tracks, bodyparts: Sequence[str] = (), individuals: Sequence[str] = ()) -> Tracks:
    """Return the tracks of some bodyparts (unique ones included) and individuals, in their original order.

    Parameters
    ----------
    tracks
        The tracks.
    bodyparts, individuals
        Names to keep; empty keeps all.

    Raises
    ------
    DlcxError
        If a name is unknown.
    """
    layout = tracks.layout
    _check("--bodypart", bodyparts, (*layout.bodyparts, *layout.unique))
    _check("--individual", individuals, layout.individuals)
    parts = [i for i, name in enumerate(layout.bodyparts) if not bodyparts or name in bodyparts]
    unique = [i for i, name in enumerate(layout.unique) if not bodyparts or name in bodyparts]
    animals = [i for i, name in enumerate(layout.individuals) if not individuals or name in individuals]
    return Tracks(
        replace(
            layout,
            bodyparts=tuple(layout.bodyparts[i] for i in parts),
            unique=tuple(layout.unique[i] for i in unique),
            individuals=tuple(layout.individuals[i] for i in animals),
        ),
        tracks.xy[:, animals][:, :, parts],
        tracks.score[:, animals][:, :, parts],
        tracks.unique_xy[:, unique],
        tracks.unique_score[:, unique],
        first=tracks.first,
    )


def _check(flag: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise DlcxError(f"{flag} {name}: not in the file of poses", hint=did_you_mean(name, known))
