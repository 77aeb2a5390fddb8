"""One module an external format: what it looks like, read and write; pandas lives here and nowhere else."""
