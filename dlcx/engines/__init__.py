"""How a forward pass runs: plain torch, or compiled."""

from dlcx.engines.torch import Engine, create_engine

__all__ = ["Engine", "create_engine"]
