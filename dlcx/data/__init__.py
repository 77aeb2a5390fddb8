"""Sources of pixels: labeled images, video frames, augmentation and synthetic recordings."""
