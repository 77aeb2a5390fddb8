"""Detectors: they find the animals whose crops a top-down net poses."""
