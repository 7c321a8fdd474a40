import base64
import io

import pytest
from PIL import Image

from client.images import image_type
from client.overlay import overlay


def png(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def heatmap(size: tuple[int, int]) -> str:
    """Draw evidence in the left half alone."""
    image = Image.new("RGB", size, "black")
    image.paste((252, 255, 164), (0, 0, size[0] // 2, size[1]))
    return base64.b64encode(png(image)).decode()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "I;16"])
def test_evidence_colours_the_picture_and_none_leaves_it(mode: str):
    size = (100, 80)
    original = Image.new(mode, size)
    buffer = io.BytesIO()
    original.save(buffer, "TIFF")
    laid = Image.open(io.BytesIO(overlay(buffer.getvalue(), heatmap(size))))
    assert (laid.size, laid.mode) == (size, "RGB")
    plain = Image.open(io.BytesIO(overlay(buffer.getvalue(), base64.b64encode(png(Image.new("RGB", size))).decode())))
    assert laid.getpixel((90, 10)) == plain.getpixel((90, 10))
    assert laid.getpixel((10, 10)) != plain.getpixel((10, 10))


def test_the_picture_is_turned_as_its_camera_said():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = overlay(png(Image.new("RGB", (100, 80)), exif=exif), heatmap((80, 100)))
    assert Image.open(io.BytesIO(turned)).size == (80, 100)


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
    ],
)
def test_every_type_is_known_by_its_first_bytes(kind: str, media_type: str):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, kind)
    assert image_type(buffer.getvalue()) == media_type


@pytest.mark.parametrize("data", [b"", b"text", b"RIFF----WAVE"])
def test_what_tells_nothing_is_sent_as_bytes(data: bytes):
    assert image_type(data) == "application/octet-stream"
