"""What the steps of a rehearsal share: the emulator, the CLI, what was deployed, and ways to call it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx

from infra.config import Environment
from infra.rehearsal.account import Account
from infra.rehearsal.cdk import Cdk, Outputs
from infra.rehearsal.emulator import Emulator
from infra.rehearsal.functions import Functions
from infra.rehearsal.gateway import Gateway
from infra.rehearsal.templates import read_assembly
from infra.stack import Output

_TIMEOUT_S = 60.0


class StepError(Exception):
    """A step found something else than it should; the message says what."""


def expect(holds: object, otherwise: str) -> None:
    """Fail the step with ``otherwise`` unless ``holds``."""
    if not holds:
        raise StepError(otherwise)


class _Loopback(httpx.HTTPTransport):
    """Sends what goes to ``*.localhost`` to this machine (RFC 6761), which not every resolver does."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@dataclass
class Stage:
    """Everything that a step may use."""

    environment: Environment
    work: Path
    emulator: Emulator
    cdk: Cdk
    functions: Functions
    images: list[Path]
    kind: str
    gateway: Gateway
    outputs: Outputs = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    """What one step leaves for a later one."""

    def output(self, stack: str, name: str) -> str:
        """Give one output of a stack: ``output("Inference", Output.API_URL)``."""
        return self.outputs[f"Leukolens-{self.environment.title}-{stack}"][name]

    def account(self) -> Account:
        """Give the account as its templates make it, to judge by its policies."""
        return Account(read_assembly(self.cdk.assembly), self.environment.title, self.environment.region)

    def start_functions(self) -> None:
        """Answer the functions as they are deployed now, each with its role's policies enforced."""
        account, outputs = self.account(), self.outputs[f"Leukolens-{self.environment.title}-Storage"]
        buckets = {
            account.output("Storage", name): there for name, there in outputs.items() if name.endswith("BucketName")
        }
        self.gateway.learn(account, buckets)
        self.functions.start(self.emulator, self.aws("lambda"), self.gateway.endpoint)

    @property
    def api_url(self) -> str:
        """Address of the deployed API."""
        return self.output("Inference", Output.API_URL)

    @cached_property
    def http(self) -> httpx.Client:
        """A client that reaches the emulator's host names."""
        return httpx.Client(transport=_Loopback(), timeout=_TIMEOUT_S)

    def aws(self, service: str) -> Any:
        """Give a boto3 client of the emulator."""
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint,
            region_name=self.emulator.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )

    def token(self, *scopes: str) -> str:
        """Get an access token for the machine client, by client credentials."""
        pool, client = self.output("Identity", Output.USER_POOL_ID), self.output("Identity", Output.MACHINE_CLIENT_ID)
        described = self.aws("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client)
        answer = self.http.post(
            f"{self.emulator.endpoint}/oauth2/token",
            auth=(client, described["UserPoolClient"]["ClientSecret"]),
            data={"grant_type": "client_credentials", "scope": " ".join(scopes)},
        )
        expect(answer.status_code == httpx.codes.OK, f"no token: {answer.status_code} {answer.text}")
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str, token: str | None = None, **request: Any) -> httpx.Response:
        """Call the deployed API by its own URL."""
        headers = {**request.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return self.http.request(method, f"{self.api_url}{path}", headers=headers, **request)
