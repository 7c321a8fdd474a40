import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from inference import ImageTooLarge, ImageTooSmall, NotAnImage, UnreadableImage, read_image, to_model_input
from intake.picture import WORKING_SIDE_PX

Encode = Callable[..., bytes]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_types_give_the_pixels_back(
    encode: Encode, gradient: Image.Image, kind: str, options: dict[str, Any]
) -> None:
    data = encode(gradient, kind, **options)
    picture = read_image(data)
    assert np.array_equal(picture.pixels, np.asarray(gradient))
    assert (picture.width, picture.height, picture.format, picture.frames) == (120, 90, kind, 1)
    assert picture.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "YCbCr"])
def test_other_modes_become_rgb_and_look_alike(encode: Encode, gradient: Image.Image, mode: str) -> None:
    image = gradient.convert(mode)
    picture = read_image(encode(image, "TIFF" if mode == "YCbCr" else "PNG"))
    assert picture.pixels.shape == (90, 120, 3)
    difference = picture.pixels.astype(int) - np.asarray(image.convert("RGB"))
    assert np.abs(difference).max() <= 3


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_16_bits_are_scaled_and_not_clipped(encode: Encode, kind: str) -> None:
    samples = np.linspace(0, 65535, 100 * 80).reshape(80, 100).astype(np.uint16)
    pixels = read_image(encode(Image.fromarray(samples), kind)).pixels
    assert np.array_equal(pixels[..., 0], samples >> 8)
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def _tiff16(channels: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, channels, **options)
    return file.getvalue()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"tile": (32, 32)}])
def test_16_bit_colour_keeps_its_high_bytes(byteorder: str, options: dict[str, Any]) -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (90, 120, 3), dtype=np.uint16)
    data = _tiff16(samples, photometric="rgb", byteorder=byteorder, **options)
    assert np.array_equal(read_image(data).pixels, samples >> 8)


def test_a_tiff_whose_zero_is_white_is_not_read_as_a_negative() -> None:
    samples = np.linspace(0, 65535, 100 * 80).reshape(80, 100).astype(np.uint16)
    deep = read_image(_tiff16(samples, photometric="miniswhite")).pixels[..., 0]
    flat = read_image(_tiff16((samples >> 8).astype(np.uint8), photometric="miniswhite")).pixels[..., 0]
    assert np.array_equal(deep, 255 - (samples >> 8))
    assert np.array_equal(flat, deep)


def test_16_bit_grey_in_lzw_is_read(encode: Encode) -> None:
    samples = np.linspace(0, 65535, 100 * 80).reshape(80, 100).astype(np.uint16)
    data = encode(Image.fromarray(samples), "TIFF", compression="tiff_lzw")
    assert np.array_equal(read_image(data).pixels[..., 0], samples >> 8)


@pytest.mark.parametrize("compression", [None, "group4", "tiff_lzw"])
def test_one_bit_a_pixel_is_black_and_white(encode: Encode, gradient: Image.Image, compression: str | None) -> None:
    image = gradient.convert("1")
    pixels = read_image(encode(image, "TIFF", compression=compression)).pixels
    assert np.array_equal(pixels[..., 0], np.asarray(image.convert("L")))


def test_transparency_is_laid_on_white(encode: Encode) -> None:
    clear = Image.new("RGBA", (80, 80), (10, 20, 30, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    picture = read_image(encode(clear, "PNG"))
    assert picture.pixels[1:].min() == 255
    assert picture.notes == ("Transparent places were laid on white.",)
    half = Image.new("RGBA", (80, 80), (0, 0, 0, 128))
    assert 120 <= read_image(encode(half, "PNG")).pixels.mean() <= 135


def test_a_transparent_palette_colour_is_laid_on_white(encode: Encode) -> None:
    image = Image.new("P", (80, 80), 3)
    image.putpixel((0, 0), 4)
    image.putpalette([7, 8, 9] * 256)
    assert read_image(encode(image, "PNG", transparency=3)).pixels[1:].min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(encode: Encode, gradient: Image.Image, kind: str, orientation: int) -> None:
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = turned[orientation](np.asarray(gradient)).astype(int)
    picture = read_image(encode(gradient, kind, exif=exif))
    assert (picture.height, picture.width) == expected.shape[:2]
    assert np.abs(picture.pixels - expected).mean() < 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_lose_the_image(encode: Encode, gradient: Image.Image) -> None:
    data = encode(gradient, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert read_image(data).width == 120


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP", "MPO"])
def test_only_the_first_frame_is_read_and_all_are_counted(encode: Encode, gradient: Image.Image, kind: str) -> None:
    others = [Image.new("RGB", gradient.size, colour) for colour in ("red", "blue")]
    picture = read_image(encode(gradient, kind, save_all=True, append_images=others))
    assert picture.frames == 3
    assert np.abs(picture.pixels.astype(int) - np.asarray(gradient)).mean() < 5


def _png(width: int, height: int, rest: bytes = b"") -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + rest


@pytest.mark.parametrize("rest", [b"", b"\x00\x00\x00\x00IDAT5\xaf\x06\x1e"])
def test_a_huge_header_is_refused_before_decoding(rest: bytes) -> None:
    with pytest.raises(ImageTooLarge, match="50000 x 50000; a PNG file may have 80 megapixels"):
        read_image(_png(50_000, 50_000, rest))


def test_the_pixel_limit_is_exact(encode: Encode, gradient: Image.Image) -> None:
    data = encode(gradient, "PNG")
    assert read_image(data, max_pixels=120 * 90).width == 120
    with pytest.raises(ImageTooLarge):
        read_image(data, max_pixels=120 * 90 - 1)


def test_a_webp_that_claims_a_huge_canvas_is_refused(encode: Encode, gradient: Image.Image) -> None:
    data = bytearray(encode(gradient, "WEBP", save_all=True, append_images=[gradient.rotate(9)]))
    canvas = data.index(b"VP8X") + 12
    data[canvas : canvas + 6] = (16_382).to_bytes(3, "little") * 2
    with pytest.raises(ImageTooLarge):
        read_image(bytes(data))


@pytest.mark.parametrize(("width", "height"), [(74, 200), (200, 74), (64, 64), (1, 1)])
def test_too_small_to_see_a_cell(encode: Encode, width: int, height: int) -> None:
    with pytest.raises(ImageTooSmall, match="75 x 75"):
        read_image(encode(Image.new("RGB", (width, height)), "PNG"))


def test_75_by_75_is_enough(encode: Encode) -> None:
    assert read_image(encode(Image.new("RGB", (75, 75)), "PNG")).pixels.shape == (75, 75, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_a_file_cut_in_half_is_unreadable(encode: Encode, kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8))
    data = encode(noise, kind)
    with pytest.raises(UnreadableImage, match=kind.replace("WEBP", "WebP")):
        read_image(data[: len(data) // 2])


def test_32_bit_samples_are_refused_with_advice(encode: Encode) -> None:
    image = Image.fromarray(np.ones((80, 80), np.float32))
    with pytest.raises(UnreadableImage, match="8 or 16 bits"):
        read_image(encode(image, "TIFF"))


def test_a_text_named_jpg_is_not_an_image() -> None:
    with pytest.raises(NotAnImage):
        read_image(b"Dear laboratory, please find attached ...")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_images_are_read_at_reduced_scale_and_look_alike(
    encode: Encode, gradient: Image.Image, kind: str
) -> None:
    large = gradient.resize((4000, 3000), Image.Resampling.BICUBIC)
    picture = read_image(encode(large, kind, **({"quality": 95} if kind == "JPEG" else {"compress_level": 1})))
    assert (picture.width, picture.height) == (4000, 3000)
    assert WORKING_SIDE_PX <= min(picture.pixels.shape[:2]) < 2 * WORKING_SIDE_PX
    exact = np.asarray(large.resize((224, 224), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(to_model_input(picture.pixels, 224, 224) - exact).max() <= 6


def test_a_large_transparent_image_is_laid_on_white_too(encode: Encode, gradient: Image.Image) -> None:
    large = gradient.resize((2800, 2100), Image.Resampling.BICUBIC)
    alpha = Image.linear_gradient("L").resize(large.size)
    expected = Image.new("RGB", large.size, "white")
    expected.paste(large, mask=alpha)
    large.putalpha(alpha)
    pixels = read_image(encode(large, "PNG", compress_level=1)).pixels
    exact = np.asarray(expected.resize((224, 224), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(to_model_input(pixels, 224, 224) - exact).max() <= 6


def test_an_image_of_the_models_size_is_left_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    assert np.array_equal(to_model_input(image, 224, 224), image)


def test_the_resize_is_antialiased() -> None:
    stripes = np.zeros((896, 896, 3), np.uint8)
    stripes[:, ::2] = 255
    small = to_model_input(stripes, 224, 224)
    assert small.shape == (224, 224, 3)
    inner = small[:, 2:-2]
    assert 120 <= inner.min() <= inner.max() <= 135


def test_a_field_that_is_not_square_is_squeezed_whole() -> None:
    field = np.zeros((100, 300, 3), np.uint8)
    field[:, :10] = 255
    small = to_model_input(field, 224, 224)
    assert small[:, 0].mean() > 200, "the left edge is still in the picture"
    assert small[:, -1].max() == 0


def _rle_bmp(side: int, runs: bytes) -> bytes:
    palette = bytes(range(256)) * 4
    offset = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(runs), 0, 0, offset) + header + palette + runs


def test_a_run_length_encoded_bmp_is_read_unless_it_would_take_too_long() -> None:
    assert read_image(_rle_bmp(80, b"\x50\x07\x00\x00" * 80 + b"\x00\x01")).pixels.shape == (80, 80, 3)
    with pytest.raises(ImageTooLarge, match="save it as PNG"):
        read_image(_rle_bmp(3_000, b"\x01\x02" * 2_300_000))
