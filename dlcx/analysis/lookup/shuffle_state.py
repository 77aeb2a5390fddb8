"""Training progress and test errors of a project's shuffles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.shuffles.tensorflow_shuffles import tensorflow_net, tensorflow_shuffles
from dlcx.project import Project, Shuffle


@dataclass(frozen=True)
class ShuffleState:
    """Training progress and test error of one shuffle.

    Attributes
    ----------
    shuffle, trainset_index
        The shuffle's number and training fraction; ``trainset_index`` is None if config.yaml lacks the fraction.
    net_type
        Name of the network.
    train_images, test_images
        Number of images on each side of the split; None if the split cannot be read.
    epochs, planned
        Trained epochs and the total that pytorch_config.yaml asks for.
    error
        Lowest mean distance between predictions and labels of the test images, in pixels.
    snapshot
        The snapshot with that error.
    evaluated
        False if the error was measured during training.
    trouble
        Why the shuffle's files cannot be read.
    engine
        ``tensorflow`` for shuffles of DeepLabCut 2.x, which dlcx cannot use.
    """

    shuffle: int
    trainset_index: int | None
    net_type: str
    train_images: int | None
    test_images: int | None
    epochs: int
    planned: int
    error: float | None
    snapshot: str | None
    evaluated: bool
    trouble: str = ""
    engine: str = "pytorch"

    @property
    def can_train(self) -> bool:
        """Whether dlcx can use the shuffle."""
        return not self.trouble and self.engine == "pytorch"


def shuffle_states(project: Project) -> tuple[ShuffleState, ...]:
    """Return the states of all shuffles of a project, those of TensorFlow last."""
    return (*map(shuffle_state, project.shuffles()), *map(tensorflow_state, tensorflow_shuffles(project)))


def shuffle_state(shuffle: Shuffle) -> ShuffleState:
    """Read the state of a shuffle; ``trouble`` names unreadable files."""
    from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
    from dlcx.formats.shuffles.model_config import shuffle_config
    from dlcx.formats.shuffles.training_set import read_split

    index = shuffle.trainset_index
    try:
        config = shuffle_config(shuffle)
        net_type = read_dlcx_config(shuffle.dlcx_config_path).net_type or config.net_type
        split = read_split(shuffle.documentation_path)
        rows = read_learning_stats(shuffle.learning_stats_path)
    except DlcxError as error:
        return ShuffleState(shuffle.number, index, "?", None, None, 0, 0, None, None, False, trouble=str(error))
    snapshots = shuffle.snapshots()
    epochs = max([0, *(one.epoch for one in snapshots), *(int(row["step"]) for row in rows if snapshots)])
    trouble = ""
    try:
        lowest, uid, evaluated = _lowest_error(shuffle, rows)
    except DlcxError as problem:
        lowest, uid, evaluated, trouble = None, None, False, str(problem)
    return ShuffleState(
        shuffle=shuffle.number,
        trainset_index=index,
        net_type=net_type,
        train_images=len(split.train),
        test_images=len(split.test),
        epochs=epochs,
        planned=config.train_settings.epochs,
        error=lowest,
        snapshot=uid,
        evaluated=evaluated,
        trouble=trouble,
    )


def tensorflow_state(shuffle: Shuffle) -> ShuffleState:
    """Read the state of a TensorFlow shuffle, whose weights dlcx cannot use."""
    from dlcx.formats.shuffles.training_set import read_split

    fractions = shuffle.project.train_fractions
    train = test = None
    with suppress(DlcxError):  # the split may have been deleted
        split = read_split(shuffle.documentation_path)
        train, test = len(split.train), len(split.test)
    return ShuffleState(
        shuffle=shuffle.number,
        trainset_index=fractions.index(shuffle.fraction) if shuffle.fraction in fractions else None,
        net_type=tensorflow_net(shuffle),
        train_images=train,
        test_images=test,
        epochs=0,
        planned=0,
        error=None,
        snapshot=None,
        evaluated=False,
        engine="tensorflow",
    )


def _lowest_error(shuffle: Shuffle, rows: Sequence[dict[str, float]]) -> tuple[float | None, str | None, bool]:
    """Return the lowest test error, its snapshot, and whether it comes from `dlcx evaluate` or from training."""
    from dlcx.formats.predictions.evaluation import read_combined

    best = {
        epoch: error
        for row in read_combined(shuffle.project.combined_results_path)
        if (row.shuffle, row.percent) == (shuffle.number, shuffle.percent)
        for epoch, error in [(row.epochs, row.test_rmse)]
    }
    evaluated = bool(best)  # true even if there is no test image or no label was detected
    best = {epoch: error for epoch, error in best.items() if math.isfinite(error)}
    if not evaluated:
        name = "metrics/test.rmse"
        best = {int(row["step"]): row[name] for row in rows if math.isfinite(row.get(name, math.nan))}
    if not best:
        return None, None, evaluated
    epoch = min(best, key=lambda one: best[one])
    uid = next((one.uid for one in reversed(shuffle.snapshots()) if one.epoch == epoch), None)
    return best[epoch], uid, evaluated
