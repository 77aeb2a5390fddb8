"""Training: the loop, its batches, optimizers and schedules, snapshots and exact resuming, loggers."""
