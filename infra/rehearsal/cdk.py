"""The real CDK CLI, at the version in package-lock.json, pointed at the emulator."""

import json
import os
from pathlib import Path

from infra.image import ROOT
from infra.rehearsal.emulator import ACCOUNT, Emulator
from infra.rehearsal.program import run_program

# Training (SageMaker), the page (App Runner, ECS Express) and the roles of workflows are not to be had there.
EMULATED = ("Storage", "Identity", "Inference", "Batch", "Monitoring")
Outputs = dict[str, dict[str, str]]


class Cdk:
    """Commands of the CLI on one emulator.

    Parameters
    ----------
    emulator
        Where the stacks go.
    environments
        Folder of the environments' files; may be set to another before another command.
    name
        The environment to deploy.
    work
        Takes templates and outputs.

    Attributes
    ----------
    assembly
        Folder of the templates that were deployed last, those of stacks that the emulator does not have among them.
    """

    def __init__(self, emulator: Emulator, environments: Path, name: str, work: Path) -> None:
        self._emulator = emulator
        self.environments = environments
        self._name = name
        self._stacks = [f"Leukolens-{name.capitalize()}-{capability}" for capability in EMULATED]
        self._work = work
        self.assembly = work / "cdk.out"
        self._outputs = work / "outputs.json"

    def bootstrap(self) -> None:
        """Make what the CLI itself needs in an account."""
        # Away from cdk.json: bootstrapping needs no app, and would run it.
        self._run("bootstrap", f"aws://{ACCOUNT}/{self._emulator.region}", folder=self._work)

    def deploy(self) -> Outputs:
        """Deploy the stacks whose services the emulator has, and give the outputs by stack."""
        self._run(
            "deploy", *self._stacks, "--require-approval", "never", "--outputs-file", str(self._outputs), *self._app()
        )
        outputs: Outputs = json.loads(self._outputs.read_text("utf-8"))
        return outputs

    def destroy(self) -> None:
        """Delete every stack, as it was deployed last."""
        self._run("destroy", *self._stacks, "--force", "--app", str(self.assembly), folder=self._work)

    def _app(self) -> list[str]:
        context = ["--context", f"env={self._name}", "--context", f"environments={self.environments}"]
        return ["--output", str(self.assembly), *context]

    def _run(self, command: str, *arguments: str, folder: Path = ROOT) -> None:
        binaries = ROOT / ".venv" / "bin"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **self._emulator.credentials,
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "CI": "true",
        }
        line = [str(binaries / "node"), str(ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"), command, *arguments]
        run_program([*line, "--no-color"], environment=environment, folder=folder)
