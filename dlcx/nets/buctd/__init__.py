"""BUCTD: networks that refine an initial pose, the condition, on a crop around it."""
