"""Labels of images: DeepLabCut's own files and those of other programs."""
