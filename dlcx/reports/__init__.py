"""The HTML pages of ``dlcx report``."""
