"""Where the time of an analysis went, and what bounds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dlcx.progress import NETWORK_TIME, Clock

#: What an analysis does one after the other.
STEPS = ("waiting", "preparing", "net", "pose decoding", "writing")
#: What to do about a step that takes longest.
BOUND_BY = {
    "waiting": "decoding the video",
    "preparing": "preparing images for the net",
    "net": "the net",
    "pose decoding": "decoding poses",
    "writing": "writing results",
    "linking": "linking animals into tracks",
    "parts": "the analysis of the parts",
}


@dataclass(frozen=True)
class TimeSpent:
    """Seconds of an analysis by step, and of the decoder, which works beside them.

    ``seconds`` are those of ``waiting`` for frames, ``preparing`` the net's input, the ``net``, ``pose decoding``,
    ``writing`` and ``linking``, and of ``parts`` that other calls analyzed; their sum is the total.  ``decoding`` are
    those of the thread that decodes the video.
    """

    seconds: dict[str, float]
    decoding: float
    frames: int
    total: float = field(init=False)
    frames_per_second: float = field(init=False)
    bound_by: str = field(init=False)

    def __post_init__(self) -> None:
        total = sum(self.seconds.values())
        object.__setattr__(self, "total", total)
        object.__setattr__(self, "frames_per_second", self.frames / max(total, 1e-9))
        object.__setattr__(self, "bound_by", BOUND_BY[max(self.seconds, key=lambda name: self.seconds[name])])

    def with_parts(self, parts: Sequence[TimeSpent]) -> TimeSpent:
        """The time of all processes that analyzed parts of the video in this call, added up.

        Parts of earlier calls, and their frames, do not count then.
        """
        if not parts:
            return self
        every = [*parts, self]
        names = [name for one in every for name in one.seconds if name != "parts"]
        seconds = {name: sum(one.seconds.get(name, 0.0) for one in every) for name in names}
        return TimeSpent(seconds, sum(one.decoding for one in every), sum(one.frames for one in parts))

    def line(self) -> str:
        """One line for people."""
        steps = [f"{name} {spent:.1f} s" for name, spent in self.seconds.items() if spent]
        beside = f"; decoding {self.decoding:.1f} s beside these" if self.decoding else ""
        share = max(self.seconds.values()) / max(self.total, 1e-9)
        return (
            f"time: {self.total:.1f} s, {self.frames_per_second:.1f} frames/s ({', '.join(steps)}{beside}); "
            f"bound by {self.bound_by} ({share:.0%})"
        )


class Stopwatch:
    """Measures an analysis while it runs; calls of :meth:`clock` count what they enclose."""

    def __init__(self, *further: str) -> None:
        self.clock, self.decoder = Clock(*STEPS, *further), Clock("decoding")
        NETWORK_TIME.take()

    def split_network_time(self) -> None:
        """Count the time of the network and of its inputs, so far part of ``pose decoding``, separately."""
        self.clock.split("pose decoding", NETWORK_TIME.take())

    def spent(self, frames: int) -> TimeSpent:
        """Up to now, for so many frames."""
        return TimeSpent(dict(self.clock.spent), self.decoder.spent["decoding"], frames)
