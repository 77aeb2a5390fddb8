"""The analysis of a video: which net, which frames, what is remembered, what is written."""
