"""What an analysis or evaluation writes: poses, tracks and tables about them."""
