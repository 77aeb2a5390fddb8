"""Signals become a stop request while the body runs, and only then."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from dlcx.stopping import stop_on_signals

KINDS = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]


@pytest.mark.skipif(os.name != "posix", reason="os.kill ends the process on Windows")
@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_is_recorded_and_the_handler_restored(kind: signal.Signals) -> None:
    before = signal.getsignal(kind)
    with stop_on_signals() as request:
        assert not request
        os.kill(os.getpid(), kind)
        assert request
        assert request.signal == kind.name
    assert signal.getsignal(kind) == before


def test_other_threads_get_a_request_that_no_signal_sets() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with stop_on_signals() as request:
            seen.append((bool(request), signal.getsignal(signal.SIGTERM) == before))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
