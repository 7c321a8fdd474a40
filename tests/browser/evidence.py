"""What a browser and the servers had to say, kept while a test runs, for the report of one that fails."""

import time
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, Request, Response
from playwright.sync_api import Error as BrowserError

SAID = 60
"""Of the last words of a tab, and of each log."""


class Evidence:
    """Of one test: what its tabs said and asked for, and what they show in the end."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._tabs: list[tuple[Page, list[str]]] = []

    def watch(self, tab: Page) -> None:
        """Listen to a tab."""
        said: list[str] = []

        def note(words: str) -> None:
            said.append(f"{time.monotonic() - self._began_s:7.2f} s  {words}")

        def spoke(message: ConsoleMessage) -> None:
            note(f"{message.type}: {message.text}")

        def asked(request: Request) -> None:
            note(f"asks {request.method} {request.url}")

        def answered(response: Response) -> None:
            note(f"gets {response.status} {response.url}")

        def failed(request: Request) -> None:
            note(f"LOST {request.failure} {request.method} {request.url}")

        tab.on("console", spoke)
        tab.on("pageerror", lambda error: note(f"error: {error}"))
        tab.on("request", asked)
        tab.on("response", answered)
        tab.on("requestfailed", failed)
        self._tabs.append((tab, said))

    def told(self, folder: Path) -> str:
        """Put it all together; ``folder`` holds the servers' logs, and takes a picture of each tab."""
        parts = []
        for number, (tab, said) in enumerate(self._tabs):
            wrong = [line for line in said[:-SAID] if "  asks " not in line and "  gets 2" not in line]
            parts.append(f"tab {number}, of {len(said)} events what went wrong, and the last {SAID}:")
            parts += wrong + said[-SAID:]
            picture = folder / f"failed-{time.time_ns()}.png"
            try:
                tab.screenshot(path=picture, timeout=5_000)
                parts.append(f"it shows ({picture}):\n{tab.inner_text('body', timeout=5_000)}")
            except BrowserError as error:
                parts.append(f"it cannot be seen: {error}")
        for log in sorted(folder.rglob("*.log")):
            lines = log.read_text("utf-8", "replace").splitlines()
            parts.append(f"{log.relative_to(folder)}, of {len(lines)} lines the last {SAID}:")
            parts += lines[-SAID:]
        return "\n".join(parts)
