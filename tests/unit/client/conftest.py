"""Real servers: the service itself, and ones that fail as told."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from client import LeukolensClient, RetryPolicy

from .scripted import Reply, Scripted, serve

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def leukolens(service: str) -> Iterator[LeukolensClient]:
    with LeukolensClient(service) as client:
        yield client


@pytest.fixture(scope="session")
def sample() -> Path:
    return ROOT / "samples" / "synthetic_pre_01.png"


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Start servers that answer as told."""
    with ExitStack() as stack:

        def start(*replies: Reply) -> Scripted:
            return stack.enter_context(serve(*replies))

        yield start


@pytest.fixture
def quick() -> RetryPolicy:
    """Retries as ever, without the waiting."""
    return RetryPolicy(attempts=4, base_s=0.0)
