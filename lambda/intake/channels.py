"""Channels in pages of their own (OME-TIFF, ImageJ composites), put together to the colour that they are."""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tifffile

from . import deep
from .errors import UnreadableImage
from .raster import Colour, Decoded
from .source import Source
from .tiff_page import check_page, decode_page, microns

_COLOUR: Final = re.compile(r'<Channel\b[^>]*\bColor="(-?[0-9]{1,11})"')
_NAME: Final = re.compile(r'<Channel\b[^>]*\bName="([^"]{0,80})"')
_PRIMARIES: Final[dict[tuple[int, ...], int]] = {(255, 0, 0): 0, (0, 255, 0): 1, (0, 0, 255): 2}
_NAMES: Final = {"red": 0, "r": 0, "green": 1, "g": 1, "blue": 2, "b": 2}
_ORDER: Final = (0, 1, 2)


def stacked(file: tifffile.TiffFile, max_pixels: int) -> Decoded | None:
    """Put three channels together; None where the pages are no channels.

    Raises
    ------
    UnreadableImage
        For channels that are not red, green and blue.
    """
    series = file.series[0]
    axes = series.axes
    count = series.shape[axes.index("C")] if "C" in axes else 1
    if count == 1 or "S" in axes or "Y" not in axes or "X" not in axes:
        return None
    order = primaries(file, count)
    if order is None:
        raise UnreadableImage(
            f"The TIFF's {count} channels are not red, green and blue: show the field in colour "
            "(ImageJ: Image > Color > Stack to RGB) and save that.",
            "channels-not-colour",
        )
    page: Any = series.pages[0]
    first = page if isinstance(page, tifffile.TiffPage) else page.aspage()
    check_page(first, max_pixels, file.filehandle.size)
    planes = _planes(file, series, axes, count, max_pixels)
    samples = np.stack([planes[order.index(channel)] for channel in _ORDER], axis=2)
    notes = [f"{count} channels in pages of their own were put together as red, green and blue."]
    frames = len(series.pages)
    if frames > count:
        notes.append("Of its planes and times only the first was read.")
    bits = first.bitspersample
    source = Source("TIFF", int(bits), "channels", microns_per_pixel=microns(file, first))
    return deep.of_samples(samples, int(bits), source, Colour(), tuple(notes), frames=frames)


def _planes(
    file: tifffile.TiffFile,
    series: Any,
    axes: str,
    count: int,
    max_pixels: int,
) -> list[npt.NDArray[Any]]:
    """Decode the page of each channel at the first plane and time."""
    shape = {axis: side for axis, side in zip(axes, series.shape, strict=True) if axis not in "YX"}
    stride = 1
    for axis in reversed(list(shape)):
        if axis == "C":
            break
        stride *= shape[axis]
    height, width = series.shape[axes.index("Y")], series.shape[axes.index("X")]
    deep.check_bytes(width, height, count, series.dtype.itemsize * 8)
    if len(series.pages) < count * stride - stride + 1:
        # ImageJ writes one directory for a stack whose planes follow each other.
        deep.check_bytes(width, height, int(np.prod(list(shape.values()))), series.dtype.itemsize * 8)
        whole = series.asarray(maxworkers=1)
        index = tuple(slice(None) if axis in "CYX" else 0 for axis in axes)
        return list(whole[index])
    planes = []
    for channel in range(count):
        page: Any = series.pages[channel * stride]
        if page is None:
            raise UnreadableImage("A channel of the TIFF is missing.", "damaged")
        page = page if isinstance(page, tifffile.TiffPage) else page.aspage()
        check_page(page, max_pixels, file.filehandle.size)
        planes.append(decode_page(page)[..., 0])
    return planes


def primaries(file: tifffile.TiffFile, count: int) -> tuple[int, ...] | None:
    """Tell which of red (0), green (1) and blue (2) each channel is; None where they are not these three.

    Channels of which nothing is said are taken in order.
    """
    if count != 3:
        return None
    if file.is_ome:
        text = (file.ome_metadata or "")[:100_000]
        colours = [_rgb(int(value)) for value in _COLOUR.findall(text)][:count]
        tinted = [colour for colour in colours if colour != (255, 255, 255)]
        if tinted:
            return _permutation([_PRIMARIES.get(colour, -1) for colour in colours])
        names = [name.strip().lower() for name in _NAME.findall(text)][:count]
        if names and not all(re.fullmatch(r"(channel|c|ch)?[ _:]*[0-9:]*", name) for name in names):
            return _permutation([_NAMES.get(name, -1) for name in names])
        return _ORDER
    luts = (file.imagej_metadata or {}).get("LUTs")
    if luts is not None and len(luts) >= count:
        return _permutation([_PRIMARIES.get(tuple(int(v) for v in np.asarray(lut)[:, -1]), -1) for lut in luts[:count]])
    return _ORDER


def _rgb(value: int) -> tuple[int, int, int]:
    unsigned = value & 0xFFFFFFFF
    return unsigned >> 24, unsigned >> 16 & 255, unsigned >> 8 & 255


def _permutation(channels: list[int]) -> tuple[int, ...] | None:
    return tuple(channels) if sorted(channels) == [0, 1, 2] else None
