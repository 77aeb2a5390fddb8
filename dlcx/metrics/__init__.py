"""Truth and predictions -> numbers: errors of poses, and how well boxes are found."""

from dlcx.metrics.boxes import BoxMetrics, evaluate_boxes
from dlcx.metrics.identity import identity_accuracy
from dlcx.metrics.poses import Metrics, evaluate_poses

__all__ = ["BoxMetrics", "Metrics", "evaluate_boxes", "evaluate_poses", "identity_accuracy"]
