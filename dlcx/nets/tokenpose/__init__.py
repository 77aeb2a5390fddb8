"""AnimalTokenPose: keypoints as tokens of a transformer."""
