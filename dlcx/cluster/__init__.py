"""Adapters that start tasks elsewhere: SLURM, Dask, and several processes on one machine."""
