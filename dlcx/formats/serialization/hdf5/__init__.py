"""HDF5 files: tables of pandas and plain arrays, read without running code from the file."""
