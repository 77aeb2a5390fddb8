"""The files of a training dataset and of the shuffles made from it, except the weights."""
