"""Images to poses; what every command that predicts shares."""

from dlcx.predictors.create import Predictor, create_predictor
from dlcx.predictors.geometry import Geometry

__all__ = ["Geometry", "Predictor", "create_predictor"]
