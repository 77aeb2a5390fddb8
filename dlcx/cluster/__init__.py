"""Adapters that run tasks on SLURM, on Dask, and in several processes of one machine."""
