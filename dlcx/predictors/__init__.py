"""Predictors: from images to poses in pixels of the image."""

from dlcx.predictors.conditional import Conditional
from dlcx.predictors.create import create_predictor
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.predictor import ConditionDetector, Inputs, Predictor
from dlcx.predictors.temporal import TemporalPredictor
from dlcx.predictors.top_down import TopDown

__all__ = [
    "ConditionDetector",
    "Conditional",
    "Geometry",
    "Inputs",
    "Predictor",
    "TemporalPredictor",
    "TopDown",
    "create_predictor",
]
