"""The real CDK CLI, at the version in package-lock.json, pointed at the emulator."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from infra.image import ROOT
from infra.rehearsal.emulator import ACCOUNT, Emulator
from infra.rehearsal.program import run_program

# Training (SageMaker), the page (App Runner, ECS Express) and the roles of workflows are not to be had there.
EMULATED = ("Storage", "Identity", "Inference", "Batch", "Monitoring")
Outputs = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Caller:
    """In whose name the CLI asks, and at which address; there, what that role may not is refused."""

    name: str
    endpoint: str


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

    def deploy(self, caller: Caller | None = None) -> Outputs:
        """Deploy the stacks whose services the emulator has, and give the outputs by stack.

        Parameters
        ----------
        caller
            Who deploys what was compared last; without one, an administrator deploys what the app makes now.
        """
        app = ["--app", str(self.assembly)] if caller else self._app()
        saved = ["--outputs-file", str(self._outputs)]
        self._run("deploy", *self._stacks, "--require-approval", "never", *saved, *app, caller=caller)
        outputs: Outputs = json.loads(self._outputs.read_text("utf-8"))
        return outputs

    def compare(self, caller: Caller) -> str:
        """Compare what the app makes now with what is deployed, as ``make diff`` does; gives what is printed."""
        return self._run("diff", *self._stacks, "--method=template", *self._app(), caller=caller)

    def destroy(self) -> None:
        """Delete every stack, as it was deployed last."""
        self._run("destroy", *self._stacks, "--force", "--app", str(self.assembly), folder=self._work)

    def _app(self) -> list[str]:
        context = ["--context", f"env={self._name}", "--context", f"environments={self.environments}"]
        return ["--output", str(self.assembly), *context]

    def _run(self, command: str, *arguments: str, folder: Path = ROOT, caller: Caller | None = None) -> str:
        binaries = ROOT / ".venv" / "bin"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **self._emulator.credentials,
            **({"AWS_ENDPOINT_URL": caller.endpoint, "AWS_ACCESS_KEY_ID": caller.name} if caller else {}),
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "CI": "true",
        }
        line = [str(binaries / "node"), str(ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"), command, *arguments]
        return run_program([*line, "--no-color"], environment=environment, folder=folder)
