"""The restart marker tells whether a command has restarted the analysis, until that command has finished."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from stored_predictions import prediction

from dlcx.store import inspect_store, open_store
from dlcx.store.restart_marker import clear_restart, has_restarted, mark_restart


def test_a_restart_discards_the_store_until_the_call_has_finished(tmp_path: Path) -> None:
    folder = tmp_path / "v.dlcx"
    assert not has_restarted(folder)
    with open_store(folder, {"a": 1}) as store:
        store.append(0, [prediction(1)], np.zeros(1), np.ones(1, bool))
    mark_restart(folder, "call 1")
    assert inspect_store(folder) is None
    assert has_restarted(folder)
    assert has_restarted(folder, "call 1")
    assert not has_restarted(folder, "call 2")
    with open_store(folder, {"a": 2}) as store:
        store.append(0, [prediction(2)], np.zeros(1), np.ones(1, bool))
    assert has_restarted(folder, "call 1")
    clear_restart(folder)
    clear_restart(folder)
    assert not has_restarted(folder)
    assert inspect_store(folder) is not None


def test_a_store_that_cannot_be_read_does_not_count(tmp_path: Path) -> None:
    mark_restart(tmp_path, "call")
    (tmp_path / "manifest.json").write_text("{")
    assert not has_restarted(tmp_path, "call")
