"""A network of one's own for dlcx."""
