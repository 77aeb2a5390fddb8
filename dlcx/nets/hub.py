"""Files of huggingface.co: from the local cache, else from the network."""

from __future__ import annotations

import logging
from pathlib import Path

from dlcx.errors import DlcxError

logger = logging.getLogger(__name__)

#: Seconds until the network counts as absent.
PATIENCE = 5.0
HINT = "Use --weights none, or --weights PATH for a file that you have."


class Unreachable(DlcxError):
    """A file that the network does not give: the flag may be right all the same."""


def fetch(repository: str, filename: str, flag: str, *, download: bool = True) -> Path:
    """A file in the local cache, fetched first where it is missing; ``download=False`` only asks whether it could be.

    ``flag`` is what the user asked for, such as ``--weights imagenet``.

    Raises
    ------
    Unreachable
        When the file is neither in the cache nor can be had.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    cached = try_to_load_from_cache(repository, filename)
    if isinstance(cached, str):
        return Path(cached)
    try:
        size = get_hf_file_metadata(hf_hub_url(repository, filename), timeout=PATIENCE).size
        if not download:
            return Path(filename)
        logger.warning("downloading %s of huggingface.co/%s (%.0f MB)", filename, repository, (size or 0) / 1e6)
        return Path(hf_hub_download(repository, filename))
    except Exception as error:  # no name server, a proxy, offline mode, no such file: each has its own exception
        raise Unreachable(
            f"{flag}: cannot fetch {filename} of huggingface.co/{repository} ({type(error).__name__})", hint=HINT
        ) from error
