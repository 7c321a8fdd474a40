"""``python -m benchmarks.workplace``: 500 fields dropped at once, to a usable grid, and from a click to a field large.

The API is a stand-in that answers at once, so that what is measured is the page: its intake, its previews and heat
maps, its grid and its viewer, over a WebSocket and over long polling.
"""

import argparse
import base64
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright
from rich.console import Console

from terminal import open_console

from . import machine
from .page import FLAGS, SAMPLES, TRANSPORTS, WAIT_MS, chromium, memory_mb, start

FIELDS, CLICKS = 500, 15
SIDE_PX = 224
DIGEST = "a" * 64
LABELS = ("healthy", "blast")
OPEN_MS = """tile => new Promise(done => {
    const began = performance.now();
    tile.click();
    const look = () => document.querySelector(".lk-look[data-shown]:not([data-shown=''])")
        ? done(performance.now() - began) : requestAnimationFrame(look);
    look();
})"""


def measure(console: Console, fields: int) -> dict[str, Any]:
    """Measure.

    Parameters
    ----------
    console
        For the progress.
    fields
        How many are dropped at once.

    Returns
    -------
    dict
        By transport: seconds from the drop to the first field that can be opened and to the last one read,
        milliseconds from a click to the field large (median and worst), and the page's memory in MB at its highest.
    """
    results: dict[str, Any] = {"fields": fields, "clicks": CLICKS, "by_transport": {}}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        api = stack.enter_context(_stand_in_api())
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        stack.callback(browser.close)
        paths = _write(scratch, fields)
        for transport in TRANSPORTS:
            environment = {"LEUKOLENS_API_URL": api, "LEUKOLENS_TRANSPORT": transport}
            address = start(stack, scratch, f"page-{transport}", ["frontend"], "/_stcore/health", **environment)
            measured = _time_drop(browser, address, paths) | {"peak_mb": memory_mb(address)}
            results["by_transport"][transport] = measured
            console.print(f"{transport}: {measured}")
    machine.write("workplace", results)
    return results


def _time_drop(browser: Browser, address: str, paths: list[Path]) -> dict[str, float]:
    tab = browser.new_page()
    tab.set_default_timeout(WAIT_MS)
    tab.goto(address)
    chooser = tab.get_by_label("Choose images")
    expect(chooser).to_be_attached(timeout=WAIT_MS)
    began = time.perf_counter()
    chooser.set_input_files(paths)
    expect(tab.locator(".lk-tile").first).to_be_visible(timeout=WAIT_MS)
    first_s = time.perf_counter() - began
    expect(tab.get_by_text(re.compile(f"dropped: {len(paths)} read"))).to_be_visible(timeout=WAIT_MS)
    all_s = time.perf_counter() - began
    clicks_ms = []
    tiles = tab.locator(".lk-tile")
    for number in range(CLICKS):
        clicks_ms.append(float(tiles.nth(number * len(paths) // CLICKS).evaluate(OPEN_MS)))
        tab.keyboard.press("Escape")
        expect(tab.locator("dialog.lk-viewer[open]")).to_have_count(0)
    tab.close()
    return {
        "first_s": round(first_s, 1),
        "all_s": round(all_s, 1),
        "click_ms_median": round(median(clicks_ms)),
        "click_ms_worst": round(max(clicks_ms)),
    }


def _write(folder: Path, fields: int) -> list[Path]:
    """Write so many files; the same picture with another ending is another file."""
    paths = [folder / f"field_{number:03}.png" for number in range(fields)]
    for number, path in enumerate(paths):
        path.write_bytes(SAMPLES[number % len(SAMPLES)].read_bytes() + f"{number}".encode())
    return paths


@contextmanager
def _stand_in_api() -> Iterator[str]:
    """Stand in for the API: every field is answered at once, with a heat map."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _heat() -> str:
    gradient = np.linspace(255, 0, SIDE_PX).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(np.tile(gradient, (SIDE_PX, 1))[..., None], 3, axis=2)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heat = _heat()

    def do_GET(self) -> None:
        identity = {"name": "stand-in", "version": "1.0.0", "sha256": DIGEST, "digest": DIGEST}
        model = {"name": "default", "default": True, "version": "1.0.0"}
        card = identity | {
            "size_bytes": 1,
            "license": "Apache-2.0",
            "backbone": "none",
            "precision": "float32",
            "labels": LABELS,
            "malignant_labels": LABELS[1:],
            "prediction_set": {"method": "none", "target_coverage": 0.99, "minimum_probability": 0.5},
            "out_of_distribution": {"method": "none", "threshold": 1.0},
            "intended_use": "Measuring the page.",
            "misuse": "Anything else.",
        }
        self._send({"models": [model]} if self.path.startswith("/v1/models") else card)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        malignant = body[-1] % 10 / 10 + 0.05
        decision = {"probability": malignant, "verdict": "accepted" if abs(malignant - 0.5) > 0.3 else "uncertain"}
        label = LABELS[int(malignant > 0.5)]
        self._send(
            {
                "triage": decision | {"result": ("benign", "malignant")[LABELS.index(label)]},
                "prediction": {"label": label, "probability": max(malignant, 1 - malignant), "verdict": "accepted"},
                "probabilities": dict(zip(LABELS, (1 - malignant, malignant), strict=True)),
                "malignant_probability": malignant,
                "prediction_set": [label],
                "out_of_distribution_score": 0.1,
                "explanation": {"heatmap_png": self.heat},
                "model": {"version": "1.0.0", "sha256": DIGEST, "name": "default"},
                "image": {"sha256": DIGEST, "width": SIDE_PX, "height": SIDE_PX, "format": "PNG"},
                "request_id": "stand-in",
            }
        )

    def _send(self, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workplace", description=__doc__)
    parser.add_argument("--fields", type=int, default=FIELDS, help="how many (default: %(default)s)")
    measure(open_console(), parser.parse_args().fields)
