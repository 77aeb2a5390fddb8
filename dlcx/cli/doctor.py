"""``dlcx doctor``."""

from __future__ import annotations

from typing import Any

from dlcx.cli.options import Call, command


@command
def doctor(call: Call) -> Any:
    """Versions, devices, threads, codecs and extras of this machine, and what is slow, missing or broken."""
    from dlcx.workflow.doctor import doctor as workflow

    return workflow()
