"""What the test suites of image libraries hold: odd files that are sound, and unsound ones that look odd."""

import io
import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from intake import UnreadableImage, read_image, tiff
from intake.jpeg_header import marked_rgb
from intake.process import DecodingProcess

from .variants import variants

SEGMENTS = 20
"""Bytes of a JPEG before the second of its segments: SOI and JFIF's APP0."""


@pytest.fixture
def field(gradient: Image.Image) -> np.ndarray:
    return np.asarray(gradient)


@pytest.fixture
def jpeg(field: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(field).save(file, "JPEG", quality=90)
    return file.getvalue()


def odd(data: bytes) -> dict[str, bytes]:
    return {
        "bytes between segments": data[:SEGMENTS] + b"\x00\x01junk" + data[SEGMENTS:],
        "a revision of JFIF that is not known": data[:11] + b"\x02" + data[12:],
    }


@pytest.mark.parametrize("what", odd(b""))
def test_a_jpeg_with_an_odd_header_is_read_whole(jpeg: bytes, what: str) -> None:
    assert np.array_equal(read_image(odd(jpeg)[what]).pixels, read_image(jpeg).pixels)


@pytest.mark.parametrize("what", odd(b""))
def test_an_odd_header_hides_no_missing_pixels(jpeg: bytes, what: str) -> None:
    half = jpeg[: len(jpeg) // 2 + 300] + b"\xff\xd9"
    with pytest.raises(UnreadableImage) as caught:
        read_image(odd(half)[what])
    assert caught.value.reason == "cut-short"


def test_a_dicom_file_with_a_tiff_header_in_its_preamble_is_read(field: np.ndarray) -> None:
    plain = next(one for one in variants(field) if one.group == "DICOM" and not one.refused).data
    both = b"II*\x00\x08\x00\x00\x00".ljust(128, b"\0") + plain[128:]
    assert pydicom.dcmread(io.BytesIO(both)).Rows == field.shape[0]
    picture = read_image(both)
    assert picture.format == "DICOM"
    assert np.array_equal(picture.pixels, read_image(plain).pixels)


@pytest.fixture
def padded_tiff(field: np.ndarray, tmp_path: Path) -> bytes:
    """Give a TIFF whose last strip is filled up with rows under the picture, as libtiff's own suite holds one."""
    options = {"compression": "zlib", "predictor": True, "rowsperstrip": 48, "photometric": "rgb"}
    plain, longer = tmp_path / "plain.tiff", tmp_path / "longer.tiff"
    missing = -len(field) % 48
    tifffile.imwrite(plain, field, **options)
    tifffile.imwrite(longer, np.vstack([field, np.zeros((missing, *field.shape[1:]), np.uint8)]), **options)
    with tifffile.TiffFile(longer) as file:
        begin, count = file.pages.first.dataoffsets[-1], file.pages.first.databytecounts[-1]
    end = plain.stat().st_size
    with tifffile.TiffFile(plain, mode="r+b") as file:
        offsets, counts = (file.pages.first.tags[code] for code in (273, 279))
        offsets.overwrite((*offsets.value[:-1], end))
        counts.overwrite((*counts.value[:-1], count))
    return plain.read_bytes()[:end] + longer.read_bytes()[begin : begin + count]


def test_a_tiff_whose_last_strip_is_filled_up_is_read(field: np.ndarray, padded_tiff: bytes) -> None:
    assert np.array_equal(read_image(padded_tiff).pixels, field)


def test_a_filled_up_strip_hides_no_damage(padded_tiff: bytes) -> None:
    with pytest.raises(UnreadableImage) as caught:
        read_image(padded_tiff[:-1] + bytes([padded_tiff[-1] ^ 1]))  # its checksum
    assert caught.value.reason == "damaged"


def test_a_last_strip_is_inflated_to_a_strip_at_most(padded_tiff: bytes, tmp_path: Path) -> None:
    path, bomb = tmp_path / "bomb.tiff", zlib.compress(bytes(100_000_000))
    path.write_bytes(padded_tiff)
    with tifffile.TiffFile(path, mode="r+b") as file:
        counts = file.pages.first.tags[279]
        end = file.pages.first.dataoffsets[-1]
        counts.overwrite((*counts.value[:-1], len(bomb)))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage):
            tiff.read(path.read_bytes()[:end] + bomb, 100_000_000)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000


@pytest.mark.parametrize(
    ("samples", "more", "reason", "said"),
    [
        (np.zeros((16, 96, 96), np.uint8), {"volumetric": True, "tile": (16, 96, 96)}, "coding-not-read", "16 slices"),
        (np.zeros((96, 96), np.complex64), {}, "samples-not-read", "64 bits (complex)"),
    ],
)
def test_a_tiff_that_is_no_picture_is_not_called_damaged(
    samples: np.ndarray, more: dict[str, object], reason: str, said: str
) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="minisblack", **more)
    with pytest.raises(UnreadableImage, match=re.escape(said)) as caught:
        read_image(file.getvalue())
    assert caught.value.reason == reason


def test_a_profile_of_over_a_megabyte_is_read(field: np.ndarray) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    large = struct.pack(">I", 1_600_000) + profile[4:].ljust(1_600_000 - 4, b"\0")
    file = io.BytesIO()
    Image.fromarray(field).save(file, "PNG", icc_profile=large)
    picture = read_image(file.getvalue())
    assert picture.source.profile == "sRGB built-in"
    assert np.abs(picture.pixels.astype(int) - field).max() <= 1


def test_a_bmp_of_bit_fields_that_are_not_read_is_not_called_damaged() -> None:
    side = 80
    pixels = bytes(2 * side * side)
    header = struct.pack("<IiiHHIIiiII", 56, side, side, 1, 16, 3, len(pixels), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0x0F00, 0x00F0, 0x000F, 0xF000)
    start = 14 + len(header) + len(masks)
    data = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + masks + pixels
    with pytest.raises(UnreadableImage) as caught:
        read_image(data)
    assert caught.value.reason == "coding-not-read"


def test_a_file_that_a_decoder_does_not_survive_is_damaged_and_not_costly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: np.ndarray
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import faulthandler, sys\n"
        "from intake import child\n"
        "child.decode = lambda *_: faulthandler._sigsegv()\n"
        "child.main()\n"
        "sys.exit()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    process = DecodingProcess()
    with pytest.raises(UnreadableImage) as caught:
        process.decode(zlib.compress(field.tobytes()), "TIFF", 10**8)
    assert caught.value.reason == "damaged"


def test_a_tiff_of_rgb_jpeg_keeps_its_colours_though_a_comment_names_adobe(field: np.ndarray) -> None:
    """Photoshop writes its name into comments; Adobe's marker alone says how components are stored."""
    file = io.BytesIO()
    tifffile.imwrite(
        file, field, photometric="rgb", compression="jpeg", compressionargs={"level": 95, "outcolorspace": "rgb"}
    )
    plain = file.getvalue()
    with tifffile.TiffFile(io.BytesIO(plain)) as read:
        page = read.pages.first
        (begin,), (count,) = page.dataoffsets, page.databytecounts
    strip = bytearray(plain[begin : begin + count])
    if (at := strip.find(b"\xff\xee\x00\x0eAdobe")) >= 0:
        del strip[at : at + 16]
    for marker, first, step in ((b"\xff\xc0", 10, 3), (b"\xff\xda", 5, 2)):  # nor do R, G and B name the components
        start = strip.index(marker) + first
        strip[start : start + 3 * step : step] = (1, 2, 3)
    told = bytes(strip[:2]) + b"\xff\xfe\x00\x11Adobe Photoshop" + bytes(strip[2:])
    path = io.BytesIO(plain + told)
    with tifffile.TiffFile(path, mode="r+b") as written:
        written.pages.first.tags[273].overwrite(len(plain))
        written.pages.first.tags[279].overwrite(len(told))
    assert np.array_equal(read_image(path.getvalue()).pixels, read_image(plain).pixels)
    assert np.abs(read_image(plain).pixels.astype(int) - field).mean() < 8


def test_a_marker_of_adobes_without_its_transform_marks_nothing() -> None:
    """As libjpeg takes it (jdmarker.c): twelve bytes, or it is none."""
    short, whole = (b"\xff\xd8\xff\xee" + bytes([0, 2 + size]) + b"Adobe".ljust(size, b"\0") for size in (7, 12))
    assert marked_rgb(short) != short
    assert marked_rgb(whole) == whole
