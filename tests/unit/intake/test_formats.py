import struct

import pytest

from api.schemas import IMAGE_TYPES
from inference import EmptyImage, NotAnImage
from intake import ImageError
from intake.formats import FORMATS, MAX_FRAMES_COUNTED, SUFFIXES, sniff, tiff_frames


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"II*\x00", "TIFF"),
        (b"MM\x00*", "TIFF"),
        (b"II+\x00", "TIFF"),
        (b"BM", "BMP"),
        (b"RIFF\x10\x00\x00\x00WEBP", "WEBP"),
        (b"\x00\x00\x00\x18ftypheic", "HEIF"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00avif", "AVIF"),
        (b"\xff\x4f\xff\x51", "JPEG2000"),
        (b"\x00" * 128 + b"DICM", "DICOM"),
    ],
)
def test_the_type_is_told_from_the_first_bytes(beginning: bytes, kind: str) -> None:
    assert sniff(beginning + b"\x00" * 20) == kind
    assert FORMATS[kind].media_type in IMAGE_TYPES, "the API takes what is read"


def test_each_suffix_belongs_to_one_type() -> None:
    every = [suffix for known in FORMATS.values() for suffix in known.suffixes]
    assert len(every) == len(SUFFIXES)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in every)


@pytest.mark.parametrize("data", [b"hello, I am a .jpg", b"GIF89a", b"%PDF-1.7", b"RIFF\x10\x00\x00\x00WAVE", b"\x00"])
def test_other_types_are_not_images(data: bytes) -> None:
    with pytest.raises(NotAnImage, match="JPEG, PNG, TIFF, BMP, WebP, HEIC, AVIF, JPEG 2000 or DICOM"):
        sniff(data)


@pytest.mark.parametrize(
    "beginning", [b"RIFF\xf2\xc8\x00\x00WEBPVP8L", b"II*\x00\xf2\xc8\x00\x00" + b"\xff\xd8" * 20, b"BM\xf2\xc8"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_bytes_taken_for_text_are_named_whatever_the_length_of_the_file(beginning: bytes, encoding: str) -> None:
    changed = beginning.decode(encoding, errors="replace").encode("utf-8")
    try:
        kind = sniff(changed)
    except ImageError as error:
        assert error.reason == "read-as-text"  # noqa: PT017 - the beginning of some stays what it was
    else:
        assert kind in {"TIFF", "BMP"}


def test_no_byte_is_an_empty_image() -> None:
    with pytest.raises(EmptyImage):
        sniff(b"")


def _directory(next_offset: int) -> bytes:
    return struct.pack("<H", 0) + struct.pack("<L", next_offset)


def test_a_chain_of_directories_is_counted() -> None:
    header = b"II*\x00" + struct.pack("<L", 8)
    assert tiff_frames(header + _directory(14) + _directory(20) + _directory(0)) == 3


def test_a_loop_and_a_link_out_of_the_file_end_the_count() -> None:
    header = b"II*\x00" + struct.pack("<L", 8)
    assert tiff_frames(header + _directory(8)) == 1
    assert tiff_frames(header + _directory(1_000_000)) == 1
    assert tiff_frames(b"II*\x00") == 1


def test_a_long_chain_is_counted_only_so_far() -> None:
    chain = b"".join(_directory(8 + 6 * (i + 1)) for i in range(MAX_FRAMES_COUNTED + 5))
    assert tiff_frames(b"II*\x00" + struct.pack("<L", 8) + chain) == MAX_FRAMES_COUNTED


@pytest.mark.parametrize("header", [b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08", b"BM"])
def test_a_dicom_file_that_another_header_precedes_is_dicom(header: bytes) -> None:
    assert sniff(header.ljust(128, b"\0") + b"DICM") == "DICOM"


@pytest.mark.parametrize(
    "beginning",
    [
        b"P6\n640 480\n255\n",
        b"P5 640 480 255\n",
        b"gimp xcf v011",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"v/1\x01\x02\x00\x00\x00",
        b"SIMPLE  =                    T",
        b"\x00\x00\x01\x00\x01\x00",
    ],
)
def test_a_known_type_that_is_not_read_is_named(beginning: bytes) -> None:
    with pytest.raises(NotAnImage, match="save the field as PNG or TIFF") as caught:
        sniff(beginning.ljust(200, b"\0"))
    assert caught.value.reason == "format-not-read"
