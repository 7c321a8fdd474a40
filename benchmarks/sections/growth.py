"""How time and memory grow."""

from typing import Any

from benchmarks.figures import curves, embed
from benchmarks.intake import LIMIT_MB, LIMIT_S, last_measured
from benchmarks.markdown import table, where

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
    powers = ", ".join(f"{_KINDS[kind]} {power}" for kind, power in images["exponents"].items())
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
        [what, *(f"{row['taken_s'][step]:.2f}" for row in rows), manifests["exponents"][step]]
        for step, what in _STEPS.items()
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
            f" {images['from_megapixels']} megapixels on: {powers}; below, the model outweighs the decoding.",
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
        {what: (lengths, [row["taken_s"][step] for row in rows]) for step, what in _STEPS.items()},
        "rows",
        "s",
    )
