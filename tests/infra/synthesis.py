"""What the CDK makes of an environment, in this process: for the fixtures here, and for tests of other folders.

The CDK is loaded by whoever synthesises first, and not with this module.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.config import Environment
from infra.environments import load_environment
from infra.image import REPOSITORY, Image, Published
from infra.rehearsal.account import ID, REGION, Account

ROOT = Path(__file__).resolve().parents[2]
# Before anything loads the CDK: another Node on the PATH may be too old for it.
os.environ.setdefault("JSII_NODE", str(ROOT / ".venv" / "bin" / "node"))
IMAGE = Published(ID, REGION, REPOSITORY, f"sha256:{'a' * 64}")


@dataclass(frozen=True)
class Template:
    """One stack's template."""

    raw: dict[str, Any]

    def resources(self, kind: str) -> dict[str, Any]:
        """Give the resources of a type by logical id, whole."""
        return {name: found for name, found in self.raw["Resources"].items() if found["Type"] == kind}

    def properties(self, kind: str) -> list[dict[str, Any]]:
        """Give the properties of each resource of a type."""
        return [found["Properties"] for found in self.resources(kind).values()]


Templates = dict[str, Template]


def synthesise(environment: Environment, image: Image, page: Image, out: Path) -> Templates:
    """Give an environment's templates by capability (``Storage``, ...); what the CDK writes goes to ``out``."""
    import aws_cdk as cdk

    from infra.system import compose

    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"], outdir=str(out))
    compose(app, environment, image, page)
    return {stack.stack_name.rpartition("-")[2]: Template(stack.template) for stack in app.synth().stacks}


def deployed_account(out: Path) -> Account:
    """Give the account in which dev is deployed as it is synthesised now, from images that are published."""
    return Account(synthesise(load_environment("dev"), IMAGE, IMAGE, out))
