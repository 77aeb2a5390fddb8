"""``dlcx status``."""

from __future__ import annotations

from typing import Any

from dlcx.cli.options import Call, command


@command
def status(call: Call) -> Any:
    """What the project holds, how far its shuffles and videos are, and what comes next."""
    from dlcx.workflow.status import status as workflow

    return workflow(call.project)
