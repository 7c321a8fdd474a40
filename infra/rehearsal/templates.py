"""The templates of an assembly of the CLI, and what CloudFormation would refuse of a change between two of them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Template:
    """One stack's template, as it was deployed."""

    raw: dict[str, Any]


def read_assembly(folder: Path) -> dict[str, Template]:
    """Read every template of an assembly, by capability (``Storage``, ...), in the order of a deploy."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))["artifacts"]
    stacks = {name: artifact for name, artifact in manifest.items() if artifact["type"] == "aws:cloudformation:stack"}
    ordered: list[str] = []

    def visit(name: str) -> None:
        for needed in stacks[name].get("dependencies", []):
            if needed in stacks and needed not in ordered:
                visit(needed)
        if name not in ordered:
            ordered.append(name)

    for name in stacks:
        visit(name)
    files = {name: folder / stacks[name]["properties"]["templateFile"] for name in ordered}
    return {name.rpartition("-")[2]: Template(json.loads(path.read_text("utf-8"))) for name, path in files.items()}


def refused_exports(deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Give what CloudFormation refuses of a deploy, one stack after another, as the CLI does; what goes unwanted stays.

    A stack's export may neither go nor change while another deployed stack imports it.

    Parameters
    ----------
    deployed, wanted
        Templates by capability, each with ``raw``; ``wanted`` in the order of the deploy.
    """
    there = dict(deployed)
    for name, template in wanted.items():
        before, after = (_exports(there[name]) if name in there else {}), _exports(template)
        used = {imported: other for other, stack in there.items() if other != name for imported in _imports(stack)}
        yield from (
            f"{name}: the export {export} is in use by {used[export]}"
            for export, value in before.items()
            if after.get(export) != value and export in used
        )
        there[name] = template


def _imports(template: Any) -> set[str]:
    return set(re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(template.raw)))


def _exports(template: Any) -> dict[str, str]:
    outputs = template.raw.get("Outputs", {}).values()
    return {output["Export"]["Name"]: json.dumps(output["Value"]) for output in outputs if "Export" in output}
