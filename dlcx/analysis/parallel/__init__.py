"""The analysis of videos distributed over processes of this machine, Dask workers or SLURM jobs."""
