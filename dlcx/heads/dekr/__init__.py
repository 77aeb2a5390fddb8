"""DEKR head: animal centers and offset vectors to their keypoints."""
