"""The rows of `make bench`, what they run, and the table that they become."""
