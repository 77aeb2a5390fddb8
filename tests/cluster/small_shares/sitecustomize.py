"""Put on PYTHONPATH by tests: every Python that starts makes shares of short videos, and chunks that close soon.

``DLCX_SMALL_STRETCH`` is the shortest share in frames; ``DLCX_SLOW`` seconds are slept at every batch.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
import time
from types import ModuleType


def _memory(module: ModuleType) -> None:
    module.RESET_INTERVAL = int(os.environ["DLCX_SMALL_STRETCH"])


def _chunks(module: ModuleType) -> None:
    module.CHUNK_FRAMES = 16
    append = module.ChunkStore.append

    def slow(self, *arguments, **options):
        time.sleep(float(os.environ.get("DLCX_SLOW", "0")))
        return append(self, *arguments, **options)

    module.ChunkStore.append = slow


_CHANGED = {"dlcx.predictors.temporal": _memory, "dlcx.store.chunks": _chunks}


class _Change(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in _CHANGED or "DLCX_SMALL_STRETCH" not in os.environ:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        run = spec.loader.exec_module

        def then_change(module):
            run(module)
            _CHANGED[name](module)

        spec.loader.exec_module = then_change
        return spec


sys.meta_path.insert(0, _Change())
