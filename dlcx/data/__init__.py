"""Where pixels come from: labelled images, video frames, augmentation, the drawn demo."""
