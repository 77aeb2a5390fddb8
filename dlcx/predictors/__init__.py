"""Images to poses; what every command that predicts shares."""

from dlcx.predictors.create import create_predictor
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.predictor import Finder, Inputs, Predictor

__all__ = ["Finder", "Geometry", "Inputs", "Predictor", "create_predictor"]
