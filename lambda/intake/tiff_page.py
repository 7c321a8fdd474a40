"""One page of a TIFF: whether it is read, its pixels strip by strip, and their size."""

import math
import re
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tifffile

from . import deep
from .errors import ImageTooLarge, UnreadableImage, cut_short, damaged
from .jpeg import strict
from .jpeg_header import marked_rgb
from .limits import check_codec, check_format
from .source import microns_of_dpi, plausible_microns

MAX_SEGMENTS: Final = 40_000
"""Strips or tiles: at about 25 us each beside their pixels, 1 s. A scan of 10,000 rows in strips of one has 10,000."""

_SEPARATE: Final = 2
RGB: Final = 2
JPEG: Final = frozenset({7, 33007})
_COMPRESSIONS: Final = frozenset(
    # None, CCITT, LZW, JPEG old and new, deflate, packed bits, JPEG 2000 (three numbers), LERC, LZMA, Zstandard, WebP.
    {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 33003, 33005, 33007, 34712, 34887, 34925, 50000, 50001}
)
_DEFLATE: Final = frozenset({8, 32946})
_SLOW: Final = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50001: "WebP",
}
COLOUR_MODELS: Final = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr"}
_APERIO_MICRONS: Final = re.compile(r"MPP\s*=\s*([0-9.]{1,12})")


def check_page(page: Any, max_pixels: int, file_bytes: int) -> None:
    """Refuse, before decoding, a page that is no field, that takes too much work, or that is not read."""
    size = (page.imagewidth, page.imagelength)
    if page.is_tiled and size[0] * size[1] > max_pixels:
        raise ImageTooLarge(
            f"The image is {size[0]} x {size[1]}, the scan of a whole slide: export one field of it.", "whole-slide"
        )
    check_format("TIFF", size, max_pixels)
    check_codec(_SLOW.get(int(page.compression), ""), size)
    segments = len(page.dataoffsets)
    expected = math.prod(page.chunked)
    if max(segments, expected) > MAX_SEGMENTS:
        kind = "tiles" if page.is_tiled else "strips"
        raise ImageTooLarge(
            f"The TIFF is cut into {max(segments, expected)} {kind}, where {MAX_SEGMENTS} may be: save it again.",
            "too-costly",
        )
    _check_meaning(page)
    deep.check_bytes(*size, page.samplesperpixel, bits_of(page))
    if page.is_tiled:
        deep.check_bytes(page.tilewidth * expected, page.tilelength, page.samplesperpixel, bits_of(page))
    counts = page.databytecounts
    if segments < expected or any(
        not count or offset + count > file_bytes for offset, count in zip(page.dataoffsets, counts, strict=True)
    ):
        raise cut_short("Strips or tiles of the TIFF lie beyond its end")


def bits_of(page: Any) -> int:
    """Give the bits of a sample; of the deepest, where they differ."""
    bits = page.bitspersample
    return int(max(bits)) if isinstance(bits, tuple) else int(bits)


def _check_meaning(page: Any) -> None:
    """Refuse samples, compressions and colour models that are not read, each by its name."""
    bits, sample_format = bits_of(page), page.sampleformat
    if sample_format not in (None, 1, 2, 4) or bits > 16:
        kind = {3: "floating point", 5: "complex", 6: "complex"}.get(sample_format, "whole numbers")
        raise UnreadableImage(
            f"The TIFF has samples of {bits} bits ({kind}), which have no agreed scale: save it with 8 or 16 bits a "
            "channel.",
            "samples-not-read",
        )
    if page.imagedepth > 1:
        raise UnreadableImage(
            f"The TIFF's page is a volume of {page.imagedepth} slices: save one of them as a page of its own.",
            "coding-not-read",
        )
    if int(page.compression) not in _COMPRESSIONS:
        name = getattr(page.compression, "name", str(page.compression))
        raise UnreadableImage(
            f"The TIFF's compression ({name}, {int(page.compression)}) is not read: save it with LZW or without "
            "compression.",
            "coding-not-read",
        )
    if page.photometric not in COLOUR_MODELS:
        name = getattr(page.photometric, "name", str(page.photometric))
        raise UnreadableImage(
            f"The TIFF's colour model ({name}) is not read: save it as RGB.",
            "coding-not-read",
        )


def decode_page(page: Any) -> npt.NDArray[Any]:
    """Decode a page strip by strip, or tile by tile; a short one is not filled up in silence.

    Returns
    -------
    array[h, w, samples]
        In the depth of the file.
    """
    planes, _, height, width, samples = page.shaped
    whole = np.empty((planes, height, width, samples), page.dtype)
    tables = page.jpegtables
    by_ourselves = int(page.compression) in JPEG and bits_of(page) == 8
    handle = page.parent.filehandle
    reads = handle.read_segments(page.dataoffsets, page.databytecounts, length=math.prod(page.chunked), flat=True)
    for content, number in reads:
        if content is None:
            raise cut_short("A strip or tile of the TIFF is missing")
        try:
            if by_ourselves:
                # Where the strip belongs, as the page's own decoder knows it.
                _, at, shape = page.decode(None, number)
                part = _jpeg_part(page, content, tables, shape)
            else:
                part, at, shape = page.decode(_without_padding(page, content, number), number, _fullsize=False)
        except (tifffile.TiffFileError, ValueError, RuntimeError) as error:
            if isinstance(error, UnreadableImage):
                raise
            raise damaged("A strip or tile of the TIFF does not decode to its pixels") from error
        plane, _, top, left, _ = at
        rows, columns = min(part.shape[-3], height - top), min(part.shape[-2], width - left)
        if rows < min(shape[1], height - top) or columns < min(shape[2], width - left):
            raise cut_short("A strip or tile of the TIFF has fewer rows than it should")
        whole[plane, top : top + rows, left : left + columns] = part.reshape(part.shape[-3:])[:rows, :columns]
    if planes > 1:
        return np.ascontiguousarray(np.moveaxis(whole[..., 0], 0, 2))
    return np.asarray(whole[0])


def _without_padding(page: Any, content: bytes, number: int) -> bytes:
    """Leave out rows under the picture's last one, with which some writers fill up the last strip before deflating."""
    if int(page.compression) not in _DEFLATE or page.is_tiled:
        return content
    strips, missing = divmod(page.imagelength, page.rowsperstrip)
    if not missing or (number + 1) % (strips + 1):
        return content
    _, _, (_, rows, columns, samples) = page.decode(None, number)
    row_bytes = (columns * samples * bits_of(page) + 7) // 8
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(content, page.rowsperstrip * row_bytes + 1)
    except zlib.error:
        return content  # whose decoder refuses it
    padded = inflater.eof and len(inflated) > rows * row_bytes
    return zlib.compress(inflated[: rows * row_bytes], level=0) if padded else content


def _jpeg_part(page: Any, content: bytes, tables: bytes | None, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Decode a JPEG strip strictly: its tables put in front, and RGB marked as such."""
    if tables:
        content = b"\xff\xd8" + tables[2:-2] + content[2:]
    count = page.samplesperpixel if page.planarconfig != _SEPARATE else 1
    if int(page.photometric) == RGB and count == 3:
        content = marked_rgb(content)
    part = strict(content, count)
    return part.reshape((1, part.shape[0], part.shape[1], count))


def microns(file: tifffile.TiffFile, page: Any) -> float | None:
    """Give a pixel's size in micrometres, by the first of: Aperio's text, OME's, ImageJ's, the resolution."""
    text = page.description if isinstance(page.description, str) else ""
    aperio = _APERIO_MICRONS.search(text[:4_000])
    if aperio:
        return plausible_microns(float(aperio[1])) if aperio[1].count(".") <= 1 and aperio[1].strip(".") else None
    if file.is_ome:
        pixels = re.search(r'PhysicalSizeX="([0-9.eE+-]{1,24})"', text[:20_000])
        unit = re.search(r'PhysicalSizeXUnit="([^"]{1,4})"', text[:20_000])
        scale = {"nm": 1e-3, "mm": 1e3}.get(unit[1] if unit else "", 1.0)
        return plausible_microns(float(pixels[1]) * scale) if pixels else None
    resolution = page.tags.valueof(282)
    if not (isinstance(resolution, tuple) and len(resolution) == 2 and resolution[0] and resolution[1]):
        return None
    a_unit = resolution[0] / resolution[1]
    if file.is_imagej:
        unit_name = str((file.imagej_metadata or {}).get("unit", ""))
        return plausible_microns(1.0 / a_unit) if unit_name in ("micron", "um", "\\u00B5m", "µm") else None
    return microns_of_dpi(a_unit * {2: 1.0, 3: 2.54}.get(int(page.tags.valueof(296, 2) or 2), 0.0))
