"""Network weights: snapshots and exported models."""
