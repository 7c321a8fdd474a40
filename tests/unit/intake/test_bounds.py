"""Work is bounded before it is begun: each file here is small and would cost seconds or gigabytes."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from intake import ImageError, read_image


def refused(data: bytes) -> str:
    """Give the reason of a refusal."""
    with pytest.raises(ImageError) as caught:
        read_image(data)
    return caught.value.reason


def many_scans(scans: int, side: int) -> bytes:
    """Write a grey progressive JPEG whose last, empty scan comes again and again."""
    file = io.BytesIO()
    Image.new("L", (side, side), 200).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + b"\xff\xd9"


def test_a_jpeg_of_more_scans_than_a_picture_needs_is_refused() -> None:
    assert refused(many_scans(600, 120)) == "too-costly"


def test_fewer_scans_are_refused_where_the_picture_is_large() -> None:
    data = bytearray(many_scans(200, 120))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 9_000, 9_000)
    assert refused(bytes(data)) == "too-costly"


def test_a_jpeg_of_a_few_more_scans_is_read() -> None:
    assert read_image(many_scans(20, 120)).width == 120


def test_a_progressive_jpeg_whose_coefficients_fill_the_memory_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (120, 120)).save(file, "JPEG", progressive=True, subsampling=0)
    data = bytearray(file.getvalue())
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 9_900, 9_900)
    assert refused(bytes(data)) in ("too-many-pixels", "too-costly")


def test_a_jpeg_of_markers_alone_is_refused() -> None:
    file = io.BytesIO()
    Image.new("L", (120, 120)).save(file, "JPEG")
    assert refused(b"\xff\xd8" + b"\xff\xfe\x00\x02" * 100_000 + file.getvalue()[2:]) == "too-costly"


def tiff(entries: list[tuple[int, int, int, int]], data: bytes) -> bytes:
    """Write a little-endian TIFF of one directory; each entry is tag, type, count and value or offset."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = 8 + 2 + len(body) + 4
    assert head <= 256
    return (b"II*\x00" + struct.pack("<IH", 8, len(entries)) + body + b"\0" * 4).ljust(256, b"\0") + data


def test_a_tiff_of_tiles_of_one_pixel_is_refused() -> None:
    side = 300
    count = side * side
    offsets = struct.pack("<I", 256) * count
    data = tiff(
        [
            *((256, 3, 1, side), (257, 3, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)),
            *((322, 3, 1, 1), (323, 3, 1, 1), (324, 4, count, 256), (325, 4, count, 256 + 4 * count)),
        ],
        offsets + struct.pack("<I", 1) * count,
    )
    assert refused(data) == "too-costly"


def test_a_tiff_of_more_strips_than_a_picture_needs_is_refused() -> None:
    count = 3 * 17_600  # one row of one plane each
    data = tiff(
        [
            *((256, 3, 1, 4_400), (257, 3, 1, 17_600), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 2)),
            *((273, 4, count, 256), (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, count, 256), (284, 3, 1, 2)),
        ],
        struct.pack("<I", 300) * count,
    )
    assert refused(data) == "too-costly"


def test_a_million_strips_of_which_a_hundred_are_needed_cost_little() -> None:
    count = 1_000_000
    data = tiff(
        [
            *((256, 3, 1, 100), (257, 3, 1, 100), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)),
            *((273, 4, count, 256), (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, count, 256)),
        ],
        struct.pack("<I", 300) * count,
    )
    assert read_image(data).width == 100


def test_a_tile_far_larger_than_its_image_is_refused() -> None:
    data = tiff(
        [
            *((256, 3, 1, 100), (257, 3, 1, 100), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)),
            *((322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 256), (325, 4, 1, 400)),
        ],
        zlib.compress(bytes(100_000)).ljust(400, b"\0"),
    )
    assert refused(data) in ("too-many-pixels", "too-costly")


def test_a_bmp_whose_run_lengths_stand_for_a_huge_picture_is_refused() -> None:
    side = 10_000
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, 2, 0, 0, 256, 0)
    assert refused(b"BM" + struct.pack("<IHHI", 1_080, 0, 0, 1_078) + header + bytes(1_024) + b"\0\1") == "too-costly"


def test_a_lossless_webp_of_38_bytes_is_refused() -> None:
    sides = 9_989 | 9_989 << 14
    content = b"\x2f" + struct.pack("<I", sides) + bytes(12)
    chunk = b"WEBPVP8L" + struct.pack("<I", len(content)) + content + b"\0"
    assert refused(b"RIFF" + struct.pack("<I", len(chunk)) + chunk) == "too-many-pixels"


@pytest.mark.parametrize(("width", "height"), [(20_000, 80), (80, 20_000), (1_000, 240)])
def test_a_shape_that_no_field_has_is_refused(width: int, height: int) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (width, height), "pink").save(file, "PNG")
    assert refused(file.getvalue()) == "no-field-shape"


def test_a_png_of_chunks_alone_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (100, 100)).save(file, "PNG")
    data = file.getvalue()
    empty = struct.pack(">I", 0) + b"teST" + struct.pack(">I", zlib.crc32(b"teST"))
    assert refused(data[:33] + empty * 30_000 + data[33:]) == "too-costly"


def test_large_pictures_of_formats_without_a_reduced_scale_are_refused_by_their_format() -> None:
    file = io.BytesIO()
    Image.new("1", (6_000, 6_000)).save(file, "WEBP", lossless=True, method=0)
    with pytest.raises(ImageError, match="24 megapixels"):
        read_image(file.getvalue())


def test_half_a_camera_field_in_16_bits_fits() -> None:
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(file, np.full((1_500, 2_000, 3), 40_000, np.uint16), photometric="rgb", compression="zlib")
    picture = read_image(file.getvalue())
    assert (picture.width, picture.height, picture.source.bits) == (2_000, 1_500, 16)
