"""Poses of a video from a trained network: which network, which frames, what is stored and which files are written."""
