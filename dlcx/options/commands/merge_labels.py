"""Options of ``dlcx merge-labels``."""

from dataclasses import dataclass

from dlcx.options.base import option, same_as
from dlcx.options.limits import whole
from dlcx.options.network import ProjectOptions
from dlcx.options.poses import PcutoffOptions


@dataclass(frozen=True, kw_only=True)
class MergeLabelsOptions(PcutoffOptions, ProjectOptions):
    """Merge corrected outliers into the labels, and start the next iteration.

    Without new labels, the iteration stays the same. Outliers whose image was deleted are skipped. If some images
    of a folder were corrected, its images without labels are skipped too, because they show no animal.
    """

    accept_machine_labels: bool = option(False, "Accept machine labels that were not corrected.")
    accept_empty: bool = option(
        False, "Also accept images in which every point is below the cutoff, as images without an animal."
    )
    pcutoff: float | None = same_as(
        PcutoffOptions, "pcutoff", help="Likelihood below which an accepted machine label is dropped."
    )
    iteration: int | None = option(
        None,
        "Iteration to switch to.",
        limits=whole(0, 10**6),
        show_default="the next one, if there are new labels",
    )
