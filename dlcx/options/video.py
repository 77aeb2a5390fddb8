"""Which part of a video's frames and images a command uses."""

from dlcx.options.base import option
from dlcx.options.formats import FRAMES
from dlcx.options.limits import FRAME

FrameRange = tuple[int | None, int | None]


def frames_option(help: str) -> FrameRange | None:
    """An option ``--frames A:B``."""
    found: FrameRange | None = option(None, help, format=FRAMES, limits=(FRAME, FRAME), show_default="all")
    return found
