"""Images to poses; what every command that predicts shares."""

from dlcx.predictors.conditional import Conditional
from dlcx.predictors.create import create_predictor
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.predictor import Finder, Inputs, Predictor
from dlcx.predictors.temporal import Watcher
from dlcx.predictors.top_down import TopDown

__all__ = [
    "Conditional",
    "Finder",
    "Geometry",
    "Inputs",
    "Predictor",
    "TopDown",
    "Watcher",
    "create_predictor",
]
