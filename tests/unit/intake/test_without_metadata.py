"""What is kept of an image is its pixels: nothing that tells of a patient, wherever a format can hold it."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from intake import read_image
from intake.without_metadata import FULL_SIDE_PX, without_metadata

from .profiles import prophoto
from .variants import dicom

SECRET = b"MUSTERMANN^ERIKA"
TEXT = SECRET.decode()
RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 255, (90, 130, 3), dtype=np.uint8)


def saved(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(PIXELS)).save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    made = Image.Exif()
    made[0x010E], made[0x013B], made[0x0112] = TEXT, TEXT, orientation
    made.get_ifd(0x8825)[1] = TEXT  # GPS
    return made


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg(*segments: bytes, after: bytes = b"", **options: Any) -> bytes:
    data = saved("JPEG", **options)
    return data[:2] + b"".join(segments) + data[2:] + after


def plain_rgb(*segments: bytes) -> bytes:
    """Write a JPEG whose channels only Adobe's segment tells from brightness and two colours."""
    data = saved("JPEG")
    behind_jfif = 4 + struct.unpack_from(">H", data, 4)[0]
    return data[:2] + segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x00") + b"".join(segments) + data[behind_jfif:]


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(*chunks: bytes, after: bytes = b"", **options: Any) -> bytes:
    data = saved("PNG", **options)
    return data[:33] + b"".join(chunks) + data[33:] + after


def png_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", TEXT)
    info.add_text("Patient", TEXT, zip=True)
    info.add_itxt("XML:com.adobe.xmp", TEXT)
    return info


def tiff() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = tags[315] = TEXT  # ImageDescription, Artist
    tags.tagtype[700] = tags.tagtype[33723] = 7
    tags[700] = tags[33723] = SECRET  # XMP, IPTC
    tags.tagtype[65000] = 2
    tags[65000] = TEXT  # of a maker's own
    return saved("TIFF", tiffinfo=tags) + SECRET


FILES: dict[str, Callable[[], bytes]] = {
    "JPEG, EXIF with name and GPS": lambda: jpeg(exif=exif()),
    "JPEG, turned": lambda: jpeg(exif=exif(6)),
    "JPEG, XMP": lambda: jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + SECRET)),
    "JPEG, IPTC": lambda: jpeg(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04" + SECRET)),
    "JPEG, comment": lambda: jpeg(segment(0xFE, SECRET)),
    "JPEG, preview in JFIF": lambda: jpeg(segment(0xE0, b"JFXX\x00\x10" + SECRET)),
    "JPEG, thumbnail in JFIF": lambda: jpeg(
        segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x03\x02" + SECRET + bytes(2))
    ),
    "JPEG, behind Adobe's transform": lambda: jpeg(segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01" + SECRET)),
    "JPEG, plain RGB": lambda: plain_rgb(segment(0xFE, SECRET)),
    "JPEG, a wide colour profile": lambda: jpeg(icc_profile=prophoto() + SECRET),
    "JPEG, colour profile": lambda: jpeg(
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET
    ),
    "JPEG, after its end": lambda: jpeg(after=SECRET),
    "JPEG, second picture": lambda: jpeg(after=jpeg(segment(0xFE, SECRET))),
    "JPEG, progressive": lambda: jpeg(segment(0xFE, SECRET), progressive=True, exif=exif(3)),
    "JPEG, grey": lambda: jpeg(segment(0xFE, SECRET), image=Image.fromarray(PIXELS).convert("L")),
    "PNG, texts": lambda: png(pnginfo=png_text()),
    "PNG, EXIF": lambda: png(exif=exif(8)),
    "PNG, a chunk of a maker's own": lambda: png(chunk(b"ptNm", SECRET)),
    "PNG, after its end": lambda: png(after=SECRET),
    "PNG, transparent": lambda: png(chunk(b"ptNm", SECRET), image=Image.fromarray(PIXELS).convert("RGBA")),
    "TIFF, tags and after its end": tiff,
    "BMP, after its end": lambda: saved("BMP") + SECRET,
    "WebP, EXIF and XMP": lambda: saved("WEBP", exif=exif(5), xmp=SECRET, lossless=True),
    "AVIF, EXIF and XMP": lambda: saved("AVIF", exif=exif(), xmp=SECRET),
    "J2K, comment": lambda: saved("JPEG2000", comment=TEXT),
    "DICOM, the patient's tags and a private one": lambda: dicom(
        PIXELS, "RGB", PatientName=TEXT, PatientID=TEXT, PatientComments=TEXT, InstitutionName=TEXT
    ),
}


def kinds_of_chunks(data: bytes) -> set[bytes]:
    """List the kinds of chunks of a PNG, up to the end of the file."""
    kinds, position = set(), 8
    while position < len(data):
        kinds.add(data[position + 4 : position + 8])
        position += 12 + struct.unpack(">I", data[position : position + 4])[0]
    return kinds


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_kept_and_nothing_else(name: str) -> None:
    data = FILES[name]()
    assert SECRET in data
    kept, kind = without_metadata(data)
    assert SECRET not in kept
    if "profile" not in name:  # without its profile a JPEG's pixels may be others: they are then written anew
        assert kind == ("jpeg" if name.startswith("JPEG") else "png")
    if kind == "png":
        assert kinds_of_chunks(kept) == {b"IHDR", b"IDAT", b"IEND"}
    before, after = (read_image(one, working_side_px=FULL_SIDE_PX) for one in (data, kept))
    assert np.array_equal(before.pixels, after.pixels)
    assert (before.width, before.height) == (after.width, after.height)
    opened = Image.open(io.BytesIO(kept))
    assert set(opened.getexif()) <= {0x0112}
    assert not {"comment", "icc_profile", "xmp", "photoshop"} & opened.info.keys()


def test_a_large_image_is_kept_at_its_full_size() -> None:
    pixels = RNG.integers(0, 255, (1500, 1400, 3), dtype=np.uint8)
    for kind in ("BMP", "JPEG"):
        kept, _ = without_metadata(saved(kind, Image.fromarray(pixels)))
        assert Image.open(io.BytesIO(kept)).size == (1400, 1500)


def test_a_jpegs_compressed_pixels_are_not_touched() -> None:
    data = jpeg(exif=exif())
    start = data.index(b"\xff\xda")
    assert data[start:] in without_metadata(data)[0]
