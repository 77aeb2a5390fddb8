"""The pages of ``dlcx report``."""
