"""One module a row, or a few that share their measurements: ``measure(setting)`` gives them."""

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
