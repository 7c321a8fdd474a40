"""Directed graphs as DOT text, drawn into SVG by Graphviz (its WebAssembly build, run by the project's own Node)."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_STYLE = """\
  rankdir=LR; nodesep=0.25; ranksep=0.9; bgcolor=white; fontname="Helvetica"; fontsize=13;
  node [shape=box, style="rounded,filled", fillcolor=white, color="#5b6b7b", fontname="Helvetica", fontsize=11];
  edge [color="#5b6b7b", arrowsize=0.7];
"""
# The graph comes in and the SVG goes out by pipe; node finds the package beside package.json.
_DRAW = """
import { instance } from "@viz-js/viz";
let text = "";
for await (const part of process.stdin) text += part;
process.stdout.write((await instance()).renderString(text, { format: "svg" }));
"""


@dataclass(frozen=True)
class Graph:
    """Boxes in named frames, and arrows between boxes.

    ``frames`` maps a frame's title to its boxes: identifier to label. ``arrows`` are pairs of identifiers.
    """

    frames: Mapping[str, Mapping[str, str]]
    arrows: Sequence[tuple[str, str]] = field(default=())

    def dot(self) -> str:
        """Give the graph in Graphviz's language; the same graph gives the same text."""
        lines = ["digraph {", _STYLE.rstrip()]
        for number, title in enumerate(sorted(self.frames)):
            lines.append(f'  subgraph cluster_{number} {{ label="{title}"; style="rounded,filled"; color="#eef2f6";')
            lines += [f'    "{name}" [label="{label}"];' for name, label in sorted(self.frames[title].items())]
            lines.append("  }")
        lines += [f'  "{start}" -> "{end}";' for start, end in sorted(self.arrows)]
        return "\n".join([*lines, "}"]) + "\n"


def draw(graph: Graph) -> str:
    """Draw the graph as SVG.

    Raises
    ------
    RuntimeError
        Node or the drawing package is not there, or refuses the graph.
    """
    node = ROOT / ".venv" / "bin" / "node"
    command = [str(node), "--input-type=module", "--eval", _DRAW]
    try:
        done = subprocess.run(  # noqa: S603 - the Node and the program of this project
            command, cwd=ROOT, input=graph.dot(), capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise RuntimeError(f"{node} does not run ({error}): run make setup") from error
    if done.returncode:
        raise RuntimeError(f"the drawing failed; is node_modules as package-lock.json says (make setup)? {done.stderr}")
    return done.stdout.rstrip() + "\n"
