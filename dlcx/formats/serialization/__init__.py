"""Safe readers and writers for YAML, HDF5, pickle, and csv files, including damaged and malicious ones."""
