"""Heatmap head: one score map per keypoint, with optional location refinement."""
