"""Options that select the frames of a video."""

from dlcx.options.base import option
from dlcx.options.formats import FRAMES
from dlcx.options.limits import FRAME

FrameRange = tuple[int | None, int | None]


def frames_option(help: str) -> FrameRange | None:
    """Declare an option ``--frames A:B``."""
    found: FrameRange | None = option(None, help, format=FRAMES, limits=(FRAME, FRAME), show_default="all")
    return found
