"""Names of the folders and files of a DeepLabCut project, which other programs rely on.

::

    <task>-<scorer>-<date>/
      config.yaml
      videos/
      labeled-data/<video stem>/CollectedData_<scorer>.h5 .csv, machinelabels-iter<I>.h5, img*.png
      training-datasets/iteration-<I>/UnaugmentedDataSet_<task><date>/
      dlc-models-pytorch/iteration-<I>/<task><date>-trainset<TF>shuffle<S>/{train,test}/
      evaluation-results-pytorch/iteration-<I>/<task><date>-trainset<TF>shuffle<S>/
      exported-models-pytorch/DLC_<task>_<net>_iteration-<I>_shuffle-<S>/

The classes hold names, numbers and paths; they read nothing but folder listings.  :mod:`dlcx.analysis_files` names the
files that an analysis writes beside a video.  A file that only one command uses is named by that command.
Format: DeepLabCut 3.0.2.
"""

from dlcx.project.project import FOLDERS, Project, Video, frame_name
from dlcx.project.shuffles import Shuffle, net_name
from dlcx.project.snapshots import DETECTOR, POSE, Snapshot, TrainingFiles, default_prefixes

__all__ = [
    "DETECTOR",
    "FOLDERS",
    "POSE",
    "Project",
    "Shuffle",
    "Snapshot",
    "TrainingFiles",
    "Video",
    "default_prefixes",
    "frame_name",
    "net_name",
]
