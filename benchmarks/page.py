"""The page in Chromium: from the click to the result, over a WebSocket and over long polling, side by side."""

import os
import re
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from local.children import Child, answers

from . import machine
from .budget import Budget
from .figures import bars, embed
from .markdown import table, where
from .statistics import shuffled, summary

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
TRANSPORTS = ("websocket", "polling")
MANY = 50
ROUNDS = {1: 3, MANY: 2}
"""Turns, by the number of images in a drop."""
SESSION_IMAGES = 100
WAIT_MS = 600_000
SAMPLES = sorted((machine.ROOT / "samples").glob("*.png"))


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure.

    Returns
    -------
    dict
        Milliseconds by transport and number of images, their ratio, and the page's memory after a long session.
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        api = start(stack, scratch, "api", ["local", "serve"], "/v1/health")
        pages = {
            transport: start(
                stack,
                scratch,
                f"page-{transport}",
                ["frontend"],
                "/_stcore/health",
                LEUKOLENS_API_URL=api,
                LEUKOLENS_TRANSPORT=transport,
            )
            for transport in TRANSPORTS
        }
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        stack.callback(browser.close)
        times_ms: dict[str, dict[int, list[float]]] = {
            transport: {count: [] for count in ROUNDS} for transport in TRANSPORTS
        }
        for count, rounds in ROUNDS.items():
            for turn in budget.turns(f"drops of {count}", rounds, until=0.8):
                # In turn, so that what else the machine does falls on both alike.
                for transport, address in shuffled(pages.items(), turn):
                    series = times_ms[transport][count]
                    series.append(_classify_ms(browser.new_page(), address, _images(scratch, count, turn)))
                    console.print(f"{transport}, {count} images: {series[-1]:.0f} ms")
        _classify_ms(browser.new_page(), pages["polling"], _images(scratch, SESSION_IMAGES, 0))
        return {
            "ms": {
                name: {str(count): summary(series) for count, series in counts.items()}
                for name, counts in times_ms.items()
            },
            "polling_to_websocket": {
                str(count): round(
                    summary(times_ms["polling"][count])["median"] / summary(times_ms["websocket"][count])["median"], 2
                )
                for count in ROUNDS
            },
            "session_images": SESSION_IMAGES,
            "memory_after_session_mb": memory_mb(pages["polling"]),
        }


def _classify_ms(page: Page, address: str, images: list[Path]) -> float:
    """Time from the choice of files until all their results are there."""
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    chooser = page.get_by_label("Choose images")
    chooser.wait_for(state="attached")
    outcome = page.get_by_text(re.compile(rf"dropped: {len(images)} read"))
    started = time.perf_counter()
    chooser.set_input_files(images)
    outcome.wait_for()
    elapsed_ms = (time.perf_counter() - started) * 1000
    page.close()
    return elapsed_ms


def _images(folder: Path, count: int, turn: int) -> list[Path]:
    """Give files that no page has seen: a sample with other bytes after its end is another file."""
    paths = []
    for number in range(count):
        path = folder / f"field_{turn}_{count}_{number}.png"
        path.write_bytes(SAMPLES[number % len(SAMPLES)].read_bytes() + f"{turn} {count} {number}".encode())
        paths.append(path)
    return paths


def start(stack: ExitStack, logs: Path, name: str, module: list[str], ready: str, **environment: str) -> str:
    """Start a module on a free port, and wait until it answers at ``ready``; gives its address."""
    port = machine.free_port()
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LEUKOLENS_")}
    child = stack.enter_context(Child(name, [*module, "--port", str(port)], logs, clean | environment))
    address = f"http://127.0.0.1:{port}"
    child.wait_until(lambda: answers(address + ready), 120)
    return address


def memory_mb(address: str) -> float:
    """Give the memory of the process that listens on an address's port, at its highest."""
    port = f":{int(address.rsplit(':', 1)[1]):04X}"
    listening = {
        line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[1].endswith(port)
    }
    for folder in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(folder.readlink()).removeprefix("socket:[").removesuffix("]") in listening:
                return machine.resident_mb(int(folder.parts[2]), peak=True)
        except OSError:
            continue
    raise RuntimeError(f"nothing listens on {address}")


def chromium() -> str:
    """Find the browser."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    raise RuntimeError("no Chromium: apt-get install chromium, or set CHROMIUM to its path")


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows = [
        [transport, images, f"{spread['median']:.0f}", f"{spread['fastest']:.0f}", f"{spread['p99']:.0f}", spread["n"]]
        for transport, series in results["ms"].items()
        for images, spread in series.items()
    ]
    ratios = " and ".join(
        f"{ratio} ({images} image{'s' if images != '1' else ''})"
        for images, ratio in results["polling_to_websocket"].items()
    )
    return "\n".join(
        [
            "## The page",
            "",
            where(results),
            "",
            "From the choice of the files to the last card, in Chromium:",
            "",
            table(["transport", "images", "p50 ms", "fastest", "p99", "n"], rows),
            f"By medians, polling takes {ratios} times as long as the WebSocket. After {results['session_images']}"
            " images in one session the page's process has held at most"
            f" {results['memory_after_session_mb']:.0f} MB.",
            "",
            embed("page", "From the choice of the files to the last card, by transport"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the medians."""
    counts = list(next(iter(results["ms"].values())))
    series = {name: [medians[count]["median"] for count in counts] for name, medians in results["ms"].items()}
    bars("page", [f"images: {count}" for count in counts], series, "ms from click to last card", log=True)
