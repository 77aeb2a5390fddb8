"""Networks: the registry, their configuration and construction, and one folder per family."""
