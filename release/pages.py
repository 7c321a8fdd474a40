"""Every file below docs/ that is made from code, and how."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.scale import page as scale
from infra import costs
from release.deployment_diagram import SNAPSHOTS, deployment
from release.graphviz import ROOT, draw
from release.house import read_imports, rooms
from release.package_diagram import layers
from release.reference import reference

DOCS = ROOT / "docs"

GENERATED: Mapping[Path, Callable[[], str]] = {
    DOCS / "reference.md": lambda: reference(json.loads((DOCS / "openapi.json").read_text())),
    DOCS / "costs.md": costs.page,
    DOCS / "scale.md": scale.render,
    DOCS / "images" / "deployment.svg": lambda: draw(deployment(SNAPSHOTS / "dev")),
    DOCS / "images" / "layers.svg": lambda: draw(layers()),
    DOCS / "images" / "training.svg": lambda: draw(rooms(read_imports())),
}


def write() -> list[Path]:
    """Write each generated file anew; give those that changed."""
    changed = []
    for path, make in GENERATED.items():
        text = make()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(path)
    return changed
