"""BUCTD: nets that correct a first guess of a pose on a crop around it."""
