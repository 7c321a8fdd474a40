"""``python -m benchmarks.large_session``: 500 photographs in one session, and the page's memory at its highest.

Too long for ``make bench``: four minutes on two free cores, ten on busy ones. Each portion is added to
``results/large_session.json`` as it is done, so that a run that was stopped says how far it came.
"""

import argparse
import io
import re
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console

from frontend import settings
from terminal import open_console

from . import machine
from .page import FLAGS, SAMPLES, WAIT_MS, chromium, memory_mb, start

IMAGES, PORTION = 500, 25
"""A portion is what is dropped on the page at a time."""
MEGAPIXELS = (2, 3, 5, 8, 12)
"""What cameras on microscopes take; as many of each."""
NOISE = 6.0
"""Standard deviation, of 255: what a camera's sensor adds, and what makes a file as large as a photograph's."""


def measure(console: Console, images: int) -> dict[str, Any]:
    """Classify portion after portion in one tab, then report on all of them.

    Parameters
    ----------
    console
        For the progress.
    images
        How many in all, a multiple of ``PORTION``.

    Returns
    -------
    dict
        Images and what they weigh, and the highest memory of the page's process in MB: before any image, up to each
        portion, and with the report as PDF of all fields.
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        photographs = [photograph(megapixels) for megapixels in MEGAPIXELS]
        model = machine.describe()["model"]
        api = start(stack, scratch, "api", ["local", "serve"], "/v1/health")
        environment = {"LEUKOLENS_API_URL": api, "LEUKOLENS_TRANSPORT": "polling"}
        address = start(stack, scratch, "page", ["frontend"], "/_stcore/health", **environment)
        tab = _open(stack, address)
        started_s, sent_bytes = time.perf_counter(), 0
        results: dict[str, Any] = {"model": model, "megapixels": list(MEGAPIXELS), "portion": PORTION}
        results["page_session_mb"] = settings.read({}).page_session_mb
        results["peaks_mb"] = [memory_mb(address)]
        for count in range(PORTION, images + 1, PORTION):
            paths = [_write(scratch, photographs, number) for number in range(count - PORTION, count)]
            sent_bytes += sum(path.stat().st_size for path in paths)
            _classify(tab, paths, count)
            results["peaks_mb"].append(memory_mb(address))
            results |= {"images": count, "sent_mb": round(sent_bytes / 1e6)}
            results["minutes"] = round((time.perf_counter() - started_s) / 60, 1)
            machine.write("large_session", results)
            console.print(
                f"{count} of {images} images, {results['sent_mb']} MB: {results['peaks_mb'][-1]:.0f} MB at most"
            )
        _report(tab)
        results["peak_with_report_mb"] = memory_mb(address)
        machine.write("large_session", results)
        console.print(f"with the report as PDF: {results['peak_with_report_mb']:.0f} MB at most")
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


def _open(stack: ExitStack, address: str) -> Page:
    driver = stack.enter_context(sync_playwright())
    browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
    stack.callback(browser.close)
    tab = browser.new_page()
    tab.set_default_timeout(WAIT_MS)
    tab.goto(address)
    return tab


def _classify(tab: Page, paths: list[Path], fields: int) -> None:
    """Add files, wait until the page holds so many answered fields, and delete the files."""
    tab.get_by_label("Choose images").set_input_files(paths)
    expect(tab.get_by_text(re.compile(f"dropped: {fields} read"))).to_be_visible(timeout=WAIT_MS)
    for path in paths:
        path.unlink()


def _report(tab: Page) -> None:
    tab.get_by_role("link", name="Specimen report").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Report (PDF)").click()
    download.value.path()


def _write(folder: Path, photographs: list[bytes], number: int) -> Path:
    """Write one of the photographs as a file of its own: other bytes after its end make another file."""
    path = folder / f"field_{number}.jpg"
    path.write_bytes(photographs[number % len(photographs)] + f"{number}".encode())
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_session", description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES, help="how many (default: %(default)s)")
    measure(open_console(), parser.parse_args().images)
