"""Finding the poses that an earlier analysis of a video wrote, and the files made from them."""
