"""DEKR head: animal centers and offset vectors from them to the keypoints."""
