"""Find the poses that an earlier analysis of a video wrote, and the files derived from them."""
