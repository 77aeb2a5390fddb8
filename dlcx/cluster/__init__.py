"""Who runs which share of the work: SLURM, Dask, several processes of one machine."""
