"""BMP, WebP, AVIF and JPEG 2000, decoded by Pillow; HEIC by libheif."""

import io
import struct
from typing import Any, Final

from PIL import Image

from .errors import ImageTooLarge, cut_short
from .formats import check_line_ends
from .limits import check_format
from .raster import Colour, Decoded, factor_of, finish
from .source import Source

MAX_RUN_LENGTH_BYTES: Final = 4_500_000
"""About 3 s of decoding: Pillow decodes run lengths in Python."""
MAX_RUN_LENGTH_PIXELS: Final = 16_000_000
"""Run lengths can leave out pixels, so that a kilobyte stands for any number of them."""
CHEAP_PIXELS: Final = 3_000_000
_RUN_LENGTH: Final = frozenset({1, 2})  # BI_RLE8, BI_RLE4
_MODELS: Final = {"L": "grey", "LA": "grey", "I;16": "grey", "1": "grey", "P": "palette", "CMYK": "CMYK"}


def bmp_compression(data: bytes) -> int:
    """Give a BMP's compression; 0 for none, or where the header is another's."""
    return int(struct.unpack_from("<I", data, 30)[0]) if len(data) >= 34 else 0


def check_bmp(data: bytes) -> None:
    """Refuse a BMP that is cut short, or whose run lengths take too much work."""
    check_line_ends(data)
    if len(data) < 26:
        raise cut_short("The BMP ends in its header")
    offset, header_bytes = struct.unpack_from("<II", data, 10)
    if header_bytes == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    (bits,) = struct.unpack_from("<H", data, 24 if header_bytes == 12 else 28) if len(data) >= 30 else (0,)
    size = (abs(width), abs(height))
    if header_bytes >= 40 and bmp_compression(data) in _RUN_LENGTH:
        if len(data) > MAX_RUN_LENGTH_BYTES or size[0] * size[1] > MAX_RUN_LENGTH_PIXELS:
            raise ImageTooLarge(
                f"A run-length encoded BMP may have {MAX_RUN_LENGTH_BYTES} bytes and "
                f"{MAX_RUN_LENGTH_PIXELS / 1e6:g} megapixels: save it as PNG.",
                "too-costly",
            )
    elif bits and offset + (size[0] * bits + 31) // 32 * 4 * size[1] > len(data):
        raise cut_short("The BMP ends before its last row")


def webp_size(data: bytes) -> tuple[int, int]:
    """Read a WebP's width and height from its first chunk: libwebp takes memory for them as it opens the file."""
    kind, content = data[12:16], data[20:30]
    if len(content) < 10:
        raise cut_short("The WebP ends in its header")
    if kind == b"VP8X":
        return int.from_bytes(content[4:7], "little") + 1, int.from_bytes(content[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 6)
    return width & 0x3FFF, height & 0x3FFF


def check_webp(data: bytes, max_pixels: int) -> None:
    """Refuse a WebP of too many pixels, or whose chunks are cut short."""
    check_format("WEBP", webp_size(data), max_pixels)
    (stated,) = struct.unpack_from("<I", data, 4)
    if stated + 8 > len(data):
        raise cut_short("The WebP ends before its last chunk")
    position = 12
    while position + 8 <= stated + 8:
        (length,) = struct.unpack_from("<I", data, position + 4)
        position += 8 + length + length % 2
    if position > stated + 9:
        raise cut_short("The WebP ends before its last chunk")


def open_heif(data: bytes) -> Image.Image:
    """Open a HEIC file's first picture; libheif turns it upright itself."""
    import pi_heif

    file: Any = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    check_format("HEIF", file.size, 1 << 62)
    image = file.to_pillow()
    image.info["icc_profile"] = file.info.get("icc_profile")
    image.info["heif_bits"] = file.info.get("bit_depth", 8)
    image.info["heif_frames"] = len(file)
    return image  # type: ignore[no-any-return]


def read(data: bytes, kind: str, max_pixels: int) -> Decoded:
    """Decode a BMP, WebP, AVIF, JPEG 2000 or HEIC file.

    Raises
    ------
    ImageError
        What is wrong with it.
    """
    if kind == "BMP":
        check_bmp(data)
    elif kind == "WEBP":
        check_webp(data, max_pixels)
    elif kind == "AVIF":
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    image: Any = open_heif(data) if kind == "HEIF" else Image.open(io.BytesIO(data), formats=[kind])
    size = image.size
    check_format(kind, size, max_pixels)
    source = Source(
        kind,
        int(image.info.get("heif_bits") or 8),
        _MODELS.get(image.mode, "RGB"),
        orientation=1 if kind in ("HEIF", "JPEG2000") else _orientation(image),
    )
    frames = int(image.info.get("heif_frames") or getattr(image, "n_frames", 1))
    notes = (f"The file holds {frames} frames; only the first was read.",) if frames > 1 else ()
    if kind == "JPEG2000":
        return _jpeg2000(data, image, source)
    profile = image.info.get("icc_profile")
    image.load()
    clear = image.has_transparency_data

    def band(top: int, bottom: int) -> Image.Image:
        part: Image.Image = image.crop((0, top, image.width, bottom))
        if clear:
            return part if part.mode in ("LA", "RGBA") else part.convert("RGBA")
        return part if part.mode == "CMYK" else part.convert("L") if part.mode in ("1", "L") else part.convert("RGB")

    return finish(image.size, band, Colour(profile), source, frames=frames, notes=notes)


def _jpeg2000(data: bytes, image: Any, source: Source) -> Decoded:
    """Decode a JPEG 2000 file at a reduced resolution where that leaves enough."""
    from . import deep

    size, mode = image.size, image.mode
    if mode.startswith("I;16") or mode == "I":
        samples = deep.by_codec("jpeg2k", data, "JPEG 2000")
        return deep.of_samples(samples, 16, Source("JPEG2000", 16, "grey"), Colour())
    steps = 0
    while steps < 5 and 2 << steps <= factor_of(size):
        steps += 1
    profile = image.info.get("icc_profile")
    if steps:
        try:
            image.reduce = steps
            image.load()
        except (OSError, ValueError):
            # Fewer resolutions in the file than that.
            image = Image.open(io.BytesIO(data), formats=["JPEG2000"])
    image.load()
    whole = image

    def band(top: int, bottom: int) -> Image.Image:
        part: Image.Image = whole.crop((0, top, whole.width, bottom))
        return part if part.mode in ("L", "LA", "RGB", "RGBA", "CMYK") else part.convert("RGB")

    decoded = finish(whole.size, band, Colour(profile), source)
    return Decoded(decoded.pixels, size[0], size[1], 1, decoded.source, decoded.notes)


def _orientation(image: Any) -> int:
    try:
        value = int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block must not lose a readable image
        return 1
    return value if 1 <= value <= 8 else 1
