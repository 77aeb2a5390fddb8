"""Engines: how a forward pass runs, with eager or compiled PyTorch or with ONNX Runtime."""

from dlcx.engines.torch import Engine, create_engine

__all__ = ["Engine", "create_engine"]
