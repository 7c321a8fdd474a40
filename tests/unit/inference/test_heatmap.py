import base64
import io

import numpy as np
import pytest
from PIL import Image

from inference.heatmap import heatmap_png


def _read(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_it_is_as_large_as_the_image_and_bright_where_the_evidence_is() -> None:
    activation = np.zeros((7, 7), np.float32)
    activation[1, 5] = 3.0
    heat = _read(heatmap_png(activation, 300, 200)).convert("L")
    assert heat.size == (300, 200)
    across, down = np.unravel_index(np.asarray(heat).argmax(), (200, 300))[::-1]
    assert abs(across - 5.5 / 7 * 300) < 12
    assert abs(down - 1.5 / 7 * 200) < 12
    assert heat.getpixel((5, 195)) < 5


def test_evidence_against_the_label_is_black() -> None:
    heat = _read(heatmap_png(np.full((7, 7), -2.0, np.float32), 64, 64)).convert("RGB")
    assert np.asarray(heat).max() <= 4


def test_the_colours_are_matplotlibs_inferno() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    expected = (np.array(matplotlib.colormaps["inferno"].colors) * 255).round().astype(int)
    palette = np.array(_read(heatmap_png(np.eye(7, dtype=np.float32), 224, 224)).getpalette()).reshape(-1, 3)
    assert np.abs(palette - expected[: len(palette)]).max() <= 1


def test_100_megapixels_fit_the_answer() -> None:
    noisy = np.random.default_rng(0).random((7, 7)).astype(np.float32)
    png = heatmap_png(noisy, 12_500, 8_000)
    assert _read(png).size == (12_500, 8_000)
    assert len(base64.b64encode(png)) < 2_000_000, "Lambda answers with at most 6 MB"
