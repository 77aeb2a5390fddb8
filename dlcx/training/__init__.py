"""Training: stages, loop, batches, optimizers and schedules, checkpoints, loggers and process groups."""
