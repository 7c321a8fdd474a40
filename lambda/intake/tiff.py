"""TIFF, by tifffile: which of its pages is the field, what its samples mean, and whether every strip is whole."""

import io
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tifffile

from . import deep
from .channels import stacked
from .errors import ImageTooLarge, UnreadableImage, cut_short, damaged
from .formats import check_line_ends, tiff_frames
from .jpeg import strict
from .limits import check_codec, check_format
from .raster import Colour, Decoded
from .source import Source, microns_of_dpi, plausible_microns

MAX_SEGMENTS: Final = 40_000
"""Strips or tiles: at about 25 us each beside their pixels, 1 s. A scan of 10,000 rows in strips of one has 10,000."""
MAX_PAGES_READ: Final = 64
"""Directories among which the field is looked for; a slide scanner writes about ten."""
MAX_SERIES_PAGES: Final = 1_000

_REDUCED, _MASK = 1, 4
_SEPARATE: Final = 2
_UNASSOCIATED, _ASSOCIATED, _COREL = 2, 1, 999
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_NONE, _OLD_JPEG, _JPEG = 1, 6, 7
_COMPRESSIONS: Final = frozenset(
    # None, CCITT, LZW, JPEG old and new, deflate, packed bits, JPEG 2000 (three numbers), LERC, LZMA, Zstandard, WebP.
    {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 33003, 33005, 33007, 34712, 34887, 34925, 50000, 50001}
)
_SLOW: Final = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50001: "WebP",
}
_BY_LIBTIFF: Final = frozenset({_OLD_JPEG})
_COLOUR_MODELS: Final = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr"}
_APERIO_MICRONS: Final = re.compile(r"MPP\s*=\s*([0-9.]{1,12})")


def read(data: bytes, max_pixels: int) -> Decoded:
    """Decode the field in a TIFF.

    Parameters
    ----------
    data
        The file: classic TIFF or BigTIFF of either byte order, plain, OME, ImageJ or a scanner's.
    max_pixels
        Limit on width x height.

    Returns
    -------
    Decoded
        The largest page that is neither a reduced copy nor a mask; of channels in pages of their own, the whole.

    Raises
    ------
    ImageError
        What is wrong with it.
    """
    check_line_ends(data)
    frames = tiff_frames(data)
    with tifffile.TiffFile(io.BytesIO(data), _multifile=False) as file:
        if frames <= MAX_SERIES_PAGES and (file.is_ome or file.is_imagej):
            channels = stacked(file, max_pixels, _check_page)
            if channels is not None:
                return channels
        chosen = _choose(file)
        page, index = chosen.page, chosen.index
        _check_page(page, max_pixels, len(data))
        notes = tuple(chosen.notes(frames))
        return _decode(file, page, index, data, frames, notes)


@dataclass(frozen=True)
class _Choice:
    page: Any
    index: int
    sizes: tuple[tuple[int, int], ...]
    skipped: int

    def notes(self, frames: int) -> list[str]:
        """Say which page was read of how many."""
        if frames == 1:
            return []
        if self.skipped or len(set(self.sizes)) > 1:
            return [f"The file holds {frames} pages; the largest, page {self.index + 1}, was read."]
        return [f"The file holds {frames} frames; only the first was read."]


def _choose(file: tifffile.TiffFile) -> _Choice:
    """Find the field: the first of the largest pages that are no reduced copy and no mask."""
    pages: list[tuple[int, Any]] = []
    for index in range(MAX_PAGES_READ):
        try:
            page: Any = file.pages[index]
        except IndexError:
            break
        if isinstance(page, tifffile.TiffFrame):
            page = page.aspage()
        pages.append((index, page))
    whole = [(index, page) for index, page in pages if not page.subfiletype & (_REDUCED | _MASK)] or pages
    if not whole:
        raise cut_short("The TIFF has no picture")
    index, page = max(whole, key=lambda one: (one[1].imagewidth * one[1].imagelength, -one[0]))
    sizes = tuple((one.imagewidth, one.imagelength) for _, one in pages)
    return _Choice(page, index, sizes, len(pages) - len(whole))


def _check_page(page: Any, max_pixels: int, file_bytes: int) -> None:
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
    deep.check_bytes(*size, page.samplesperpixel, _bits(page))
    if page.is_tiled:
        deep.check_bytes(page.tilewidth * expected, page.tilelength, page.samplesperpixel, _bits(page))
    counts = page.databytecounts
    if segments < expected or any(
        not count or offset + count > file_bytes for offset, count in zip(page.dataoffsets, counts, strict=True)
    ):
        raise cut_short("Strips or tiles of the TIFF lie beyond its end")


def _bits(page: Any) -> int:
    bits = page.bitspersample
    return int(max(bits)) if isinstance(bits, tuple) else int(bits)


def _check_meaning(page: Any) -> None:
    """Refuse samples, compressions and colour models that are not read, each by its name."""
    bits, sample_format = _bits(page), page.sampleformat
    if sample_format not in (None, 1, 2, 4) or bits > 16:
        kind = {3: "floating point"}.get(sample_format, "whole numbers")
        raise UnreadableImage(
            f"The TIFF has samples of {bits} bits ({kind}), which have no agreed scale: save it with 8 or 16 bits a "
            "channel.",
            "samples-not-read",
        )
    if int(page.compression) not in _COMPRESSIONS:
        name = getattr(page.compression, "name", str(page.compression))
        raise UnreadableImage(
            f"The TIFF's compression ({name}, {int(page.compression)}) is not read: save it with LZW or without "
            "compression.",
            "coding-not-read",
        )
    if page.photometric not in _COLOUR_MODELS:
        name = getattr(page.photometric, "name", str(page.photometric))
        raise UnreadableImage(
            f"The TIFF's colour model ({name}) is not read: save it as RGB.",
            "coding-not-read",
        )


def _decode(
    file: tifffile.TiffFile, page: Any, index: int, data: bytes, frames: int, notes: tuple[str, ...]
) -> Decoded:
    photometric = int(page.photometric)
    orientation = int(page.tags.valueof(274, 1) or 1)
    source = Source(
        "TIFF",
        _bits(page),
        _COLOUR_MODELS[photometric],
        frame=index,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        microns_per_pixel=microns(file, page),
    )
    colour = Colour(page.tags.valueof(34675) or None)
    subsampled = photometric == _YCBCR and int(page.compression) not in (_JPEG, 33007, 33003, 33005, 34712, 50001)
    if subsampled or int(page.compression) in _BY_LIBTIFF:
        return deep.of_samples(_by_libtiff(data, index), 8, source, colour, notes, frames=frames)
    samples = decode_page(page)
    if photometric == _PALETTE:
        samples = _coloured(page, samples)
        return deep.of_samples(samples, 8, source, colour, notes, frames=frames)
    mode = None
    count = samples.shape[2]
    if photometric == _CMYK:
        if count < 4:
            raise damaged("A CMYK image has four samples a pixel, and this has fewer")
        samples, mode = samples[..., :4], "CMYK"
    else:
        samples, notes = _with_alpha(page, samples, photometric, notes)
    maximum = _stated_maximum(page)
    return deep.of_samples(
        samples,
        _bits(page),
        source,
        colour,
        notes,
        frames=frames,
        stated_maximum=maximum,
        inverted=photometric == _WHITE_IS_ZERO,
        mode=mode,
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
    by_ourselves = int(page.compression) in (_JPEG, 33007) and _bits(page) == 8
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
                part, at, shape = page.decode(content, number, _fullsize=False)
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


def _jpeg_part(page: Any, content: bytes, tables: bytes | None, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Decode a JPEG strip strictly: its tables put in front, and RGB marked as such."""
    if tables:
        content = b"\xff\xd8" + tables[2:-2] + content[2:]
    count = page.samplesperpixel if page.planarconfig != _SEPARATE else 1
    if int(page.photometric) == _RGB and count == 3 and b"Adobe" not in content[:2000]:
        # Adobe's marker with transform 0: three components that are red, green and blue.
        content = content[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00" + content[2:]
    part = strict(content, count)
    return part.reshape((1, part.shape[0], part.shape[1], count))


def _by_libtiff(data: bytes, index: int) -> npt.NDArray[Any]:
    """Decode by libtiff's own conversion to RGBA: uncompressed YCbCr, and JPEG of before 1995."""
    import imagecodecs

    try:
        samples: npt.NDArray[Any] = imagecodecs.tiff_decode(data, index, asrgb=True)[..., :3]
    except (RuntimeError, ValueError) as error:
        raise UnreadableImage(
            "The TIFF's YCbCr samples cannot be decoded: save it as RGB.", "coding-not-read"
        ) from error
    return samples


def _coloured(page: Any, samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    palette = page.colormap
    if palette is None or palette.shape[0] != 3:
        raise damaged("The TIFF's palette is missing")
    high = palette >> 8 if palette.max() > 255 else palette
    indices = np.minimum(samples[..., 0], palette.shape[1] - 1)
    return np.asarray(high.T.astype(np.uint8)[indices])


def _with_alpha(
    page: Any, samples: npt.NDArray[Any], photometric: int, notes: tuple[str, ...]
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Keep colour and, where the file says so, alpha; leave out other extra samples, and say so."""
    own = 1 if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 3
    count = samples.shape[2]
    if count < own:
        raise damaged("The TIFF has fewer samples a pixel than its colour model")
    if count == own:
        return samples, notes
    extra = [int(one) for one in (page.extrasamples or ())]
    kind = extra[0] if extra else 0
    if kind not in (_ASSOCIATED, _UNASSOCIATED, _COREL):
        return samples[..., :own], (
            *notes,
            f"{count - own} further samples a pixel, of no stated meaning, were left out.",
        )
    samples = samples[..., : own + 1]
    if kind == _ASSOCIATED:
        full = (1 << _bits(page)) - 1
        alpha = samples[..., -1:].astype(np.float32)
        colour = samples[..., :-1] * (full / np.maximum(alpha, 1.0))
        samples = np.concatenate([np.minimum(colour, full).astype(samples.dtype), samples[..., -1:]], axis=2)
    return samples, notes


def _stated_maximum(page: Any) -> int | None:
    value = page.tags.valueof(281)
    value = max(value) if isinstance(value, tuple) else value
    return int(value) if isinstance(value, int) else None


def microns(file: tifffile.TiffFile, page: Any) -> float | None:
    """Give a pixel's size in micrometres, by the first of: Aperio's text, OME's, ImageJ's, the resolution."""
    text = page.description if isinstance(page.description, str) else ""
    found = _APERIO_MICRONS.search(text[:4_000])
    if found:
        return plausible_microns(float(found[1])) if found[1].count(".") <= 1 and found[1].strip(".") else None
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
