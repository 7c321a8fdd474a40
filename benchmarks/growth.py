"""How time and memory grow: with the size of an image, with the length of a batch, with the rows of a manifest."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track

from . import intake, machine
from .budget import Budget
from .figures import curves, embed
from .intake import LIMIT_MB, LIMIT_S, last_measured
from .markdown import table, where
from .processes import Worker
from .statistics import exponent, summary

MEGAPIXELS = (0.05, 0.5, 5, 24, 80)
"""The last is the most that both formats may have (``intake``)."""
KINDS = ("jpg", "png")
ROUNDS = 5
BATCHES = (1, 4, 16, 64)
ROWS = (1_000, 10_000, 100_000)
LARGE_MEGAPIXELS = 5
"""From here on decoding outweighs the model, and only then does a fit say how an image's size tells."""
_DRAW = """
import sys
from PIL import Image
sample = Image.open("samples/synthetic_pre_01.png").convert("RGB")
side = round((float(sys.argv[1]) * 1e6) ** 0.5)
field = sample.resize((side, side))
field.save(sys.argv[2] + ".jpg", quality=90)
field.save(sys.argv[2] + ".png", compress_level=1)
"""


def measure(console: Console, budget: Budget) -> dict[str, Any]:
    """Measure."""
    images, batches, manifests = _images(console, budget), _batches(console), _manifests(console)
    console.print(f"Exponents: images {images['exponents']}, manifests {manifests['exponents']}")
    return {
        "pinned_to_core": machine.CORE,
        "images": images,
        "batches": batches,
        "manifests": manifests,
        "formats": intake.last_measured(),
    }


def _images(console: Console, budget: Budget) -> dict[str, Any]:
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    share = 0.35 / len(MEGAPIXELS)
    with TemporaryDirectory() as folder:
        for number, megapixels in enumerate(track(MEGAPIXELS, "Images", console=console, transient=True), 1):
            stem = Path(folder) / f"{megapixels}"
            # In another process, so that its memory is not what is measured.
            subprocess.run([sys.executable, "-c", _DRAW, str(megapixels), stem], cwd=machine.ROOT, check=True)
            times_ms: dict[str, list[float]] = defaultdict(list)
            workers = {kind: Worker(f"classify:{stem}.{kind}") for kind in KINDS}
            for _ in budget.turns(f"{megapixels} megapixels", ROUNDS, 2, until=share * number):
                for kind, worker in workers.items():
                    times_ms[kind] += worker.answer(1)
            for kind, worker in workers.items():
                size_mb = round(Path(f"{stem}.{kind}").stat().st_size / 1e6, 2)
                peak_mb = worker.resident_mb(peak=True)
                worker.__exit__(None, None, None)
                row = {"megapixels": megapixels, "file_mb": size_mb, "ms": summary(times_ms[kind]), "peak_mb": peak_mb}
                rows[kind].append(row)
    return {
        "sizes": rows,
        "from_megapixels": LARGE_MEGAPIXELS,
        "exponents": {k: _image_exponent(v) for k, v in rows.items()},
    }


def _image_exponent(rows: list[dict[str, Any]]) -> float:
    large = [row for row in rows if row["megapixels"] >= LARGE_MEGAPIXELS]
    return exponent([row["megapixels"] for row in large], [row["ms"]["median"] for row in large])


def _batches(console: Console) -> dict[str, Any]:
    rows = []
    for images in track(BATCHES, "Batches", console=console, transient=True):
        with Worker(f"batch:{images}") as worker:
            rows.append({"images": images, "peak_mb": worker.resident_mb(peak=True)})
    fitted = exponent([row["images"] for row in rows], [row["peak_mb"] for row in rows])
    return {"lengths": rows, "exponent": fitted}


def _manifests(console: Console) -> dict[str, Any]:
    runs = []
    for rows in track(ROWS, "Manifests", console=console, transient=True):
        command = [sys.executable, "-m", "benchmarks.rows", str(rows)]
        completed = subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True, check=True)
        runs.append(json.loads(completed.stdout))
    steps = {
        step: exponent([run["rows"] for run in runs], [run["taken_s"][step] for run in runs])
        for step in runs[0]["taken_s"]
    }
    return {"rows": runs, "exponents": steps}


_STEPS = {
    "write": "write the manifest",
    "read": "read and check it",
    "random": "random folds",
    "contiguous": "contiguous folds",
    "slides": "folds by slide",
}
_IMAGE_COLUMNS = ["megapixels", *(f"{kind}, {unit}" for unit in ("MB", "ms", "peak MB") for kind in ("JPEG", "PNG"))]
_KINDS = {"jpg": "JPEG", "png": "PNG"}


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    images, manifests = results["images"], results["manifests"]
    exponents = ", ".join(f"{_KINDS[kind]} {power}" for kind, power in images["exponents"].items())
    image_rows = [
        [
            jpeg["megapixels"],
            *(f"{image['file_mb']:.2f}" for image in (jpeg, png)),
            *(f"{image['ms']['median']:.1f}" for image in (jpeg, png)),
            *(f"{image['peak_mb']:.0f}" for image in (jpeg, png)),
        ]
        for jpeg, png in zip(images["sizes"]["jpg"], images["sizes"]["png"], strict=True)
    ]
    batch_rows = [[batch["images"], f"{batch['peak_mb']:.0f}"] for batch in results["batches"]["lengths"]]
    rows = manifests["rows"]
    step_rows = [
        [label, *(f"{row['taken_s'][step]:.2f}" for row in rows), manifests["exponents"][step]]
        for step, label in _STEPS.items()
    ]
    step_rows.append(["highest memory, MB", *(f"{row['peak_mb']:.0f}" for row in rows), ""])
    return "\n".join(
        [
            "## Growth",
            "",
            where(results),
            "",
            "An exponent of 1 is linear; each is fitted to the logarithms of the values in its table.",
            "",
            "**Size of the image**, bytes to answer, the process's highest memory. Exponents from"
            f" {images['from_megapixels']} megapixels on: {exponents}; below, the model outweighs the decoding.",
            "",
            table(_IMAGE_COLUMNS, image_rows),
            embed("growth-images", "Time of one answer against the size of the image"),
            *_formats(),
            "**Length of a batch**, fields of 224 x 224 pixels, one core, the process's highest memory. Exponent"
            f" {results['batches']['exponent']}: a batch holds one decoded image at a time.",
            "",
            table(["images in a call", "peak MB"], batch_rows),
            embed("growth-batches", "Highest memory of the process against the length of a batch"),
            "**Rows of a manifest**, seconds of the processor, one run each in a process of its own:",
            "",
            table(["", *(f"{row['rows']:,} rows" for row in rows), "exponent"], step_rows),
            embed("growth-manifests", "Time of each step against the rows of the manifest"),
        ]
    )


def _formats() -> list[str]:
    """Write the table of the worst file of each format; nothing if none was measured."""
    rows = [[file["name"], file["told"], file["file_mb"], file["seconds"], file["peak_mb"]] for file in last_measured()]
    if not rows:
        return []
    return [
        "**The worst file of each format that is accepted**, read by the process that asks and the one that decodes,"
        f" seconds of the processor and highest memory of both; it is to be under {LIMIT_S:g} s and {LIMIT_MB:g} MB.",
        "",
        table(["file", "read as", "MB", "s", "peak MB"], rows),
    ]


def figures(results: dict[str, Any]) -> None:
    """Draw time against size, memory against length, and time against rows."""
    curves(
        "growth-images",
        {
            _KINDS[kind]: ([size["megapixels"] for size in sizes], [size["ms"]["median"] for size in sizes])
            for kind, sizes in results["images"]["sizes"].items()
        },
        "megapixels",
        "ms to an answer",
    )
    batches = results["batches"]["lengths"]
    peaks = {"batch entry": ([batch["images"] for batch in batches], [batch["peak_mb"] for batch in batches])}
    curves("growth-batches", peaks, "images in a call", "MB")
    rows = results["manifests"]["rows"]
    lengths = [row["rows"] for row in rows]
    curves(
        "growth-manifests",
        {label: (lengths, [row["taken_s"][step] for row in rows]) for step, label in _STEPS.items()},
        "rows",
        "s",
    )
