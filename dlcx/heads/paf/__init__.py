"""Part-affinity-field head: keypoints of several animals, assembled into poses."""
