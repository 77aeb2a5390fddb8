"""Compare predictions with labels: errors of poses, their confidence intervals, and precision of boxes."""

from dlcx.metrics.bootstrap import Interval, mean_interval
from dlcx.metrics.boxes import BoxMetrics, evaluate_boxes
from dlcx.metrics.identity import identity_accuracy
from dlcx.metrics.poses import KeypointErrors, PoseMetrics, evaluate_poses, keypoint_errors

__all__ = [
    "BoxMetrics",
    "Interval",
    "KeypointErrors",
    "PoseMetrics",
    "evaluate_boxes",
    "evaluate_poses",
    "identity_accuracy",
    "keypoint_errors",
    "mean_interval",
]
