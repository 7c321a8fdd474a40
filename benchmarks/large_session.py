"""``python -m benchmarks.large_session``: 500 photographs in one session, and the page's memory at its highest.

Too long for ``make bench``: some ten minutes on two free cores. Writes ``results/large_session.json``.
"""

import io
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console

from . import machine
from .page import FLAGS, SAMPLES, WAIT_MS, _chromium, _memory_mb, _start

IMAGES, PORTION = 500, 25
"""A portion is what is dropped on the page at a time."""
MEGAPIXELS = (2, 3, 5, 8, 12)
NOISE = 6.0
"""Standard deviation, of 255: what a camera's sensor adds, and what makes a file as large as a photograph's."""


def measure(console: Console) -> dict[str, Any]:
    """Classify portion after portion in one tab.

    Returns
    -------
    dict
        Images and what they weigh, and the page's memory in MB before, after each portion, and at its highest.
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        photographs = [photograph(megapixels) for megapixels in MEGAPIXELS]
        api = _start(stack, scratch, "api", ["local", "serve"], "/v1/health")
        environment = {"LEUKOLENS_API_URL": api, "LEUKOLENS_TRANSPORT": "polling"}
        address = _start(stack, scratch, "page", ["frontend"], "/_stcore/health", **environment)
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=_chromium(), args=FLAGS)
        stack.callback(browser.close)
        tab = browser.new_page()
        tab.set_default_timeout(WAIT_MS)
        tab.goto(address)
        tab.locator("input[type=file]").wait_for(state="attached")
        peaks_mb, sent_bytes = [_memory_mb(address)], 0
        for first in range(0, IMAGES, PORTION):
            paths = [_write(scratch, photographs, number) for number in range(first, first + PORTION)]
            sent_bytes += sum(path.stat().st_size for path in paths)
            tab.locator("input[type=file]").set_input_files(paths)
            tab.get_by_role("heading", name=f"{first + PORTION} fields").wait_for()
            for path in paths:
                path.unlink()
            peaks_mb.append(_memory_mb(address))
            console.print(f"{first + PORTION} images, {sent_bytes / 1e6:.0f} MB: {peaks_mb[-1]:.0f} MB at most")
            results = {
                "images": first + PORTION,
                "megapixels": list(MEGAPIXELS),
                "sent_mb": round(sent_bytes / 1e6),
                "portion": PORTION,
                "peaks_mb": peaks_mb,
            }
            machine.write("large_session", results)
    return results


def photograph(megapixels: float) -> bytes:
    """Enlarge a drawn field to a camera's size, with a sensor's noise, as JPEG."""
    side = round((megapixels * 1e6) ** 0.5)
    with Image.open(SAMPLES[0]) as sample:
        large = np.asarray(sample.convert("RGB").resize((side, side), Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(0).normal(0, NOISE, large.shape).astype(np.float32)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _write(folder: Path, photographs: list[bytes], number: int) -> Path:
    """Write one of the photographs as a file of its own: other bytes after its end make another file."""
    path = folder / f"field_{number}.jpg"
    path.write_bytes(photographs[number % len(photographs)] + f"{number}".encode())
    return path


if __name__ == "__main__":
    measure(Console())
