"""``*.analysis.h5``: the tracks of a video as SLEAP exports them.

::

    /tracks        (A, 2, K, T)  x and y in pixels of the whole frame, nan where not detected
    /point_scores  (A, K, T)     missing in older files
    /track_names   (A,)          bytes; includes tracks that SLEAP never merged with another
    /node_names    (K,)

Format: SLEAP 1.3.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.hdf5.tables import read_arrays, read_names
from dlcx.poses import Layout, Tracks


def is_sleap_analysis(path: Path) -> bool:
    """Return whether a file is a SLEAP analysis file, judging by its contents."""
    return path.suffix == ".h5" and path.is_file() and "tracks" in read_names(path)


def read_sleap_analysis(path: Path) -> Tracks:
    """Read the tracks; in files without scores, the likelihood of each detected point is 1.

    Raises
    ------
    DlcxError
        If the shapes of the arrays do not match.
    """
    arrays = _arrays(path)
    try:
        xy = np.ascontiguousarray(arrays["tracks"].transpose(3, 0, 2, 1))
        animals, parts = (tuple(map(_text, arrays[name])) for name in ("track_names", "node_names"))
        score = np.isfinite(xy).all(-1).astype(xy.dtype)
        if "point_scores" in arrays:
            score = np.where(score > 0, arrays["point_scores"].transpose(2, 0, 1), score)
        return Tracks(Layout(parts, animals, multi=len(animals) > 1), xy, score)
    except (KeyError, ValueError) as error:
        raise DlcxError(f"{path}: not the tracks that SLEAP exports ({error})") from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path, ("tracks", "point_scores", "track_names", "node_names"))


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
