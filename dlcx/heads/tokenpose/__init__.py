"""TokenPose head: one score map per keypoint token."""
