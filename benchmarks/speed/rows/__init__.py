"""One module per row, or per group of rows with common measurements; ``measure(setting)`` returns the rows."""

NAMES = (
    "startup",
    "video",
    "pipeline",
    "crops",
    "dynamic_crop",
    "assembly",
    "training_input",
    "training_step",
    "memory",
    "writing",
)
