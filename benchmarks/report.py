"""docs/benchmarks.md and its figures, made from the result files alone: no number in them is typed.

With them docs/scale.md, which computes from the same files.
"""

import importlib
import json
from pathlib import Path
from types import ModuleType

from .machine import RESULTS, ROOT
from .parts import PARTS
from .scale import page as scale

TARGET = ROOT / "docs" / "benchmarks.md"
_HEAD = """# Measurements

Made by `make bench` from `benchmarks/results`; every number here is read from a file there.
Times depend on the machine and on what else it does: compare within a table, whose rows were measured in turn on the
same core, rather than between tables. A load average far above the number of cores means that others were at work.
"""


def text() -> str:
    """Give the page, from the results that there are."""
    sections = [_HEAD]
    for part in PARTS:
        path = RESULTS / f"{part.name}.json"
        if path.exists():
            sections.append(module_of(part.name).section(json.loads(path.read_text())))
    return "\n".join(sections)


def write() -> list[Path]:
    """Write the pages and the figures; gives the pages."""
    for part in PARTS:
        path = RESULTS / f"{part.name}.json"
        draw = getattr(module_of(part.name), "figures", None)
        if draw and path.exists():
            draw(json.loads(path.read_text()))
    TARGET.write_text(text())
    scale.TARGET.write_text(scale.render())
    return [TARGET, scale.TARGET]


def module_of(name: str) -> ModuleType:
    """Give the module that writes the section of a part."""
    part = next(part for part in PARTS if part.name == name)
    return importlib.import_module(f".{part.module}", __package__)
