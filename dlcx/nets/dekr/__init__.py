"""DEKR on HRNet."""
