"""YAML, HDF5, pickle and csv: reading them safely, whatever they hold."""
