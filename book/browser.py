"""A headless Chromium that is spoken to over two pipes: no further tool, no network.

The words are those of the Chrome DevTools Protocol: https://chromedevtools.github.io/devtools-protocol
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """Return where Chromium or Chrome is; None if it is not there."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One tab of a running browser.

    Attributes:
        events: What the browser told unasked: requests, errors, messages on the console.
    """

    def __init__(self, to: BinaryIO, told: BinaryIO) -> None:
        """Open a tab over the pipe `to` the browser and the one through which things are `told`."""
        self._to, self._told = to, told
        self._asked, self._session = 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Give one command and return its result.

        Raises:
            RuntimeError: The browser refuses it.
        """
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        self._to.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._asked:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"Chromium refuses {method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        """Return the next message; they end with a null byte."""
        letters = bytearray()
        while (letter := self._told.read(1)) != b"\0":
            if not letter:
                raise RuntimeError("Chromium has ended. Start it by hand to see why.")
            letters += letter
        message: dict[str, Any] = json.loads(letters)
        return message

    def value(self, expression: str) -> Any:
        """Return the value of JavaScript on the page, when it is there if it is a promise."""
        how = {"returnByValue": True, "awaitPromise": True}
        told = self.ask("Runtime.evaluate", expression=expression, **how)
        if "exceptionDetails" in told:
            raise RuntimeError(f"{expression}: {told['exceptionDetails']['exception']}")
        return told["result"].get("value")

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded, its equations too."""
        self.events.clear()
        self.ask("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())
        self.value("window.MathJax && MathJax.startup && MathJax.startup.promise.then(() => 0)")

    def prefer(self, theme: str) -> None:
        """Have the reader's system prefer the "light" or the "dark" theme."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def widen(self, width: int, height: int = 900) -> None:
        """Give the window a size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)


@contextmanager
def browsing(binary: str) -> Iterator[Browser]:
    """Run a browser with an empty profile; it is ended afterwards, and leaves nothing."""
    ours, theirs = os.pipe(), os.pipe()
    pipes = f'exec "$@" 3</dev/fd/{ours[0]} 4>/dev/fd/{theirs[1]}'  # where Chromium expects them
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["sh", "-c", pipes, "sh", binary, *flags, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            [*command, "--remote-debugging-pipe"],
            pass_fds=(ours[0], theirs[1]),
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        try:
            with os.fdopen(ours[1], "wb", buffering=0) as to, os.fdopen(theirs[0], "rb") as told:
                yield Browser(to, told)
        finally:
            process.terminate()
            process.wait()
