"""Powertools' HTTP resolver alone: its package would bring eight other services' and asyncio into a cold start."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_its_siblings(package: str) -> Iterator[None]:
    """Let modules of a package be imported without running the package's own ``__init__``.

    Afterwards whoever imports the package gets all of it.
    """
    spec = importlib.util.find_spec(package)
    if package in sys.modules or spec is None:  # there already, or the import below says what is missing
        yield
        return
    sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[package]


with _without_its_siblings("aws_lambda_powertools.event_handler"):
    from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response

__all__ = ["APIGatewayHttpResolver", "Response"]
