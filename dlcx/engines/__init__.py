"""How a forward pass runs: plain torch, compiled, or in ONNX Runtime."""

from dlcx.engines.torch import Engine, create_engine

__all__ = ["Engine", "create_engine"]
