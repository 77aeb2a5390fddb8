"""The number and training fraction of new shuffles, so that they do not collide with existing ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.tensorflow_shuffles import is_tensorflow, next_free_number, tensorflow_shuffles
from dlcx.project import Project, Shuffle

logger = logging.getLogger(__name__)


def choose_fraction(project: Project, index: int | None, fraction: float | None) -> tuple[Project, int | None]:
    """Add the training fraction that a call names to the project, if it is new.

    Parameters
    ----------
    project
        The project.
    index, fraction
        Index in TrainingFraction, or the fraction itself; at most one of them.

    Returns
    -------
    project, index
        The project with the fraction in its TrainingFraction, and the index of it; None if the call names neither.

    Raises
    ------
    DlcxError
        If the index is out of range, the fraction has more than two decimals, or both are given.
    """
    if fraction is None:
        project.shuffle(1, index or 0)
        return project, index
    if index is not None:
        raise DlcxError("--train-fraction and --trainset-index both choose the training fraction", hint="Give one.")
    if round(fraction, 2) != fraction:
        raise DlcxError(f"--train-fraction {fraction}: expected at most two decimals")
    if fraction not in project.train_fractions:
        project = replace(project, train_fractions=(*project.train_fractions, fraction))
    return project, project.train_fractions.index(fraction)


def choose_shuffles(
    project: Project, numbers: Sequence[int] | None, index: int | None, other: Shuffle | None, *, overwrite: bool
) -> list[Shuffle]:
    """Return the shuffles to create.

    Parameters
    ----------
    project
        The project.
    numbers
        Their numbers; None creates one shuffle with the default number.
    index
        Index of their training fraction; None uses that of ``other``, or the first one.
    other
        The shuffle whose split is reused, if any.
    overwrite
        Whether to replace the split of a TensorFlow shuffle of the same number.

    Raises
    ------
    DlcxError
        If a number is in use with another training fraction, or by a TensorFlow shuffle that is not to be replaced.
    """
    preferred = (other.trainset_index if other else 0) if index is None else index
    if numbers is None:
        return [_default_target(project, preferred)]
    targets = [project.shuffle(number, index, preferred=preferred) for number in numbers]
    used = project.used_numbers()
    for target in targets:
        if not target.has_files and target.number in used:
            taken = ", ".join(str(percent) for percent in sorted(used[target.number]))
            raise DlcxError(
                f"--shuffle {target.number}: shuffle {target.number} already exists with {taken} % training images; "
                f"the results of one with {target.percent} % would have the same names",
                hint=f"Use a free number: --shuffle {next_free_number(project)}.",
            )
        if not is_tensorflow(target):
            continue
        if not overwrite:
            raise DlcxError(
                f"shuffle {target.number} ({target.name}) was made for DeepLabCut's TensorFlow engine",
                hint=f"Use a free number: --shuffle {next_free_number(project)}. To reuse the split, add "
                f"--from-shuffle {target.number}. --overwrite replaces the record of the split.",
            )
        logger.warning("the record of the split of the TensorFlow shuffle %s is replaced", target.name)
    return targets


def _default_target(project: Project, index: int) -> Shuffle:
    """Return the shuffle for a call without a number: shuffle 1, unless another fraction or TensorFlow uses it.

    If the fraction has shuffles, it is the one with the lowest number, so that repeating a call selects the same one.
    """
    used = project.used_numbers()
    taken = {shuffle.number for shuffle in tensorflow_shuffles(project)}
    if 1 not in used and 1 not in taken:
        return project.shuffle(1, index)
    mine = [one for number in sorted(used) if (one := project.shuffle(number, index)).has_files]
    return next((one for one in mine if not is_tensorflow(one)), project.shuffle(next_free_number(project), index))


def split_source(project: Project, number: int, index: int | None) -> Shuffle:
    """Return the shuffle whose split is reused.

    Parameters
    ----------
    project
        The project.
    number
        Its number.
    index
        Index of the training fraction that the call names; None for any.

    Raises
    ------
    DlcxError
        If it does not exist, or has another training fraction.
    """
    other = project.shuffle(number, preferred=index or 0)
    if not other.documentation_path.is_file():
        hint = "`dlcx create-dataset` without it creates a new split."
        if percents := project.used_numbers().get(number):
            hint = f"Add its {' or '.join(f'{percent / 100:g}' for percent in percents)} to TrainingFraction."
        raise DlcxError(f"--from-shuffle {number}: {other.name} has no training dataset", hint=hint)
    if index is not None and other.trainset_index != index:
        raise DlcxError(
            f"--from-shuffle {number}: its training fraction is {other.fraction:g}, "
            f"not {project.train_fractions[index]:g}",
            hint="Leave out --train-fraction and --trainset-index, since the split determines them.",
        )
    return other
