"""The registry of label formats: which suffixes can be imported and exported, and by which functions.

A reader and a writer register themselves with a decorator::

    @label_reader("COCO keypoints", suffixes=(".json",))
    def read_coco(path: Path, *, predicted: bool = False) -> ImportedLabels: ...

    @label_writer("COCO keypoints", suffixes=(".json",))
    def write_coco(export: LabelExport, path: Path) -> None: ...

``import-labels``, ``export-labels``, their help and the safety tests use whatever is registered.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from dlcx.errors import DlcxError
from dlcx.formats.labels import interchange
from dlcx.formats.labels.imported_labels import ImportedLabels
from dlcx.poses import Labels


@dataclass(frozen=True)
class LabelExport:
    """What a writer gets: labels, and what it may need to know about their project.

    Attributes
    ----------
    labels
        Labels of M images, in pixels of each image.
    root
        Folder that the image names of ``labels`` are relative to.
    scorer
        Name of the person who labeled.
    skeleton
        Pairs of bodyparts that are joined by a bone.
    image_sizes
        Returns width and height of all M images in pixels.  It opens every image file, so call it only if the format
        stores sizes.
    """

    labels: Labels
    root: Path
    scorer: str = ""
    skeleton: Sequence[tuple[str, str]] = ()
    image_sizes: Callable[[], Sequence[tuple[int, int]]] = tuple


class LabelReader(Protocol):
    """Reads a label file; ``predicted`` includes labels that a network predicted, if the format marks them."""

    def __call__(self, path: Path, *, predicted: bool = False) -> ImportedLabels:
        """Return the labels of the file, or raise DlcxError naming the file."""


class LabelWriter(Protocol):
    """Writes a label file."""

    def __call__(self, export: LabelExport, path: Path, /) -> None:
        """Write the file completely or not at all."""


@dataclass(frozen=True)
class LabelFormat:
    """A label format.

    Attributes
    ----------
    name
        Name of the format or its program, as help and results show it.
    suffixes
        Suffixes of its files.
    read, write
        Its reader and writer; None if it can only be exported or imported.
    written_together
        Whether the writer writes one file for each suffix.
    requirements
        Raises DlcxError if a library that the format needs is not installed.
    """

    name: str
    suffixes: tuple[str, ...]
    read: LabelReader | None = None
    write: LabelWriter | None = None
    written_together: bool = False
    requirements: Callable[[], object] | None = None

    def targets(self, path: Path) -> tuple[Path, ...]:
        """Return the files that exporting to ``path`` writes."""
        return tuple(path.with_suffix(suffix) for suffix in self.suffixes) if self.written_together else (path,)


_FORMATS: dict[str, LabelFormat] = {}

Reader = TypeVar("Reader", bound=LabelReader)
Writer = TypeVar("Writer", bound=LabelWriter)


def label_reader(name: str, *, suffixes: tuple[str, ...]) -> Callable[[Reader], Reader]:
    """Register the decorated function as the reader of a label format.

    Parameters
    ----------
    name
        Name of the format; a reader and a writer of the same name form one format.
    suffixes
        Suffixes of its files, with the dot and in lower case.

    Raises
    ------
    ValueError
        If the format already has a reader, or a suffix belongs to another format.
    """

    def register(function: Reader) -> Reader:
        known = _registered(name, suffixes)
        if known.read is not None:
            raise ValueError(f"label format {name!r} already has a reader: {known.read!r}")
        _FORMATS[name] = replace(known, read=function)
        return function

    return register


def label_writer(
    name: str,
    *,
    suffixes: tuple[str, ...],
    written_together: bool = False,
    requirements: Callable[[], object] | None = None,
) -> Callable[[Writer], Writer]:
    """Register the decorated function as the writer of a label format.

    Parameters
    ----------
    name, suffixes
        As for :func:`label_reader`.
    written_together
        Whether the writer writes one file for each suffix, whichever suffix was asked for.
    requirements
        Called before the labels are read; raises DlcxError if a library that the writer needs is not installed.

    Raises
    ------
    ValueError
        If the format already has a writer, or a suffix belongs to another format.
    """

    def register(function: Writer) -> Writer:
        known = _registered(name, suffixes)
        if known.write is not None:
            raise ValueError(f"label format {name!r} already has a writer: {known.write!r}")
        _FORMATS[name] = replace(known, write=function, written_together=written_together, requirements=requirements)
        return function

    return register


def _registered(name: str, suffixes: tuple[str, ...]) -> LabelFormat:
    """Return the format of this name, or a new one, and refuse suffixes that contradict earlier registrations."""
    for other in _FORMATS.values():
        if other.name != name and (shared := set(other.suffixes) & set(suffixes)):
            raise ValueError(f"suffix {min(shared)} of {name!r} already belongs to {other.name!r}")
        if other.name == name and other.suffixes != suffixes:
            raise ValueError(f"label format {name!r}: suffixes {suffixes} differ from {other.suffixes}")
    return _FORMATS.get(name, LabelFormat(name, suffixes))


def label_formats() -> tuple[LabelFormat, ...]:
    """Return all registered label formats, sorted by name."""
    _import_formats()
    return tuple(sorted(_FORMATS.values(), key=lambda format_: format_.name.lower()))


@cache
def _import_formats() -> None:
    for module in pkgutil.iter_modules(interchange.__path__):
        importlib.import_module(f"{interchange.__name__}.{module.name}")


def readable_format(path: Path) -> LabelFormat:
    """Return the format in which ``path`` can be imported.

    Raises
    ------
    DlcxError
        If no reader is registered for the file's suffix; the hint lists the suffixes that can be imported.
    """
    return _format_of(path, [one for one in label_formats() if one.read is not None])


def writable_format(path: Path) -> LabelFormat:
    """Return the format in which ``path`` can be exported.

    Raises
    ------
    DlcxError
        If no writer is registered for the file's suffix; the hint lists the suffixes that can be exported.
    """
    return _format_of(path, [one for one in label_formats() if one.write is not None])


def _format_of(path: Path, formats: Sequence[LabelFormat]) -> LabelFormat:
    for one in formats:
        if path.suffix in one.suffixes:
            return one
    suffixes = [suffix for one in formats for suffix in one.suffixes]
    raise DlcxError(f"{path}: unknown format '{path.suffix}'", hint=f"Choose from: {', '.join(suffixes)}")


def describe_readable() -> str:
    """Return one line on the formats that can be imported, for help texts."""
    return _describe([one for one in label_formats() if one.read is not None])


def describe_writable() -> str:
    """Return one line on the formats that can be exported, for help texts."""
    return _describe([one for one in label_formats() if one.write is not None])


def _describe(formats: Sequence[LabelFormat]) -> str:
    return "; ".join(f"{' or '.join(one.suffixes)}: {one.name}" for one in formats) + "."
