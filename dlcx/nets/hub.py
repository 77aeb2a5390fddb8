"""Files of huggingface.co, downloaded unless they are in the local cache."""

from __future__ import annotations

import logging
from pathlib import Path

from dlcx.errors import DlcxError

logger = logging.getLogger(__name__)

#: Timeout of connections in seconds.
TIMEOUT = 5.0
HINT = "Use --weights none, or --weights PATH for a local file."


class Unreachable(DlcxError):
    """A file cannot be downloaded, although the flag may be valid."""


def fetch(repository: str, filename: str, flag: str, *, download: bool = True) -> Path:
    """Return the path of a file in the local cache, after downloading it if necessary.

    Parameters
    ----------
    repository, filename
        Repository on huggingface.co and file in it.
    flag
        The user's option, such as ``--weights imagenet``, for the error message.
    download
        If False, only check that the file is cached or available.

    Raises
    ------
    Unreachable
        If the file is neither cached nor available.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    cached = try_to_load_from_cache(repository, filename)
    if isinstance(cached, str):
        return Path(cached)
    try:
        size = get_hf_file_metadata(hf_hub_url(repository, filename), timeout=TIMEOUT).size
        if not download:
            return Path(filename)
        logger.warning("downloading %s from huggingface.co/%s (%.0f MB)", filename, repository, (size or 0) / 1e6)
        return Path(hf_hub_download(repository, filename))
    except Exception as error:  # DNS, proxy, offline mode and a missing file raise different exceptions
        raise Unreachable(
            f"{flag}: cannot fetch {filename} from huggingface.co/{repository} ({type(error).__name__})", hint=HINT
        ) from error
