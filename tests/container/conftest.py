"""The Lambda image, built once, and one container of it that answers the tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.environments import load_environment
from infra.image import stage_context
from infra.rehearsal.container import build_image, run_container
from infra.rehearsal.runtime_api import RuntimeApi

VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "leukolens-test-predict",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/leukolens-test-predict",
    "AWS_LAMBDA_LOG_STREAM_NAME": "test",
    "AWS_REGION": "eu-central-1",
}

WAIT_S = 300.0  # whatever else the machine does
Start = Callable[..., AbstractContextManager[RuntimeApi]]


@pytest.fixture(scope="session")
def image(engine: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the tag of the image, built from the context that the stacks deploy."""
    context = stage_context(load_environment("dev"), tmp_path_factory.mktemp("context"))
    # Anew, so that its layers can be compared with those of another build.
    return build_image(engine, context, "localhost/leukolens:test", fresh=True)


@pytest.fixture(scope="session")
def start(engine: str, image: str, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Give a function that runs one container and the Runtime API that it polls."""

    @contextmanager
    def start(volumes: dict[Path, str] | None = None, **variables: str) -> Iterator[RuntimeApi]:
        logs = tmp_path_factory.mktemp("container")
        with (
            RuntimeApi("leukolens-test-predict") as api,
            run_container(
                engine, image, "handler.handler", api.address, VARIABLES | variables, logs, volumes=volumes or {}
            ),
        ):
            yield api

    return start


@pytest.fixture(scope="session")
def function(start: Start) -> Iterator[RuntimeApi]:
    """Give a running function."""
    with start() as api:
        api.wait_until_ready(WAIT_S)
        yield api


@pytest.fixture
def post(function: RuntimeApi) -> Callable[..., dict[str, Any]]:
    """Give a function that sends bytes to the predictions route, as the gateway would."""
    from local.event import http_event

    def post(body: bytes, content_type: str = "image/png", query: str = "") -> dict[str, Any]:
        return function.invoke(
            http_event("POST", "/v1/predictions", query, {"content-type": content_type}, body), WAIT_S
        )

    return post
