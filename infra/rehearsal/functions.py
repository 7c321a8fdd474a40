"""The deployed Lambda functions, answered here: by the image's containers, or by processes without an engine."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.rehearsal.container import build_image, run_container, run_process
from infra.rehearsal.emulator import Emulator
from infra.rehearsal.runtime_api import RuntimeApi

TAG = "localhost/leukolens:rehearsal"
# On a busy machine a container takes its time; Lambda does not count that as the function's own.
_START_S = 180.0


@dataclass
class Functions:
    """One Runtime API for each function from the start, and what polls it once the function is deployed.

    Parameters
    ----------
    names
        Of the functions, as deployed.
    engine
        The container engine's command; ``None`` runs processes.
    context
        What the image is built from.
    work
        Takes their logs.
    """

    names: list[str]
    engine: str | None
    context: Path
    work: Path
    _apis: dict[str, RuntimeApi] = field(default_factory=dict)
    _servers: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _workers: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> "Functions":
        for name in self.names:
            self._apis[name] = self._servers.enter_context(RuntimeApi(name))
        return self

    def __exit__(self, *error: object) -> None:
        self._workers.close()
        self._servers.close()

    @property
    def addresses(self) -> dict[str, str]:
        """Where each function is invoked: ``host:port`` by name."""
        return {name: api.address for name, api in self._apis.items()}

    def build(self) -> str:
        """Build the image, where there is an engine to run it."""
        if self.engine is None:
            return "no container engine: processes of this machine answer"
        return f"{self.engine} built {build_image(self.engine, self.context, TAG)}"

    def start(self, emulator: Emulator, client: Any, s3_endpoint: str) -> None:
        """Run every function as it is deployed now; ends the ones that ran before.

        Parameters
        ----------
        client
            boto3's Lambda client, to ask for each function's configuration.
        s3_endpoint
            Where S3 is asked; each function signs by its own name, so that its role can be enforced there.
        """
        self._workers.close()
        self._workers = contextlib.ExitStack()
        for name, api in self._apis.items():
            api.forget_pollers()
            deployed = client.get_function_configuration(FunctionName=name)
            (entry_point,) = deployed["ImageConfigResponse"]["ImageConfig"]["Command"]
            variables = {
                **deployed["Environment"]["Variables"],
                **_lambda_variables(deployed),
                **emulator.credentials,
                "AWS_ENDPOINT_URL": s3_endpoint,
                "AWS_ACCESS_KEY_ID": name,
            }
            self._workers.enter_context(
                run_container(self.engine, TAG, entry_point, api.address, variables, self.work)
                if self.engine
                else run_process(entry_point, api.address, variables, self.work)
            )
        for api in self._apis.values():
            api.wait_until_ready(_START_S)


def _lambda_variables(deployed: dict[str, Any]) -> dict[str, str]:
    """Give what Lambda itself puts into a function's environment."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": deployed["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": deployed["Version"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployed["MemorySize"]),
        "AWS_LAMBDA_LOG_GROUP_NAME": deployed["LoggingConfig"]["LogGroup"],
        "AWS_LAMBDA_LOG_STREAM_NAME": "rehearsal",
    }
