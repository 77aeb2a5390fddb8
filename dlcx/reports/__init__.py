"""Self-contained HTML pages on a shuffle, a video or a whole project."""
