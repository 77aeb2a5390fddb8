"""A headless Chromium that tests look at pages with: real events of the mouse and the keyboard, over a pipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)
#: Starts the browser with the two ends of the pipes where it expects them.
AS_3_AND_4 = """
import os, sys
ends = [os.dup(os.dup(os.dup(int(end)))) for end in sys.argv[1:3]]  # above 4
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page; commands are those of the DevTools protocol."""

    def __init__(self, send: IO[bytes], receive: IO[bytes]) -> None:
        self._send, self._receive = send, receive
        self._number, self._session, self._rest = 0, "", b""
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Run a command of the protocol; errors of the page meanwhile go to ``complaints``."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        self._send.flush()
        while True:
            reply = self._next()
            if reply.get("id") == self._number:
                assert "error" not in reply, reply
                return reply["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = self._receive.read(2**16)
            assert more, "the browser has ended"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(message["params"]["exceptionDetails"])[:500])
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        return message

    def open(self, page: Path, width: int = 1280, *, scheme: str = "light") -> None:
        """Load a page into a window of that width, and wait for all of it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=page.absolute().as_uri())
        loaded = "document.readyState === 'complete' || new Promise(done => addEventListener('load', () => done(true)))"
        assert self.see(f"location.protocol === 'file:' && ({loaded})")

    def see(self, expression: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def place(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element in the window, into which it is scrolled."""
        found = f"const one = document.querySelector({json.dumps(selector)}); one.scrollIntoView({{block: 'end'}});"
        box = self.see(
            f"(() => {{ {found} const r = one.getBoundingClientRect(); return [r.x, r.y, r.width, r.height] }})()"
        )
        return tuple(box)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """``mouseMoved``, ``mousePressed``, ``mouseReleased`` or ``mouseWheel`` at a place of the window."""
        held = {"button": "left", "clickCount": 1} if kind in ("mousePressed", "mouseReleased") else {}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **{**held, **more})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at a place, move, and release at another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start)
        for share in (0.5, 1.0):
            at = [a + share * (b - a) for a, b in zip(start, end, strict=True)]
            self.mouse("mouseMoved", *at, button="left", buttons=1)
        self.mouse("mouseReleased", *end)

    def key(self, key: str, **more: Any) -> None:
        """Press a key and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, **more)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser with its profile in ``folder``; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None or os.name != "posix":
        pytest.skip("there is no chromium to look at the page with")
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", AS_3_AND_4, str(in_read), str(out_write), program, *FLAGS, f"--user-data-dir={folder}"],
        pass_fds=(in_read, out_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(in_read)
        os.close(out_write)
        try:
            with os.fdopen(in_write, "wb") as send, os.fdopen(out_read, "rb", buffering=0) as receive:
                yield Browser(send, receive)
        finally:
            process.terminate()
            process.wait(30)
