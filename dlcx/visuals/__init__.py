"""What people look at: labelled images and videos, curves."""
