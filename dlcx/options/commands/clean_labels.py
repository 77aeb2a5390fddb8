"""Options of ``dlcx clean-labels``."""

from dataclasses import dataclass

from dlcx.options.base import option
from dlcx.options.network import ProjectOptions
from dlcx.options.poses import ProjectVideosOptions


@dataclass(frozen=True, kw_only=True)
class CleanLabelsOptions(ProjectOptions, ProjectVideosOptions):
    """Remove duplicate label rows and rows of deleted images, or convert labels to multi-animal labels.

    The command rewrites the h5 and csv files of each folder and keeps the previous files in label-backups in the
    project folder.
    """

    drop_unlabeled: bool = option(
        False,
        "Also remove rows without any label. Otherwise, their images are used for training as images without an "
        "animal.",
    )
    move_images: bool = option(False, "Also move images without a row from labeled-data to the backup.")
    to_multi_animal: bool = option(False, "Convert labels of a single animal for a multi-animal project.")
    individual: str | None = option(
        None,
        "Individual to which the converted labels are assigned; unique bodyparts belong to no individual.",
        metavar="NAME",
        show_default="the first one in config.yaml",
    )
    dry_run: bool = option(False, "Show what would change, without changing anything.")
