from collections.abc import Callable

import pytest
from settings import load_settings

import inference

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def classifier() -> inference.Classifier:
    """Give the shipped model."""
    return inference.load(load_settings().model_dir)
