"""SimCC head of RTMPose: each coordinate as a classification over bins."""
