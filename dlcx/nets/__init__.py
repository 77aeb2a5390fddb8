"""Nets: the registry, how one is configured and built, and one folder a family."""
