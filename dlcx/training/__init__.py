"""Training: stages, the loop, checkpoints, schedules, loggers and process groups."""
