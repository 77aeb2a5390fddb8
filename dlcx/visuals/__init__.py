"""Pictures: labeled images and videos, trajectories, learning curves and network outputs."""
