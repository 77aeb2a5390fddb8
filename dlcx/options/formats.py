"""Values that hold several numbers in one word of a command line: parsing and formatting."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Format:
    """How a value is written on a command line.

    ``parse`` raises ValueError with the reason if the text is not valid. If ``is_syntax``, this is reported as a usage
    error, otherwise as an unusable value.
    """

    metavar: str
    parse: Callable[[str], Any]
    text: Callable[[Any], str]
    is_syntax: bool = True


def _frames(text: str) -> tuple[int | None, int | None]:
    if not (match := re.fullmatch(r"\s*(\d{0,18})\s*:\s*(\d{0,18})\s*", text)):
        raise ValueError(f"expected A:B, e.g. 0:1000, got '{text}'")
    first, stop = (int(side) if side else None for side in match.groups())
    return first, stop


def _part(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,18})\s*/\s*(\d{1,18})\s*", text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count:
        raise ValueError(f"expected I/N with 1 <= I <= N, e.g. 2/8, got '{text}'")
    return number, count


def _crop(text: str) -> tuple[int, ...]:
    if not (match := re.fullmatch(r"\s*(\d{1,18})\s*" + 3 * r",\s*(\d{1,18})\s*", text)):
        raise ValueError(f"expected X1,X2,Y1,Y2, e.g. 0,640,0,480, got '{text}'")
    return tuple(map(int, match.groups()))


def _dynamic_crop(text: str) -> tuple[float, float]:
    try:
        score, margin = (float(side) for side in text.split(","))
    except ValueError:
        raise ValueError(f"expected SCORE,MARGIN, e.g. 0.5,10, got '{text}'") from None
    return score, margin


def _batch_size(text: str) -> int | str:
    if text == "auto":
        return text
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text.strip()):
        raise ValueError(f"expected a number of 1 or more, or auto, got '{text}'")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\s*\d{1,18}\s*(,\s*\d{1,18}\s*)*", text):
        raise ValueError(f"expected N,N,..., e.g. 3,17,250, got '{text}'")
    return tuple(int(number) for number in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    found = tuple(name for part in text.split(",") if (name := part.strip()))
    if not found:
        raise ValueError(f"expected names, such as snout,tail, got '{text}'")
    return found


def _commas(values: Any) -> str:
    return ",".join(map(str, values))


def _range_text(value: Any) -> str:
    return ":".join("" if side is None else str(side) for side in value)


FRAMES = Format("A:B", _frames, _range_text)
PART = Format("I/N", _part, lambda value: "/".join(map(str, value)))
CROP = Format("X1,X2,Y1,Y2", _crop, _commas)
DYNAMIC_CROP = Format("SCORE,MARGIN", _dynamic_crop, lambda value: ",".join(map(repr, value)))
BATCH_SIZE = Format("N|auto", _batch_size, str)
NAMES = Format("A,B,...", _names, _commas, is_syntax=False)
NUMBERS = Format("N,N,...", _numbers, _commas)
