"""Check that a stored analysis was made with the same settings and of the same video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlcx.errors import DlcxError

#: The setting that holds a digest of the network's configuration, as far as the poses depend on it.
CONFIG = "pytorch_config.yaml (model, data.inference)"
#: The setting that holds the fingerprint of the video, and its entry that does not depend on the video's content.
VIDEO, VIDEO_NAME = "video", "name"


def check_settings(name: str, stored: Mapping[str, Any], requested: Mapping[str, Any]) -> None:
    """Refuse settings that differ from those of a store.

    Parameters
    ----------
    name
        Name of the store, for messages.
    stored, requested
        The settings of the store and those of the current call.

    Raises
    ------
    DlcxError
        If they differ; the message lists the differences.
    """
    different = [key for key in sorted({*stored, *requested}) if _compared(stored, key) != _compared(requested, key)]
    if VIDEO in different:
        before, now = (_describe_video(settings.get(VIDEO)) for settings in (stored, requested))
        if before == now:
            now = f"another {now}"
        raise DlcxError(
            f"{name} is the analysis of another video: of {before}; this one is {now}",
            hint="Add --overwrite to analyze this video in its place, or --out DIR to keep both.",
        )
    if different:
        differences = [
            f"{key}: changed since, by hand or by prune-skeleton"
            if key == CONFIG and stored.get(key)
            else f"{key}: {stored.get(key)} stored, {requested.get(key)} requested"
            for key in different
        ]
        hint = "Use the same settings to resume, --overwrite to analyze again, or another --out."
        if different == [CONFIG]:
            hint = "Add --overwrite to analyze again with the current network, or --out DIR to keep both."
            hint += " `dlcx track` tracks several animals from the stored poses."
        raise DlcxError(f"{name} was made with other settings: {'; '.join(differences)}", hint=hint)


def _compared(settings: Mapping[str, Any], key: str) -> Any:
    """Return what is compared of a setting: the video may have been renamed, so its name does not count."""
    value = settings.get(key)
    if key == VIDEO and isinstance(value, Mapping):
        return {part: item for part, item in value.items() if part != VIDEO_NAME}
    return value


def _describe_video(video: Any) -> str:
    if not isinstance(video, Mapping):
        return "an unknown one"
    return f"{video.get(VIDEO_NAME)} ({video.get('frames')} frames, {video.get('bytes')} bytes)"
