"""The drawing of which package imports which, read from the code."""

import ast
from pathlib import Path

from release.graphviz import ROOT, Graph

# What is drawn, by where it runs: the folder or file of each package below the root.
_FRAMES = {
    "the Lambda image": {
        "handler": "lambda/handler.py",
        "summary": "lambda/summary.py",
        "settings": "lambda/settings.py",
        "api": "lambda/api",
        "inference": "lambda/inference",
        "intake": "lambda/intake",
    },
    "the page's image": {"frontend": "frontend", "client": "client", "terminal": "terminal"},
    "a laptop, CI or a SageMaker job": {
        "local": "local",
        "training": "training",
        "infra": "infra",
        "benchmarks": "benchmarks",
        "release": "release",
    },
}


def layers() -> Graph:
    """Draw the packages: an arrow leads from what imports to what is imported."""
    sources = {name: ROOT / source for packages in _FRAMES.values() for name, source in packages.items()}
    arrows = set()
    for name, source in sources.items():
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            arrows |= {(name, other) for other in _imported(path) & sources.keys() - {name}}
    return Graph({title: {name: name for name in packages} for title, packages in _FRAMES.items()}, sorted(arrows))


def _imported(path: Path) -> set[str]:
    """Give the top packages that a file imports, anywhere in it; relative imports stay within a package."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}
