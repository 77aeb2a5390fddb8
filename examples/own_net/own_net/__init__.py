"""An external network for dlcx."""
