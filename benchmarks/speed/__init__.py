"""The rows of `make bench`, the code they run, and the table of results."""
