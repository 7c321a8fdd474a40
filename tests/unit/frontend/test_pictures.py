import base64
import io
import resource

import numpy as np
import pytest
from PIL import Image

from frontend import pictures


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_every_type_becomes_a_small_jpeg(kind: str):
    small = Image.open(io.BytesIO(pictures.preview(encoded(Image.new("RGB", (2000, 1000), "purple"), kind))))
    assert (small.format, small.size) == ("JPEG", (640, 320))


def test_a_turned_photograph_is_shown_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (160, 80), "white"), "JPEG", exif=exif)
    assert Image.open(io.BytesIO(pictures.preview(data))).size == (80, 160)


def test_sixteen_bits_keep_their_brightness():
    grey = Image.fromarray(np.full((80, 80), 0x8000, dtype=np.uint16))
    shown = np.asarray(Image.open(io.BytesIO(pictures.preview(encoded(grey, "PNG")))))
    assert 120 <= shown.mean() <= 136


def test_a_transparent_background_is_white():
    clear = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    clear.putpixel((0, 0), (255, 255, 255, 255))
    assert np.asarray(Image.open(io.BytesIO(pictures.preview(encoded(clear, "PNG"))))).min() > 250


def test_weak_evidence_is_clear_and_strong_evidence_is_not():
    strength = np.zeros((64, 64, 3), dtype=np.uint8)
    strength[:, 32:] = 255
    layer = pictures.heat_layer(base64.b64encode(encoded(Image.fromarray(strength), "PNG")).decode())
    alpha = np.asarray(Image.open(io.BytesIO(layer)))[..., 3]
    assert alpha[:, :30].max() == 0
    assert alpha[:, 34:].min() == 255


def test_a_huge_picture_is_never_held_twice_at_full_size():
    side = 6_000
    data = encoded(Image.new("RGB", (side, side), "purple"), "PNG", compress_level=1)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    small = Image.open(io.BytesIO(pictures.preview(data)))
    grown_bytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) * 1024
    assert small.size == (640, 640)
    assert grown_bytes < 1.7 * 3 * side * side
