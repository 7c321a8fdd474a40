"""Manifests of any length: ``python -m benchmarks.rows N`` times what training does with one of N rows.

Four labels of unlike size, numbered as acquired, every twentieth image a near-duplicate of its neighbour, forty slides
a label.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .machine import own_resident_mb

if TYPE_CHECKING:
    from training.data.manifest import Manifest

_LABEL_ENDS = (3, 9, 15, 20)
"""Where each label ends in twenty images in a row: three, six, six and five, about as in the public set."""
SLIDES = 160


def manifest(rows: int) -> "Manifest":
    """Make a manifest of so many rows; the same every time."""
    from training.data.classes import labels_of, read_classes
    from training.data.manifest import Manifest, Record

    ids, records = labels_of(read_classes()), []
    for number in range(rows):
        label = ids[sum(number % 20 >= end for end in _LABEL_ENDS)]
        # Validated when it is parsed, which is measured.
        records.append(
            Record.model_construct(
                key=f"{label}/field-{number:07d}.jpg",
                sha256=f"{number:064x}",
                size_bytes=20_000,
                label=label,
                width=224,
                height=224,
                acquisition=number,
                duplicate_group=f"{number // 20:012x}" if number % 20 in (10, 11) else None,
            )
        )
    return Manifest.of(records)


def main() -> None:
    """Time each step once, in seconds of the processor, and print them as JSON with the highest memory."""
    rows = int(sys.argv[1])
    from training.data import splits
    from training.data.manifest import parse

    synthetic = manifest(rows)
    records = synthetic.records
    slides = {record.key: f"{record.label}-{number * SLIDES // rows}" for number, record in enumerate(records)}
    steps: dict[str, Callable[[], object]] = {
        "write": lambda: synthetic.content,
        "read": lambda: parse(synthetic.content, "synthetic"),
        "random": lambda: splits.random_folds(records),
        "contiguous": lambda: splits.contiguous_folds(records),
        "slides": lambda: splits.slide_folds(records, slides),
    }
    taken_s = {}
    for name, step in steps.items():
        start_s = time.process_time()
        step()
        taken_s[name] = round(time.process_time() - start_s, 4)
    print(json.dumps({"rows": rows, "taken_s": taken_s, "peak_mb": own_resident_mb()}))


if __name__ == "__main__":
    main()
