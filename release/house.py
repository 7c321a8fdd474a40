"""The rules of the house: which part may import which, held to the imports as grimp reads them."""

import ast
import sys
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

import grimp

from release.graphviz import ROOT, Graph

PACKAGES = (
    ("release",),
    ("benchmarks",),
    ("frontend", "training"),
    ("infra",),
    ("local",),
    ("client",),
    ("api",),
    ("inference",),
    ("intake", "terminal"),
)
"""Each may import what stands below it, and nothing beside it or above."""
TRAINING = (
    ("sagemaker_jobs", "promotion"),
    ("experiment", "adaptation"),
    ("serving", "tracking"),
    ("evaluation",),
    ("models",),
    ("data",),
    ("atomic_write", "dry_run", "full_disk", "prefetch", "progress"),
)
"""The rooms of training/ below its commands, which are all its other files."""
INFRA = (
    ("__main__",),
    ("operations",),
    ("rehearsal",),
    ("system",),
    ("stacks",),
    ("constructs",),
    ("image",),
    ("model",),
    ("environments",),
    ("stack",),
    ("config",),
)
COMMANDS = "commands"
TENSORFLOW = {"tensorflow", "keras"}
MAY_LOAD_TENSORFLOW = ("training.models", "training.serving", "benchmarks")
"""It takes ten seconds, and gigabytes of disk: what else is imported loads fast, and runs without it."""
LAMBDA_FILES = tuple(sorted((ROOT / "lambda").glob("*.py")))


def read_imports() -> grimp.ImportGraph:
    """Read who imports what at run time, in every package."""
    for folder in (ROOT, ROOT / "lambda"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    names = [name for layer in PACKAGES for name in layer]
    return grimp.build_graph(*names, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)


def objections(graph: grimp.ImportGraph) -> list[str]:
    """Name each import that breaks a rule."""
    commands = {module.rpartition(".")[2] for module in graph.find_children("training")}
    commands -= {name for layer in TRAINING for name in layer}
    return [
        *_circles(graph),
        *_upward(graph, PACKAGES),
        *_upward(graph, [sorted(commands), *TRAINING], "training", independent_from=1),
        *_upward(graph, INFRA, "infra"),
        *_tensorflow(graph),
        *_lambda_files(),
    ]


def _upward(
    graph: grimp.ImportGraph, layers: Sequence[Sequence[str]], container: str = "", independent_from: int = 0
) -> Iterator[str]:
    known = {module.rpartition(".")[2] for module in graph.find_children(container)} if container else graph.modules
    named_layers = [
        grimp.Layer(*(name for name in layer if name in known), independent=number >= independent_from)
        for number, layer in enumerate(layers)
    ]
    broken = graph.find_illegal_dependencies_for_layers(named_layers, containers={container} if container else None)
    for dependency in sorted(broken, key=str):
        for route in dependency.routes:
            chain = " -> ".join([min(route.heads), *route.middle, min(route.tails)])
            yield f"{dependency.importer} imports {dependency.imported}, which is not below it: {chain}"


def _circles(graph: grimp.ImportGraph) -> Iterator[str]:
    try:
        TopologicalSorter(
            {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        ).prepare()
    except CycleError as error:
        yield f"a circle of imports: {' -> '.join(error.args[1])}"


def _tensorflow(graph: grimp.ImportGraph) -> Iterator[str]:
    for library in sorted(TENSORFLOW & graph.modules):
        for module in sorted(graph.find_modules_that_directly_import(library)):
            if not module.startswith(MAY_LOAD_TENSORFLOW):
                yield f"{module} imports {library}: only {', '.join(MAY_LOAD_TENSORFLOW)} may"


def _lambda_files() -> Iterator[str]:
    """Hold the single files of lambda/, which grimp takes for no packages, to the packages of the image."""
    allowed = {"api", "inference", "intake"}
    for path in LAMBDA_FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in {name.partition(".")[0] for name in names}:
                if name in {part for layer in PACKAGES for part in layer} - allowed:
                    yield f"lambda/{path.name} imports {name}, which is not in the image"


def rooms(graph: grimp.ImportGraph) -> Graph:
    """Draw the rooms of training/: an arrow leads from what imports to what is imported."""
    below = {name for layer in TRAINING for name in layer}

    def room(module: str) -> str | None:
        package, _, rest = module.partition(".")
        if package != "training" or not rest:
            return package if package == "inference" else None
        first = rest.partition(".")[0]
        return first if first in below else COMMANDS

    pairs = {
        (room(module), room(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    arrows = sorted((start, end) for start, end in pairs if start and end and start != end and start != "inference")
    frames = {f"{number} {', '.join(layer)}": layer for number, layer in enumerate([(COMMANDS,), *TRAINING])}
    boxes = {title: {name: name for name in layer} for title, layer in frames.items()}
    return Graph({**boxes, f"{len(frames)} in lambda/": {"inference": "inference"}}, arrows)
