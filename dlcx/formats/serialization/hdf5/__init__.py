"""HDF5 files: tables of pandas and plain arrays, read without running what a file holds."""
