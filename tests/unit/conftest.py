import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Give a function that writes a Pillow image to bytes."""

    def to_bytes(image: Image.Image, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return to_bytes


@pytest.fixture
def gradient() -> Image.Image:
    """Give a 120 x 90 picture in which every corner has a colour of its own."""
    across, down = np.meshgrid(np.linspace(0, 255, 120), np.linspace(0, 255, 90))
    return Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype(np.uint8))
