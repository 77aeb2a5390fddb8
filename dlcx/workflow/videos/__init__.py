"""What commands on videos share: the poses found before, several videos in a row, frames to look at."""
